"""Train a drawn set's CLIP on pictures and on every way the captions have of saying what is true of them.

A caption states facts, so one picture has many true captions and many false ones. Four losses share the pictures:

- siblings: among captions of the classes of one attribute, the true one must win (blond against black, brown …),
  which is just what an edit's contrast asks later;
- the same once more through plain linear heads, which are thrown away: the image tower learns faster so;
- the picture's values, read by one more such head from the last map of the image tower, where places are still told
  apart: about a hundred numbers a picture, so that what is small is learned too;
- multi-positive InfoNCE: among all captions at hand the true ones must win over the false ones, both ways. What
  cannot be seen is left out.
"""

from __future__ import annotations

import functools
import math
import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import open_clip
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from recipes.drawn import clip_architecture
from recipes.drawn.augmentation import augment, zoom
from recipes.drawn.captions import Captions
from recipes.drawn.dataset import Pictures, pictures
from recipes.drawn.facts import UNKNOWN, Facts
from recipes.drawn.recipe import Recipe, find_recipe
from recipes.drawn.running import learning_rate, options, save

__all__ = ["Batch", "evaluate", "export", "train"]

_tokenizer = open_clip.SimpleTokenizer(context_length=32)


@functools.lru_cache(maxsize=200_000)
def _tokens(text: str) -> Tensor:
    tokens: Tensor = _tokenizer([text])
    return tokens[0]


def tokens(texts: list[str]) -> Tensor:
    """(T, 32) token ids."""
    return torch.stack([_tokens(text) for text in texts])


def truth(facts: Facts, classes: Mapping[str, Tensor], parts: list[tuple[str, str]]) -> Tensor:
    """Whether a caption that says ``parts`` holds for each picture: 1 true, 0 false, −1 cannot be told. (N,)."""
    known, false = None, None
    for attribute, name in parts:
        label = classes[attribute]
        wrong = (label != UNKNOWN) & (label != facts.attributes[attribute].index(name))
        seen = label != UNKNOWN
        known = seen if known is None else known & seen
        false = wrong if false is None else false | wrong
    assert known is not None
    assert false is not None
    return torch.where(false, 0, torch.where(known, 1, -1))


class Batch:
    """The texts of one step: one caption for each class of each attribute, then some that say several facts."""

    def __init__(
        self,
        facts: Facts,
        captions: Captions,
        classes: Mapping[str, Tensor],
        *,
        rng: random.Random,
        compounds: int = 64,
    ) -> None:
        chances = (None, None, None, *captions.special)
        self.texts = [captions.caption(a, c, rng=rng, special=rng.choice(chances)) for a, c in facts.classes]
        columns = [truth(facts, classes, [pair]) for pair in facts.classes]
        n = len(columns[0])
        for _ in range(compounds):
            i = rng.randrange(n)
            true = [(a, facts.attributes[a][int(t[i])]) for a, t in classes.items() if t[i] != UNKNOWN]
            parts = rng.sample(true, rng.choice((2, 2, 3)))
            self.texts.append(captions.compound(parts, rng=rng))
            columns.append(truth(facts, classes, parts))
        self.truth = torch.stack(columns, 1)  # (N, T)


def sibling_loss(
    facts: Facts, logits: Tensor, classes: Mapping[str, Tensor], emphasis: Mapping[str, float] = {}
) -> Tensor:
    """Cross-entropy among the captions of each attribute's classes, over that of guessing; mean.

    Rare classes weigh more, and so do attributes that are still hard.
    """
    losses, factors, start = [], [], 0
    for attribute, names in facts.attributes.items():
        span = logits[:, start : start + len(names)]
        start += len(names)
        label = classes[attribute]
        seen = label != UNKNOWN
        if seen.sum() > 1:
            count = torch.bincount(label[seen], minlength=len(names)).clamp_min(1).float()
            weight = count.rsqrt()
            factors.append(emphasis.get(attribute, 1.0))
            losses.append(
                F.cross_entropy(span[seen], label[seen], weight=weight / weight.mean()) / math.log(len(names))
            )
    loss = torch.stack(losses)
    hard = (0.3 + loss.detach().clamp(max=1.2)) * torch.tensor(factors)
    return (loss * hard).sum() / hard.sum()


def _last_map(tower: Any) -> tuple[torch.nn.Module, int]:
    """The module that gives the last map of an image tower where places are told apart, and the numbers in that map."""
    if isinstance(tower, open_clip.transformer.VisionTransformer):
        return tower.transformer, tower.positional_embedding.numel()
    return tower.layer4, tower.attnpool.k_proj.in_features * (tower.image_size // 32) ** 2


class Heads(torch.nn.Module):
    """What is thrown away after training: it only teaches the image tower what to look for.

    Args:
        model: whose last map is listened to: ``visual.layer4`` of a ResNet, ``visual.transformer`` of a transformer.
        facts: what can be told, and the values that it is told from.
    """

    def __init__(self, model: open_clip.CLIP, facts: Facts) -> None:
        super().__init__()
        last, numbers = _last_map(model.visual)
        with torch.random.fork_rng():
            torch.manual_seed(6)
            self.classes = torch.nn.Linear(128, len(facts.classes))
            self.values = torch.nn.Linear(numbers, len(facts.values))
        last.register_forward_hook(self._keep)

    def _keep(self, _module: torch.nn.Module, _inputs: object, output: Tensor) -> None:
        self.last_map = output

    def values_loss(self, shown: Tensor, whole: Tensor) -> Tensor:
        """Mean smooth distance of the values read from the map to those shown, of the pictures that are whole."""
        error = F.smooth_l1_loss(self.values(self.last_map.flatten(1)), shown, beta=0.3, reduction="none")
        return 4 * error[whole].mean()


def nce_loss(logits: Tensor, true: Tensor) -> Tensor:
    """Multi-positive InfoNCE along dimension 1: −log of the share of the true ones among true and false ones."""
    masked = logits.masked_fill(true < 0, -1e4)
    positive = logits.masked_fill(true != 1, -1e4)
    row = torch.logsumexp(masked, 1) - torch.logsumexp(positive, 1)
    usable = (true == 1).any(1) & (true == 0).any(1)
    return row[usable].mean()


@torch.no_grad()
def evaluate(recipe: Recipe, model: open_clip.CLIP, images: Tensor, values: Tensor) -> dict[str, float]:
    """Zero-shot accuracy per attribute, on captions in sentences that training never used (mean of five each)."""
    model.eval()
    rng, facts, captions = random.Random(0), recipe.facts, recipe.captions
    sentences = [
        [captions.caption(a, c, rng=rng, subjects=captions.held_out) for _ in range(5)] for a, c in facts.classes
    ]
    text = torch.stack([F.normalize(model.encode_text(tokens(s), normalize=True).mean(0), dim=0) for s in sentences])
    seen = torch.cat([model.encode_image(x.float() / 127.5 - 1, normalize=True) for x in images.split(100)])
    logits, classes = seen @ text.T, facts(values)
    out, start = {}, 0
    for attribute, names in facts.attributes.items():
        best = logits[:, start : start + len(names)].argmax(1)
        start += len(names)
        label = classes[attribute]
        hits = [(best[label == k] == k).float().mean() for k in range(len(names)) if (label == k).any()]
        out[attribute] = float(torch.stack(hits).mean())
    model.train()
    return out


def train(
    recipe: Recipe,
    data: Pictures,
    held_out: Pictures,
    folder: Path,
    *,
    name: str = "clip",
    steps: int = 2400,
    batch: int = 64,
    rate: float = 1.5e-3,
    start: Path | None = None,
    zoomed: float = 0.0,
    emphasis: Mapping[str, float] = {},
    vision: str = "resnet",
    said: Mapping[str, Tensor] | None = None,
    threads: int = 1,
) -> None:
    """Train, from where the last run stopped; the state lies in ``folder/NAME.pt``.

    Args:
        recipe: of the pictures.
        start: state of another run to begin from, or the ``open_clip_model.safetensors`` of a finished CLIP.
        emphasis: weights of single attributes among their like; 1 where none is given.
        zoomed: share of pictures that show only the middle, enlarged.
        vision: the image tower, a name of `clip_architecture.VISION`.
        said: what the captions say of each picture, in the form of `facts`; None is the truth. Where it is given, the
            head that reads the true values is left out.
    """
    torch.set_num_threads(threads)
    file, facts = folder / f"{name}.pt", recipe.facts
    model = clip_architecture.build(seed=2, vision=vision)
    model.visual.to(memory_format=torch.channels_last)  # a quarter faster on a CPU
    model.train()
    heads = Heads(model, facts)
    every = [*model.parameters(), *heads.parameters()]
    decay, plain = [p for p in every if p.ndim >= 2], [p for p in every if p.ndim < 2]
    groups = [{"params": decay, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))
    first = 0
    if file.exists():
        state = torch.load(file, weights_only=True)
        model.load_state_dict(state["model"])
        heads.load_state_dict(state["heads"])
        optimiser.load_state_dict(state["optimiser"])
        first = state["step"]
    elif start is not None and start.suffix == ".safetensors":
        model.load_state_dict(load_file(start))
    elif start is not None:
        begun = torch.load(start, weights_only=True)
        model.load_state_dict(begun["model"])
        heads.load_state_dict(begun["heads"])
    all_classes, all_shown = facts(data.values) if said is None else said, recipe.values.appearance(data.values)
    began = time.time()
    for step in range(first, steps):
        rng, chance = torch.Generator().manual_seed(step), random.Random(step)
        picked = torch.randint(len(data), (batch,), generator=rng)
        classes = {a: t[picked] for a, t in all_classes.items()}
        near = torch.rand(batch, generator=rng) < zoomed
        for attribute in set(facts.attributes) - set(recipe.close_up.attributes):
            classes[attribute] = torch.where(near, UNKNOWN, classes[attribute])
        texts = Batch(facts, recipe.captions, classes, rng=chance)
        image = augment(data.images[picked].float() / 127.5 - 1, rng=rng)
        image = zoom(image, near, down=recipe.close_up.down, rng=rng)
        image = image.contiguous(memory_format=torch.channels_last)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(rate, step, steps, warmup=150, floor=0.02)
        seen = model.encode_image(image, normalize=True)
        read = model.encode_text(tokens(texts.texts), normalize=True)
        logits = model.logit_scale.exp().clamp(max=60) * seen @ read.T  # (B, T)
        loss = sibling_loss(facts, logits, classes, emphasis)
        loss = loss + sibling_loss(facts, heads.classes(8 * seen), classes, emphasis)
        loss = loss + 0.3 * nce_loss(logits, texts.truth) + 0.3 * nce_loss(logits.T, texts.truth.T)
        if said is None:
            loss = loss + heads.values_loss(all_shown[picked], ~near)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimiser.step()
        if (step + 1) % 50 == 0:
            speed = (step + 1 - first) * batch / (time.time() - began)
            print(f"clip {step + 1}/{steps} loss {loss.item():.4f} {speed:.0f} img/s", flush=True)
        last = step + 1 == steps
        if (step + 1) % 300 == 0 or last:
            scores = evaluate(recipe, model, held_out.images[:500], held_out.values[:500])
            print(f"  zero-shot mean {sum(scores.values()) / len(scores):.3f}", flush=True)
            print("  " + " ".join(f"{a} {s:.2f}" for a, s in scores.items()), flush=True)
        if (step + 1) % 50 == 0 or last:
            save(
                file,
                model=model.state_dict(),
                heads=heads.state_dict(),
                optimiser=optimiser.state_dict(),
                step=step + 1,
            )


def export(captions: Captions, file: Path, folder: Path, *, vision: str = "resnet") -> None:
    """Write the trained CLIP and the words that it was shown as a folder that open_clip reads."""
    model = clip_architecture.build(vision=vision)
    model.load_state_dict(torch.load(file, weights_only=True)["model"])
    words = captions.vocabulary()
    ids = {int(i) for word in words for i in _tokenizer.encode(word)} | {
        _tokenizer.sot_token_id,
        _tokenizer.eot_token_id,
        0,
    }
    ids |= {int(i) for phrase in captions.phrases for i in _tokenizer.encode(phrase)}
    clip_architecture.save(model, folder, tokens=ids)
    (folder / "vocabulary.txt").write_text("\n".join(words) + "\n", encoding="utf-8")


def main() -> None:
    parser = options(__doc__, steps=2400, finished="open_clip_model.safetensors")
    parser.add_argument("--polish", action="store_true", help="go on from clip.pt, closer and on what is mistaken")
    args = parser.parse_args()
    recipe = find_recipe(args.recipe)
    work = args.work or recipe.work
    train(
        recipe,
        *pictures(work),
        work,
        name="clip-polished" if args.polish else "clip",
        start=work / "clip.pt" if args.polish else args.start,
        rate=1e-3 if args.polish else 1.5e-3,
        zoomed=0.5 if args.polish else 0.0,
        emphasis=recipe.stubborn if args.polish else {},
        steps=args.steps,
        threads=args.threads,
    )


if __name__ == "__main__":
    main()
