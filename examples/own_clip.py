"""Learn a direction with a CLIP of one's own: two functions, one that reads pictures and one that reads sentences.

python examples/own_clip.py "a person with blond hair"

The model here knows nothing but colours. A picture becomes how much of its upper half looks like each of six colours of
hair; a sentence becomes the colours that it names. It cannot tell hair from what is behind it, so that the edit is held
to the hair by the parser alone. Any model of pictures and sentences can take its place: only the two functions change.
"""

import argparse
from pathlib import Path

import torch

import eclipsed

#: Colours of hair as they are seen, in [-1, 1].
COLOURS = {
    "black": (-0.85, -0.85, -0.85),
    "brown": (-0.45, -0.65, -0.75),
    "red": (0.25, -0.45, -0.65),
    "blond": (0.65, 0.4, -0.2),
    "grey": (0.1, 0.1, 0.1),
    "white": (0.85, 0.85, 0.85),
}


def see(images: torch.Tensor) -> torch.Tensor:
    """Share of each colour in the upper half of pictures (N, 3, H, W) in [-1, 1], (N, 6); differentiable."""
    table = torch.tensor(list(COLOURS.values()), device=images.device)
    top = images[:, :, : images.shape[2] // 2]
    squares = (top[:, None] - table[None, :, :, None, None]).square().sum(dim=2)  # (N, 6, H / 2, W)
    return squares.mul(-4).softmax(dim=1).mean(dim=(2, 3)) - 1 / len(COLOURS)


def read(sentences: list[str]) -> torch.Tensor:
    """Which colours sentences name, (T, 6); all of them alike where none is named."""
    named = torch.tensor([[float(colour in sentence.split()) for colour in COLOURS] for sentence in sentences])
    return torch.where(named.sum(dim=1, keepdim=True) > 0, named - named.mean(dim=1, keepdim=True), 1.0)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("prompt", nargs="?", default="a person with blond hair")
    options.add_argument("--steps", type=int, default=eclipsed.TrainConfig().steps)
    options.add_argument("--out", type=Path, default=Path("out/own_clip"))
    chosen = options.parse_args()

    clip = eclipsed.CallableClip(see, read, name="six colours", size=64, logit_scale=10)
    mini = eclipsed.Editor.from_pretrained("mini")
    editor = eclipsed.Editor(mini.generator, mini.parser, clip, truncation_psi=mini.truncation_psi)

    # What else a sentence may speak of (glasses, hats, …) is nothing to this CLIP, so it keeps none of it as it was.
    config = eclipsed.TrainConfig(steps=chosen.steps, keep_weight=0.0)
    direction = editor.train(chosen.prompt, config=config)
    print(direction.save(chosen.out / f"{direction.name}.safetensors"))

    faces = mini.sample(seeds=[1, 2, 3])
    edited = editor.edit(faces, direction, alpha=1.0)
    said = editor.clip.encode_text(chosen.prompt)[0]
    before, after = (float((clip.encode_images(one.images) @ said).mean()) for one in (faces, edited))
    print(f"cosine of picture and sentence: {before:.2f} before, {after:.2f} after")
    print(eclipsed.save_picture(editor.strip(faces, direction), chosen.out / "strip.png"))


if __name__ == "__main__":
    main()
