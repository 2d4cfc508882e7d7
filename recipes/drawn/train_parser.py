"""Train a drawn set's parser, a narrow BiSeNet, on the exact labels of the pictures."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed.checkpoints.parsing import read_parser
from eclipsed.networks.bisenet import BiSeNet
from recipes.drawn.dataset import Pictures, pictures
from recipes.drawn.recipe import Recipe, find_recipe
from recipes.drawn.running import learning_rate, options, save

__all__ = ["MEAN", "SIZE", "STD", "WIDTH", "evaluate", "prepare", "train"]

WIDTH = 16
#: a cell of the logits is an eighth of this: at 256 it spans 4 px of a picture, too coarse for brows (mIoU 0.79)
SIZE = 320
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def prepare(images: Tensor) -> Tensor:
    """Pictures in [−1, 1] as the network wants them: SIZE px, ImageNet mean and deviation."""
    images = F.interpolate(images, size=(SIZE, SIZE), mode="bilinear", align_corners=False)
    return ((images + 1) / 2 - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


def _mirrored(parts: Sequence[str]) -> Tensor:
    """The label of each part in a mirrored picture, where left and right swap."""
    names = (part.replace("left", "\0").replace("right", "left").replace("\0", "right") for part in parts)
    return torch.tensor([parts.index(name) for name in names])


def _augment(images: Tensor, labels: Tensor, swap: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    n = len(images)
    flip = torch.rand(n, generator=rng) < 0.5
    images = torch.where(flip[:, None, None, None], images.flip(3), images)
    labels = torch.where(flip[:, None, None], swap[labels.flip(2)], labels)
    soft = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    share = (torch.rand(n, 1, 1, 1, generator=rng) * 1.6 - 0.6).clamp_min(0)
    images = images + share * (soft - images)
    tint = 1 + 0.06 * (torch.rand(n, 3, 1, 1, generator=rng) * 2 - 1)
    images = (images + 1) * tint - 1 + 0.02 * torch.randn(images.shape, generator=rng)
    return images, labels


@torch.no_grad()
def evaluate(network: BiSeNet, images: Tensor, labels: Tensor, parts: int) -> Tensor:
    """Intersection over union of so many parts, (parts,)."""
    network.eval()
    hit, either = torch.zeros(parts), torch.zeros(parts)
    for image, label in zip(images.split(50), labels.split(50), strict=True):
        logits = network(prepare(image.float() / 127.5 - 1))[0]
        guess = F.interpolate(logits, size=label.shape[1:], mode="bilinear", align_corners=False).argmax(1)
        for k in range(parts):
            hit[k] += ((guess == k) & (label == k)).sum()
            either[k] += ((guess == k) | (label == k)).sum()
    network.train()
    return hit / either.clamp_min(1)


def _loss(network: BiSeNet, images: Tensor, labels: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy of the main head and 0.3 of each auxiliary one, at the sizes that they work at.

    A cell's target is the share of each part in it, so that the logits know where in the cell an edge runs. At full
    size the same step takes three times as long.
    """
    with torch.autocast("cpu", torch.bfloat16):
        spatial, context8, context16 = network.cp(prepare(images).contiguous(memory_format=torch.channels_last))
        heads = (
            (1.0, network.conv_out(network.ffm(spatial, context8))),
            (0.3, network.conv_out16(context8)),
            (0.3, network.conv_out32(context16)),
        )
    shares = F.one_hot(labels, len(weight)).movedim(3, 1).float() * weight[:, None, None]
    shares = F.avg_pool2d(shares, 3, stride=1, padding=1)
    loss = images.new_zeros(())
    for factor, logits in heads:
        # facexlib enlarges its logits from corner to corner, so that is where their targets lie
        target = F.interpolate(shares, size=logits.shape[2:], mode="bilinear", align_corners=True)
        loss = loss - factor * (target * logits.float().log_softmax(1)).sum(1).mean()
    return loss


def train(
    recipe: Recipe,
    data: Pictures,
    held_out: Pictures,
    folder: Path,
    *,
    steps: int = 1100,
    batch: int = 16,
    rate: float = 4e-3,
    start: Path | None = None,
    threads: int = 1,
) -> None:
    """Train, from where the last run stopped; the state lies in ``folder/parser.pt``.

    Args:
        recipe: of the pictures.
        start: a finished ``parser.safetensors`` to go on from.
    """
    torch.set_num_threads(threads)
    parts = recipe.world.parts
    swap = _mirrored(parts)
    file = folder / "parser.pt"
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = BiSeNet(len(parts), width=WIDTH)
    if start is not None:
        network.load_state_dict(read_parser(start, world=recipe.world)[1])
    network.train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-3)
    first = 0
    if file.exists():
        state = torch.load(file, weights_only=True)
        network.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        first = state["step"]
    counts = torch.bincount(data.labels[:2000].flatten().long(), minlength=len(parts)).float()
    weight = (counts / counts.sum()).clamp_min(1e-4) ** -0.35
    weight = weight / weight.mean()
    began = time.time()
    for step in range(first, steps):
        rng = torch.Generator().manual_seed(step)
        picked = torch.randint(len(data), (batch,), generator=rng)
        image, label = _augment(data.images[picked].float() / 127.5 - 1, data.labels[picked].long(), swap, rng)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(rate, step, steps, warmup=60, floor=0.02)
        loss = _loss(network, image, label, weight)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if (step + 1) % 50 == 0:
            speed = (step + 1 - first) * batch / (time.time() - began)
            print(f"parser {step + 1}/{steps} loss {float(loss):.4f} {speed:.1f} img/s", flush=True)
        if (step + 1) % 200 == 0 or step + 1 == steps:
            scores = evaluate(network, held_out.images[:200], held_out.labels[:200].long(), len(parts))
            print(
                f"  mIoU {float(scores.mean()):.3f} "
                + " ".join(f"{p} {s:.2f}" for p, s in zip(parts, scores, strict=True)),
                flush=True,
            )
            save(file, model=network.state_dict(), optimiser=optimiser.state_dict(), step=step + 1)


def main() -> None:
    args = options(__doc__, steps=1100, finished="parser.safetensors").parse_args()
    recipe = find_recipe(args.recipe)
    work = args.work or recipe.work
    train(
        recipe,
        *pictures(work),
        work,
        steps=args.steps,
        rate=4e-3 if args.start is None else 2e-3,
        start=args.start,
        threads=args.threads,
    )


if __name__ == "__main__":
    main()
