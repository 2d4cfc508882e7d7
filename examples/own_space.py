"""A latent space of one's own: an edit is a few numbers along the principal components of w.

    python examples/own_space.py --steps 30 --out out

A space says what shape a delta has and how faces move along it; all the rest is inherited. It is registered, so that
files of directions that live in it can be read again.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

import eclipsed

COMPONENTS = 24


@eclipsed.register_space
class Components(eclipsed.Space):
    """Weights of the first principal components of w, in standard deviations; all chosen rows move alike."""

    name = "components"

    @property
    def shape(self) -> tuple[int, ...]:
        return (COMPONENTS,)

    @cached_property
    def axes(self) -> Tensor:
        """Principal components times their standard deviations, (COMPONENTS, w_dim)."""
        with torch.no_grad():
            w = self.generator.mapping(self.generator.z(range(2000)))[:, 0]
        _, deviations, axes = torch.linalg.svd(w - w.mean(dim=0), full_matrices=False)
        scaled: Tensor = axes[:COMPONENTS] * deviations[:COMPONENTS, None] / len(w) ** 0.5
        return scaled

    def move(self, latent: eclipsed.Latent, delta: Tensor, alpha: Tensor | float) -> eclipsed.Latent:
        strength = torch.as_tensor(alpha, dtype=latent.ws.dtype, device=latent.ws.device).reshape(-1, 1, 1)
        chosen = torch.zeros(self.generator.num_ws, 1, device=latent.ws.device)
        chosen[list(self.rows)] = 1.0
        return replace(latent, ws=latent.ws + strength * chosen * (delta @ self.axes))

    def keep(self, delta: Tensor) -> Tensor:
        return delta

    def constrain(
        self, deltas: Tensor, statistics: eclipsed.WStatistics, *, project: bool, row_cap: float | None
    ) -> Tensor:
        return deltas.clamp(-3, 3)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("prompt", nargs="?", default="a person with blond hair")
    options.add_argument("--steps", type=int, default=30)
    options.add_argument("--out", type=Path, default=Path("out"))
    given = options.parse_args()

    editor = eclipsed.Editor.from_pretrained("mini")
    config = eclipsed.TrainConfig(space=Components, steps=given.steps, layers=(6, 7, 8, 9, 10, 11), start_scale=0.01)
    given.out.mkdir(parents=True, exist_ok=True)
    path = editor.train(given.prompt, config=config).save(given.out / "own-space.safetensors")
    direction = eclipsed.Direction.load(path)
    print(f"{direction.space}: {direction.deltas.shape[1]} numbers, the largest {direction.deltas.abs().max():.2f}")
    faces = editor.sample(seeds=[2001, 2002, 2003])
    editor.edit(faces, direction).strip().save(given.out / "own-space.png")
    print(given.out / "own-space.png")


if __name__ == "__main__":
    main()
