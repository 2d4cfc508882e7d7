"""The model card of a drawn set: measures every network against what is known to be true, and writes it down.

``python -m recipes.drawn.card NAME`` renders the pictures it needs, which no network was trained on, and writes the
figures and the tables of ``checkpoints/NAME/README.md`` between their marks, and all numbers into ``card.json`` beside
it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from eclipsed import Editor
from eclipsed.latents.latent import Latent
from eclipsed.pretrained.classifier import Classifier
from recipes.drawn.facts import UNKNOWN, Facts
from recipes.drawn.latent import SIDE
from recipes.drawn.latent import Latent as DrawnLatent
from recipes.drawn.recipe import Recipe, find_recipe
from recipes.drawn.running import base_options

__all__ = ["confusion", "frechet_distance", "macro", "overlap"]

START, END = "<!-- figures:start -->", "<!-- figures:end -->"

#: seed of the renders; no training draws from it
RENDERS = 31_337

#: first seeds of the pictures that are generated, and rendered too, and of others that the Fréchet distances begin at
FACES, OTHERS = 3000, 50_000

_BATCH = 50


def confusion(true: Tensor, guess: Tensor, classes: int) -> Tensor:
    """How often each class was taken for each other one.

    Args:
        true: (N,) int64; `UNKNOWN` does not count.
        guess: (N,) int64.
        classes: how many there are.
    Returns:
        (classes, classes) int64: a row for each true class, a column for each guess.
    """
    known = true != UNKNOWN
    return torch.bincount(true[known] * classes + guess[known], minlength=classes**2).view(classes, classes)


def macro(table: Tensor) -> dict[str, float]:
    """Accuracy, precision, recall and F1 of a confusion matrix, each class of the truth counted alike.

    Classes that never occur are left out. The accuracy is the mean of the classes' recalls, so that a rare class
    counts as much as a frequent one.
    """
    hit, said, there = table.diagonal().double(), table.sum(0).double(), table.sum(1).double()
    present = there > 0
    recall = (hit / there.clamp_min(1))[present]
    precision = (hit / said.clamp_min(1))[present]
    f1 = 2 * precision * recall / (precision + recall).clamp_min(1e-12)
    return {
        "accuracy": float(recall.mean()),
        "precision": float(precision.mean()),
        "recall": float(recall.mean()),
        "f1": float(f1.mean()),
    }


def overlap(true: Tensor, guess: Tensor, parts: int) -> Tensor:
    """Intersection over union of each part over all pictures, (parts,); nan for a part that is nowhere.

    Args:
        true: labels, (N, H, W), of any kind of whole numbers.
        guess: the same.
        parts: how many there are.
    """
    pairs = true.flatten().long() * parts + guess.flatten().long()
    table = torch.bincount(pairs, minlength=parts**2)
    table = table.view(parts, parts).double()
    either = table.sum(0) + table.sum(1) - table.diagonal()
    return torch.where(either > 0, table.diagonal() / either.clamp_min(1), torch.nan)


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Distance of two sets of features, each taken as a normal distribution.

    Args:
        a: (N, D).
        b: (M, D).
    Source: Heusel et al. 2017, arXiv:1706.08500, equation 6.
    """
    a, b = a.double(), b.double()
    first, second = torch.cov(a.T), torch.cov(b.T)
    # the eigenvalues of the product are real and not negative, up to rounding
    root = torch.linalg.eigvals(first @ second).real.clamp_min(0).sqrt().sum()
    distance = (a.mean(0) - b.mean(0)).square().sum() + first.trace() + second.trace() - 2 * root
    return float(distance.clamp_min(0))


class _Seen:
    """What the classifier sees in some pictures: labels and features, gathered batch by batch."""

    def __init__(self, judge: Classifier) -> None:
        self.judge = judge
        self.parts: list[dict[str, Tensor]] = []
        self.vectors: list[Tensor] = []
        hidden = judge.network.get_submodule("head.2")
        hidden.register_forward_hook(lambda _module, _inputs, output: self.vectors.append(output))

    def look(self, images: Tensor) -> None:
        self.parts.append(self.judge.labels(images))

    def take(self) -> tuple[dict[str, Tensor], Tensor]:
        """Labels and features of what was looked at since the last call."""
        labels = {name: torch.cat([part[name] for part in self.parts]) for name in self.parts[0]}
        features = torch.cat(self.vectors)
        self.parts, self.vectors = [], []
        return labels, features


def _shares(facts: Facts, labels: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """How often the classifier sees each class."""
    return {
        name: torch.bincount(found, minlength=len(facts.attributes[name])).double() / len(found)
        for name, found in labels.items()
    }


def _values(latent: DrawnLatent, editor: Editor, seeds: Sequence[int]) -> Tensor:
    """The values that the mapping network makes of some seeds, (N, V)."""
    return latent.values_of(Latent.of_seeds(editor.generator, seeds).ws[:, 0])


def measure(recipe: Recipe, editor: Editor, *, count: int) -> dict[str, Any]:
    """Every figure of the card.

    Args:
        recipe: of the pictures.
        editor: of the set.
        count: pictures of each kind: rendered, rendered again, and generated.
    """
    judge, parser, clip = editor.classifier, editor.parser, editor.clip
    assert judge is not None
    seen, facts, render = _Seen(judge), recipe.facts, recipe.render
    guessed, exact, shown = [], [], []
    values = recipe.values.sample(count, rng=torch.Generator().manual_seed(RENDERS))
    for v in values.split(_BATCH):
        images, labels = render(v, SIDE)
        seen.look(images)
        guessed.append(parser.labels(images).to(torch.uint8))
        exact.append(labels)
        with torch.no_grad():
            shown.append(clip.encode_images(images))
    looked, _ = seen.take()
    side = editor.generator.resolution
    for v in _values(recipe.latent, editor, range(OTHERS, OTHERS + count)).split(_BATCH):
        seen.look(render(v, side)[0])
    _, others = seen.take()
    same = _values(recipe.latent, editor, range(FACES, FACES + count))
    drawn_exact = []
    for v in same.split(_BATCH):
        images, labels = render(v, side)
        seen.look(images)
        drawn_exact.append(labels)
    rendered, features = seen.take()
    drawn_guess = []
    for start in range(FACES, FACES + count, _BATCH):
        faces = editor.sample(seeds=range(start, min(start + _BATCH, FACES + count)))
        seen.look(faces.images)
        drawn_guess.append(parser.labels(faces.images).to(torch.uint8))
    generated, drawn = seen.take()

    classes = facts(values)
    tables = {a: confusion(classes[a], looked[a], len(names)) for a, names in facts.attributes.items()}
    there, here, nature = (_shares(facts, labels) for labels in (rendered, generated, looked))
    names = recipe.world.parts
    parts, drawn_parts = (
        overlap(torch.cat(e), torch.cat(g), len(names)) for e, g in ((exact, guessed), (drawn_exact, drawn_guess))
    )
    return {
        recipe.card.pictures: count,
        "judge": {a: {**macro(table), "confusion": table.tolist()} for a, table in tables.items()},
        "clip": _zero_shot(recipe, editor, torch.cat(shown), classes),
        "parser": {part: float(share) for part, share in zip(names, parts, strict=True)},
        "parser_on_generated": {part: float(share) for part, share in zip(names, drawn_parts, strict=True)},
        "shares": {
            a: {"renders": there[a].tolist(), "generated": here[a].tolist(), "nature": nature[a].tolist()}
            for a in facts.attributes
        },
        "frechet": {
            "generated": frechet_distance(others, drawn),
            "rendered": frechet_distance(others, features),
        },
    }


def _zero_shot(
    recipe: Recipe, editor: Editor, pictures: Tensor, classes: Mapping[str, Tensor]
) -> dict[str, dict[str, float]]:
    """Zero-shot accuracy on sentences that training never read: of one sentence a class, and of three averaged."""
    out = {}
    for attribute, names in recipe.facts.attributes.items():
        said = [recipe.unseen[attribute, name] for name in names]
        with torch.no_grad():
            texts = torch.stack([editor.clip.encode_text(sentences) for sentences in said], dim=1)
        known = classes[attribute]

        def accuracy(text: Tensor, known: Tensor = known, count: int = len(names)) -> float:
            return macro(confusion(known, (pictures @ text.T).argmax(1), count))["accuracy"]

        ones = [accuracy(text) for text in texts]
        out[attribute] = {"one": sum(ones) / len(ones), "three": accuracy(F.normalize(texts.mean(0), dim=1))}
    return out


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)


def _share_gap(found: Mapping[str, Any], attribute: str, beside: str = "renders") -> float:
    shares: dict[str, list[float]] = found["shares"][attribute]
    return max(abs(a - b) for a, b in zip(shares[beside], shares["generated"], strict=True))


def tables(recipe: Recipe, found: Mapping[str, Any]) -> str:
    """The figures as Markdown."""
    attributes, parts, card = recipe.facts.attributes, recipe.world.parts, recipe.card
    judge, clip, parser = found["judge"], found["clip"], found["parser"]
    gaps = {a: _share_gap(found, a) for a in attributes}
    widest = max(gaps, key=lambda a: gaps[a])
    nature = {a: _share_gap(found, a, "nature") for a in attributes}
    rare = max(nature, key=lambda a: nature[a])
    lowest = min(parser, key=lambda p: parser[p])
    frechet, drawn = found["frechet"], found["parser_on_generated"]
    lines = [
        f"{found[card.pictures]:,} {card.pictures} of each kind that no network was trained on. Networks are judged on "
        f"renders of the recipe's {card.subjects}. {card.album}",
        "",
        "| what | figure |",
        "|---|---|",
        f"| judge, mean accuracy over the attributes | {_mean([j['accuracy'] for j in judge.values()]):.3f} |",
        f"| CLIP zero-shot, one unseen sentence a class | {_mean([c['one'] for c in clip.values()]):.3f} |",
        f"| CLIP zero-shot, three unseen sentences averaged | {_mean([c['three'] for c in clip.values()]):.3f} |",
        f"| parser, mIoU over the {len(parts)} classes | {_mean(list(parser.values())):.3f} "
        f"(lowest: {lowest.replace('_', ' ')}, {parser[lowest]:.2f}) |",
        f"| parser and generator: mIoU of generated {card.shown} to the labels of the {card.picture} they depict | "
        f"{_mean(list(drawn.values())):.3f} |",
        f"| attribute frequencies, the same {card.subjects} generated and rendered: largest gap "
        f"| {100 * gaps[widest]:.1f} points ({widest.replace('_', ' ')}) |",
        f"| the same, against renders of the recipe's {card.subjects} | {100 * nature[rare]:.1f} points "
        f"({rare.replace('_', ' ')}) |",
        f"| Fréchet distance to renders of other such {card.subjects} (features of the judge): generated "
        f"| {frechet['generated']:.2f} |",
        f"| the same, of the renders | {frechet['rendered']:.2f} |",
        "",
        "Accuracies are means over the classes of an attribute, so a rare class counts as much as a frequent one.",
        "",
        "| attribute | judge: accuracy | precision | F1 | CLIP: one sentence | three | gap of frequencies |",
        "|---|---|---|---|---|---|---|",
    ]
    for a in attributes:
        j, c = judge[a], clip[a]
        lines.append(
            f"| {a.replace('_', ' ')} | {j['accuracy']:.3f} | {j['precision']:.3f} | {j['f1']:.3f} | {c['one']:.3f} "
            f"| {c['three']:.3f} | {100 * gaps[a]:.1f} |"
        )
    lines += ["", f"| part | parser: IoU on renders | on generated {card.shown} |", "|---|---|---|"]
    lines += [f"| {p.replace('_', ' ')} | {parser[p]:.2f} | {drawn[p]:.2f} |" for p in parts]
    lines += ["", "<details><summary>Confusion matrices of the judge (rows: the truth, columns: the guess)</summary>"]
    for a, names in attributes.items():
        lines += ["", f"| {a.replace('_', ' ')} | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
        for name, row in zip(names, judge[a]["confusion"], strict=True):
            lines.append(f"| {name} | {' | '.join(map(str, row))} |")
    return "\n".join([*lines, "", "</details>"])


def main() -> None:
    parser = base_options(__doc__)
    parser.add_argument("--models", type=Path, help="folder of the set instead of checkpoints/RECIPE")
    parser.add_argument("--count", type=int, default=2000, help="pictures of each kind")
    parser.add_argument("--card", type=Path, help="the card instead of README.md in that folder")
    args = parser.parse_args()
    recipe = find_recipe(args.recipe)
    folder = args.models or recipe.set_folder
    card = args.card or folder / "README.md"
    found = measure(recipe, Editor.from_pretrained(folder, device="cpu"), count=args.count)
    card.with_name("card.json").write_text(json.dumps(found) + "\n", encoding="utf-8")
    before, _, rest = card.read_text(encoding="utf-8").partition(START) if card.exists() else ("", "", "")
    written = tables(recipe, found)
    card.write_text(f"{before}{START}\n{written}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    print(written.partition("<details>")[0])


if __name__ == "__main__":
    main()
