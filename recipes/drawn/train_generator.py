"""Distil the renderer into a StyleGAN2 synthesis network: true values in, rendered picture out.

Nothing has to be discovered: w is the picture's values in a fixed frame, so the loss is a plain distance to the
rendered picture. Each picture only shows the coarse values of its coarse rows and so on; the other values of these
rows are those of another one, and the network learns to ignore them. That is what gives the rows their meaning.

A block above 128 px is trained alone: all below it is finished by then, and its last two rows say nothing, so that what
is learned of an edit at 128 px holds there.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import open_clip
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from eclipsed.checkpoints.generators import read_generator
from eclipsed.networks.layers import SynthesisOptions
from eclipsed.networks.stylegan2 import StyleGAN2
from recipes.drawn import clip_architecture
from recipes.drawn.dataset import Pictures
from recipes.drawn.latent import CENTRE, SIDE
from recipes.drawn.recipe import Recipe, Stage, find_recipe
from recipes.drawn.running import base_options
from recipes.drawn.texture import learn_noise, texture
from recipes.drawn.weights import fill, move_centre, moved_at, start_quiet

__all__ = ["DTYPE", "Run", "Tower", "distance", "pixel_weights", "train"]

#: what features are computed in; processors that multiply bfloat16 in hardware train twice as fast
DTYPE = torch.bfloat16

#: noise maps learn faster than weights, since they are read through a small factor
NOISE_RATE = 3


def pixel_weights(recipe: Recipe, labels: Tensor, resolution: int) -> Tensor:
    """(B, 1, resolution, resolution) from full-size labels."""
    table = torch.ones(len(recipe.world.parts))
    for part, weight in recipe.part_weights.items():
        table[recipe.world.label(part)] = weight
    full = table.to(labels.device)[labels.long()][:, None]
    return F.interpolate(full, size=(resolution, resolution), mode="area")


def distance(image: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted L1 + L2, and L1 of the gradients, at three scales."""
    total = image.new_zeros(())
    for scale in range(3):
        if scale:
            image, target, weight = (F.avg_pool2d(t, 2) for t in (image, target, weight))
        error = image - target
        norm = weight.mean()
        total = total + ((error.abs() + error.square()) * weight).mean() / norm
        for axis in (2, 3):
            slope = error.diff(dim=axis)
            total = total + 0.7 * (slope.abs() * weight.narrow(axis, 1, slope.shape[axis])).mean() / norm
    return total


class Tower(torch.nn.Module):
    """The maps of a CLIP's image tower, frozen: blush, freckles and wrinkles are faint in pixels, but not to it.

    Args:
        model: trained on renders of the generator's size.
    """

    def __init__(self, model: open_clip.CLIP) -> None:
        super().__init__()
        self.visual = model.visual.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        self._maps: list[Tensor] = []
        for layer in (self.visual.layer1, self.visual.layer2, self.visual.layer3, self.visual.layer4):
            layer.register_forward_hook(lambda _module, _inputs, output: self._maps.append(output))

    @classmethod
    def from_file(cls, file: Path) -> Tower:
        """The tower of a training's state (``clip.pt``), or of a finished ``open_clip_model.safetensors``."""
        model = clip_architecture.build()
        finished = file.suffix == ".safetensors"
        model.load_state_dict(load_file(file) if finished else torch.load(file, weights_only=True)["model"])
        return cls(model)

    def maps(self, image: Tensor) -> list[Tensor]:
        """Four maps of fewer and fewer places, each place of unit length (as LPIPS has them)."""
        self._maps.clear()
        with torch.autocast(image.device.type, DTYPE):
            self.visual(image.contiguous(memory_format=torch.channels_last))
        return [F.normalize(m.float(), dim=1) for m in self._maps]

    def forward(self, image: Tensor, target: Tensor) -> Tensor:
        """Mean squared distance of the maps, summed over the four."""
        with torch.no_grad():
            goals = self.maps(target)
        pairs = zip(self.maps(image), goals, strict=True)
        return torch.stack([(a - b).square().sum(1).mean() for a, b in pairs]).sum()


class Run:
    """Networks, optimiser and place in the schedule; saved and restored as one file."""

    def __init__(
        self, recipe: Recipe, file: Path, stages: tuple[Stage, ...], start: Path | None = None, device: str = "cpu"
    ) -> None:
        self.file, self.stages, self.latent = file, stages, recipe.latent
        with torch.random.fork_rng():
            torch.manual_seed(1)
            self.network = StyleGAN2(recipe.generator).synthesis
        start_quiet(self.network, self.latent)
        if start is not None:
            state = read_generator(start)[1]
            fill(
                self.network,
                {key.removeprefix("synthesis."): t for key, t in state.items() if key.startswith("synthesis.")},
            )
            move_centre(self.network, -CENTRE)
        learn_noise(self.network, recipe.patterns)
        self.network.to(device)
        self.average = deepcopy(self.network)
        self.place, self.step = 0, 0
        if not file.exists():
            self.begin(0)
            return
        state = torch.load(file, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.begin(state["stage"])
        self.step = state["step"]
        if self.stage is not None:
            self.optimiser.load_state_dict(state["optimiser"])

    @property
    def stage(self) -> Stage | None:
        """What is being trained; None when all is done."""
        return self.stages[self.place] if self.place < len(self.stages) else None

    def begin(self, place: int) -> None:
        """Go to a stage, with a new optimiser."""
        self.place, self.step = place, 0
        if self.stage is None:
            return
        moved = moved_at(self.network, self.latent, self.stage.resolution)
        named = {name: p.requires_grad_(name in moved) for name, p in self.network.named_parameters()}
        maps = [p for name, p in named.items() if p.requires_grad and name.endswith("noise_const")]
        rest = [p for name, p in named.items() if p.requires_grad and not name.endswith("noise_const")]
        groups = [{"params": rest, "times": 1}, {"params": maps, "times": NOISE_RATE}]
        self.optimiser = torch.optim.Adam(groups, lr=0.01, betas=(0.9, 0.99))

    def save(self) -> None:
        part = self.file.with_suffix(".part")
        state: dict[str, Any] = {"network": self.network.state_dict(), "average": self.average.state_dict()}
        state |= {"optimiser": self.optimiser.state_dict(), "stage": self.place, "step": self.step}
        torch.save(state, part)
        part.rename(self.file)

    def descend(self, loss: Tensor) -> None:
        """One step; the rate rises, then falls along a cosine, and the average follows."""
        stage = self.stages[self.place]
        warm = min(1.0, (self.step + 1) / 50)
        rate = stage.learning_rate * warm * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * self.step / stage.steps)))
        for group in self.optimiser.param_groups:
            group["lr"] = group["times"] * rate
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.step += 1
        self._follow(min(stage.ema, 1 - 1 / self.step))

    @torch.no_grad()
    def _follow(self, decay: float) -> None:
        torch._foreach_lerp_(list(self.average.parameters()), list(self.network.parameters()), 1 - decay)


def train(
    recipe: Recipe,
    folder: Path,
    *,
    start: Path | None = None,
    stages: tuple[Stage, ...] | None = None,
    clip: Path | None = None,
    threads: int = 1,
    device: str = "cpu",
) -> None:
    """Train all stages, from where the last run stopped.

    Args:
        recipe: of the pictures.
        folder: the state lies in its ``synthesis.pt``, that of CLIP, trained on renders, in ``clip.pt``, renders in
            ``renders`` and larger ones, of stages above `SIDE`, in ``renders256``.
        start: a finished generator to go on from.
        stages: one after the other; None is the recipe's.
        clip: a finished CLIP whose tower to see with, instead of that in ``folder``.
        threads: of torch.
        device: where to train.
    """
    torch.set_num_threads(threads)
    run = Run(recipe, folder / "synthesis.pt", stages or recipe.stages, start, device)
    tower = Tower.from_file(clip or folder / "clip.pt").to(device)
    lesson: Lesson | None = None
    while (stage := run.stage) is not None:
        shown = folder / ("renders" if stage.resolution <= SIDE else f"renders{stage.resolution}")
        if lesson is None or lesson.folder != shown:
            lesson = Lesson(recipe, shown, run.network, tower)
        started, first = time.time(), run.step
        while run.step < stage.steps:
            rng = torch.Generator().manual_seed(run.place * 1_000_003 + run.step)
            loss = lesson.loss(stage, rng)
            run.descend(loss)
            if run.step % 50 == 0:
                speed = (run.step - first) * stage.batch / (time.time() - started)
                print(f"{stage.resolution} px {run.step}/{stage.steps} loss {loss:.4f} {speed:.1f} img/s", flush=True)
            if run.step % 150 == 0:
                run.save()
        run.begin(run.place + 1)
        run.save()


class Lesson:
    """What the network is shown at a step, and how far off its pictures are.

    Args:
        recipe: of the pictures.
        folder: of the renders; they move to the network's device.
        network: what learns.
        tower: see `Tower`.
    """

    def __init__(self, recipe: Recipe, folder: Path, network: torch.nn.Module, tower: Tower) -> None:
        self.recipe, self.folder, self.tower = recipe, folder, tower
        self.device = next(network.parameters()).device
        self.data = data = Pictures(folder).to(self.device)
        self.draw: Callable[..., Any] = network
        self.texture = texture
        if self.device.type == "cpu":  # a GPU is through with the training before compiling has paid
            torch._dynamo.config.recompile_limit = 64  # each layer has a shape of its own
            self.draw, self.texture = torch.compile(network, dynamic=False), torch.compile(texture, dynamic=False)
        self.rare = (data.values[:, recipe.values.index[recipe.rare]] > 0).nonzero()[:, 0]

    def loss(self, stage: Stage, rng: torch.Generator) -> Tensor:
        """The loss of one batch, with gradient."""
        data, picked = self.data, self._picked(stage, rng)
        ws = self.recipe.latent.rows_of(data.values[picked], rng=rng).to(self.device)
        target = data.images[picked].float() / 127.5 - 1
        target = F.interpolate(target, size=(stage.resolution, stage.resolution), mode="area")
        weight = pixel_weights(self.recipe, data.labels[picked], stage.resolution)
        image = self.draw(ws, SynthesisOptions(resolution=stage.resolution, dtype=DTYPE)).image
        loss = distance(image, target, weight)
        if stage.seen:
            loss = loss + stage.seen * self.tower(image, target)
        if stage.texture:
            counts = weight.clamp_min(1.0) + self._detail(picked, stage.resolution)
            loss = loss + stage.texture * self.texture(image.float(), target, counts)
        return loss

    def _picked(self, stage: Stage, rng: torch.Generator) -> Tensor:
        """Which pictures; where textures are compared, three eighths more have what is rare."""
        picked = torch.randint(len(self.data), (stage.batch,), generator=rng)
        if stage.texture:
            some = torch.randint(len(self.rare), (3 * stage.batch // 8,), generator=rng)
            picked[: len(some)] = self.rare[some]
        return picked

    def _detail(self, picked: Tensor, resolution: int) -> Tensor:
        more = self.recipe.detail(self.data.values[picked], self.data.labels[picked])
        return F.interpolate(more, size=(resolution, resolution), mode="area")


def main() -> None:
    parser = base_options(__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--start", type=Path, help="a finished generator.safetensors to go on from")
    parser.add_argument("--device", default="cpu", help="on a GPU the last stage at 128 px has larger batches")
    args = parser.parse_args()
    recipe = find_recipe(args.recipe)
    stages = recipe.stages if args.start is None else recipe.go_on
    if args.device != "cpu":
        finest = tuple(stage for stage in stages if stage.resolution > SIDE)
        begun = stages[: len(stages) - len(finest) - 1] if args.start is None else ()
        stages = (*begun, recipe.on_gpu, *finest)
    train(
        recipe,
        args.work or recipe.work,
        start=args.start,
        stages=stages,
        threads=args.threads,
        device=args.device,
    )


if __name__ == "__main__":
    main()
