"""The judge: a classifier that reads every attribute from a picture, and never takes part in learning a direction.

Its architecture, its seed and its training pictures' augmentation are its own, so that a direction which fools CLIP
need not fool the judge. It sees renders, and pictures of the generator with their true facts.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed.checkpoints.plain import compacted
from eclipsed.files import header
from eclipsed.files.kinds import CLASSIFIER
from eclipsed.pretrained.classifier import Classifier
from recipes.drawn.augmentation import augment
from recipes.drawn.dataset import Pictures, pictures
from recipes.drawn.facts import UNKNOWN, Facts
from recipes.drawn.recipe import Recipe, find_recipe
from recipes.drawn.running import learning_rate, options, save

__all__ = ["describe", "evaluate", "export", "new", "train"]


def new(facts: Facts) -> Classifier:
    """A classifier of all attributes, with random weights of its own seed."""
    with torch.random.fork_rng():
        torch.manual_seed(77)
        return Classifier(facts.attributes, facts.requires)


def _loss(facts: Facts, logits: Sequence[Tensor], classes: Mapping[str, Tensor]) -> Tensor:
    losses = []
    for (attribute, names), guess in zip(facts.attributes.items(), logits, strict=True):
        label = classes[attribute]
        if (label != UNKNOWN).any():
            losses.append(F.cross_entropy(guess, label, ignore_index=UNKNOWN) / math.log(len(names)))
    return torch.stack(losses).mean()


def evaluate(facts: Facts, judge: Classifier, images: Tensor, values: Tensor) -> dict[str, float]:
    """Mean accuracy over the classes of each attribute, on pictures uint8 (N, 3, 128, 128)."""
    judge.eval()
    guesses = judge.probabilities(images.float() / 127.5 - 1)
    classes, out = facts(values), {}
    for attribute, names in facts.attributes.items():
        label, best = classes[attribute], guesses[attribute].argmax(1)
        hits = [(best[label == k] == k).float().mean() for k in range(len(names)) if (label == k).any()]
        out[attribute] = float(torch.stack(hits).mean())
    return out


def train(
    recipe: Recipe,
    data: Pictures,
    held_out: Pictures,
    folder: Path,
    *,
    steps: int = 2000,
    batch: int = 64,
    rate: float = 2e-3,
    start: Path | None = None,
    threads: int = 1,
) -> None:
    """Train, from where the last run stopped; the state lies in ``folder/judge.pt``.

    Args:
        recipe: of the pictures.
        start: a finished ``classifier.safetensors`` to go on from.
    """
    torch.set_num_threads(threads)
    file, facts = folder / "judge.pt", recipe.facts
    judge = new(facts) if start is None else Classifier.from_file(start, device="cpu")
    network = judge.network.requires_grad_(True)
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=2e-2)
    first = 0
    if file.exists():
        state = torch.load(file, weights_only=True)
        network.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        first = state["step"]
    known = facts(data.values)
    began = time.time()
    for step in range(first, steps):
        rng = torch.Generator().manual_seed(900_000_000 + step)
        picked = torch.randint(len(data), (batch,), generator=rng)
        image = augment(data.images[picked].float() / 127.5 - 1, rng=rng)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(rate, step, steps, warmup=100, floor=0.01)
        network.train()
        loss = _loss(facts, network(image), {a: t[picked] for a, t in known.items()})
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if (step + 1) % 100 == 0:
            speed = (step + 1 - first) * batch / (time.time() - began)
            print(f"judge {step + 1}/{steps} loss {float(loss):.4f} {speed:.0f} img/s", flush=True)
        if (step + 1) % 500 == 0 or step + 1 == steps:
            scores = evaluate(facts, judge, held_out.images[:1000], held_out.values[:1000])
            print(
                f"  mean {sum(scores.values()) / len(scores):.3f} "
                + " ".join(f"{a} {s:.2f}" for a, s in scores.items()),
                flush=True,
            )
            save(file, model=network.state_dict(), optimiser=optimiser.state_dict(), step=step + 1)


def export(facts: Facts, file: Path, out: Path) -> None:
    """Write the trained judge as safetensors in half precision."""
    state = torch.load(file, weights_only=True)["model"]
    header.write(out, CLASSIFIER, _said(facts), compacted(state, torch.float16))


def _said(facts: Facts) -> dict[str, object]:
    """What the file says of its attributes."""
    return {"attributes": facts.attributes, "requires": facts.requires}


def describe(facts: Facts, file: Path) -> None:
    """Write what the recipe says of the attributes into an exported judge; its weights stay as they are.

    Raises:
        ValueError: the file reads other attributes, and has to be trained again.
    """
    data, state = header.read(file, CLASSIFIER)
    if data.get("attributes") != {name: list(classes) for name, classes in facts.attributes.items()}:
        raise ValueError(f"{file} reads other attributes than the recipe draws")
    header.write(file, CLASSIFIER, _said(facts), state)


def main() -> None:
    args = options(__doc__, steps=2000, finished="classifier.safetensors").parse_args()
    recipe = find_recipe(args.recipe)
    work = args.work or recipe.work
    train(
        recipe,
        *pictures(work),
        work,
        steps=args.steps,
        rate=2e-3 if args.start is None else 1e-3,
        start=args.start,
        threads=args.threads,
    )


if __name__ == "__main__":
    main()
