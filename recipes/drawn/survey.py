"""What the CLIP of a set sees of 2,048 of its pictures, so that a first training need not look at them.

Run from the checkout, after the networks have changed: ``python -m recipes.drawn.survey mini``. It lies beside them in
``checkpoints/mini``, under a name that says which networks it belongs to.
"""

from __future__ import annotations

from eclipsed import Editor
from eclipsed.directions.survey import Survey
from eclipsed.directions.survey_file import survey_key
from eclipsed.files import header
from eclipsed.files.kinds import SURVEY
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.values.seeds import SURVEY_FACES
from recipes.drawn.latent import SIDE
from recipes.drawn.recipe import find_recipe
from recipes.drawn.running import base_options

__all__ = ["main"]


def main() -> None:
    folder = find_recipe(base_options(__doc__).parse_args().recipe).set_folder
    editor = Editor.from_pretrained(folder)
    key = survey_key(editor.generator, editor.clip, SIDE)
    for old in folder.glob("survey-*.safetensors"):
        old.unlink()
    seen = Survey.of(editor.generator, editor.clip, options=SynthesisOptions(resolution=SIDE), count=SURVEY_FACES)
    path = folder / f"survey-{key}.safetensors"
    header.write(path, SURVEY, {}, {"embedding": seen.embedding.half()})
    print(f"{path}: {SURVEY_FACES} pictures, {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
