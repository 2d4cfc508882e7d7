"""What the CLIP of `mini` sees of 2,048 of its faces, so that a first training need not look at them.

Run from the checkout, after the networks have changed: ``python -m recipes.mini.survey``. It lies beside them in
``checkpoints/mini``, under a name that says which networks it belongs to.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from eclipsed import Editor
from eclipsed.directions.survey import Survey
from eclipsed.directions.survey_file import survey_key
from eclipsed.files import header
from eclipsed.files.kinds import SURVEY
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.values.seeds import SURVEY_FACES
from recipes.mini.latent import SIDE

__all__ = ["main"]

_FOLDER = Path(__file__).parents[2] / "checkpoints" / "mini"


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    editor = Editor.from_pretrained("mini")
    key = survey_key(editor.generator, editor.clip, SIDE)
    for old in _FOLDER.glob("survey-*.safetensors"):
        old.unlink()
    seen = Survey.of(editor.generator, editor.clip, options=SynthesisOptions(resolution=SIDE), count=SURVEY_FACES)
    path = _FOLDER / f"survey-{key}.safetensors"
    header.write(path, SURVEY, {}, {"embedding": seen.embedding.half()})
    print(f"{path}: {SURVEY_FACES} faces, {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
