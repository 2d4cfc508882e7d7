"""Learn a direction from one sentence, keep it, and look at it on faces it was not trained on.

python examples/train_and_edit.py "a person with blond hair"
"""

import argparse
import math
from pathlib import Path

import eclipsed


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("prompt", nargs="?", default="a person with blond hair")
    options.add_argument("--out", type=Path, default=Path("out/train_and_edit"))
    options.add_argument("--steps", type=int, default=eclipsed.TrainConfig().steps)
    options.add_argument("--models", default="mini", help="a model set, or a folder with set.json")
    chosen = options.parse_args()

    editor = eclipsed.Editor.from_pretrained(chosen.models)
    config = eclipsed.TrainConfig(steps=chosen.steps)

    def show(step: eclipsed.TrainStep) -> None:
        if step.step % 25 == 0:
            loss = "" if math.isnan(step.loss) else f"  loss {step.loss:.3f}"  # no loss while the faces are looked at
            print(f"{step.phase} {step.step}/{step.steps}{loss}")

    direction = editor.train(chosen.prompt, config=config, callback=show)
    print(direction.save(chosen.out / f"{direction.name}.safetensors"))

    faces = editor.sample(seeds=[1, 2, 3])
    edited = editor.edit(faces, direction, alpha=1.0)
    picture = chosen.out / f"{direction.name}.png"
    edited.strip().save(picture)
    print(picture)


if __name__ == "__main__":
    main()
