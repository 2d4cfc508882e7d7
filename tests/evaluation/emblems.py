"""Five kinds of pictures that are no faces: emblems, dark or light, turned, on a ground of any colours."""

import math

import numpy as np
from PIL import Image, ImageDraw

CLASSES = ("cross", "ring", "spiral", "stairs", "star")

_TURNS = np.linspace(0, 2 * math.pi, 40)
_SPIRAL = np.linspace(0.5, 12, 80)
_LINES = {
    "cross": ([(-1, 0), (1, 0)], [(0, -1), (0, 1)]),
    "ring": ([(math.cos(t), math.sin(t)) for t in _TURNS],),
    "spiral": ([(t / 12 * math.cos(t), t / 12 * math.sin(t)) for t in _SPIRAL],),
    "stairs": ([(-1, -1), (-0.4, -1), (-0.4, -0.33), (0.3, -0.33), (0.3, 0.33), (1, 0.33), (1, 1)],),
}
_STAR = [((1, 0.4)[k % 2] * math.cos(k * math.pi / 5), (1, 0.4)[k % 2] * math.sin(k * math.pi / 5)) for k in range(10)]


def emblem(name, rng, side=64):
    """One picture of a class."""
    large = 3 * side
    ground = rng.integers(40, 216, (5, 5, 3)).astype(np.uint8)
    page = Image.fromarray(ground).resize((large, large), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(page)
    for _ in range(5):
        (x, y), radius = rng.uniform(0, large, 2), rng.uniform(0.03, 0.1) * large
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_colour(rng, 0, 256))
    ink = _colour(rng, 200, 256) if rng.random() < 0.5 else _colour(rng, 0, 50)
    size, (x, y) = rng.uniform(0.24, 0.36) * large, rng.uniform(0.4, 0.6, 2) * large
    turn = rng.uniform(-1, 1)
    width = max(2, round(size * rng.uniform(0.18, 0.3)))

    def placed(points):
        c, s = size * math.cos(turn), size * math.sin(turn)
        return [(x + c * a - s * b, y + s * a + c * b) for a, b in points]

    for line in _LINES.get(name, ()):
        pen.line(placed(line), fill=ink, width=max(2, width * 2 // 3) if name == "spiral" else width)
    if name == "star":
        pen.polygon(placed(_STAR), fill=ink)
    small = np.asarray(page.resize((side, side), Image.Resampling.LANCZOS)).astype(float)
    noisy = small + rng.normal(0, 12, small.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def folder(path, count, *, seed, classes=CLASSES, side=64):
    """A folder with a folder of so many pictures for each class; other seeds give other pictures."""
    for name in classes:
        (path / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            rng = np.random.default_rng([seed, CLASSES.index(name), number])
            emblem(name, rng, side).save(path / name / f"{number:03d}.png")
    return path


def _colour(rng, low, high):
    return tuple(int(c) for c in rng.integers(low, high, 3))
