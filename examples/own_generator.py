"""Edit with a generator of one's own: its sizes and its weights, wherever they come from.

python examples/own_generator.py --generator ffhq.pkl

A file in a public layout needs no more than ``eclipsed.Generator.from_file``. Weights that are made in Python go by
NVIDIA's key names; here they are those of a file with the noise taken out.
"""

import argparse
from pathlib import Path

import eclipsed


def still_generator(path: Path) -> eclipsed.Generator:
    """The generator of a file, without the noise that every layer adds."""
    config, state = eclipsed.read_generator(path)  # nothing in the file is run
    still = {key: value * 0 if key.endswith("noise_strength") else value for key, value in state.items()}
    return eclipsed.Generator(config, still, name=f"{path.stem}, still")


def main() -> None:
    mini = eclipsed.find_set("mini")
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--generator", type=Path, default=mini.generator, help="NVIDIA .pkl, rosinality .pt, …")
    options.add_argument("--steps", type=int, default=eclipsed.TrainConfig().steps)
    options.add_argument("--out", type=Path, default=Path("out/own_generator"))
    chosen = options.parse_args()

    generator = still_generator(chosen.generator)
    for layer in generator.layers:
        print(f"{layer.name:12s} {layer.resolution:4d} px  row {layer.row:2d}  {layer.channels} channels")
    editor = eclipsed.Editor(generator, mini.parser, mini.clip.model, truncation_psi=mini.truncation_psi)
    direction = editor.train("a person with blond hair", config=eclipsed.TrainConfig(steps=chosen.steps))
    print(direction.save(chosen.out / f"{direction.name}.safetensors"))  # it fits this generator, and no other
    print(eclipsed.save_picture(editor.strip(editor.sample(seeds=[1, 2, 3]), direction), chosen.out / "strip.png"))


if __name__ == "__main__":
    main()
