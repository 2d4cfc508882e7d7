"""Portraits drawn from signed distance fields, with the exact parser label of every pixel.

Coordinates run from −1 to 1, x to the right and y down; "left" is left in the picture. Every part is one smooth
shape that is laid over what was drawn before, so a picture is a few dozen blends on an (N, H, W) canvas.
"""

from __future__ import annotations

import torch
from torch import Tensor

from eclipsed.worlds.world import find_world
from recipes.drawn.canvas import Canvas
from recipes.drawn.values import presence
from recipes.mini.attributes import VALUES
from recipes.mini.colouring import Colours
from recipes.mini.patterns import dots, ringlets, strands, threads

__all__ = ["ZOOM", "finer_parts", "render"]

FACE = find_world("face")

#: how closely the face fills the picture
ZOOM = 1.1


def column(v: Tensor, name: str) -> Tensor:
    return v[:, VALUES.index[name], None, None].clamp(-2.6, 2.6)


def render(v: Tensor, size: int = 128) -> tuple[Tensor, Tensor]:
    """Draw portraits.

    Args:
        v: semantic values, (N, len(VALUES)); any real numbers, everything saturates.
        size: width and height in pixels.
    Returns:
        images (N, 3, size, size) in [−1, 1] and labels (N, size, size) uint8, positions in
        the parts of the world of faces.
    """
    c, g, p = _prepared(v, size)
    geometry = _Geometry(c, g, p)
    colours = Colours(v)
    _background(c, g)
    _clothes(c, g, geometry, colours)
    _back_hair(c, g, p, geometry, colours)
    _neck(c, g, p, geometry, colours)
    _head(c, g, p, geometry, colours)
    _mouth(c, g, p, geometry, colours)
    _nose(c, g, geometry, colours)
    _eyes(c, g, p, geometry, colours)
    _front_hair(c, g, p, geometry, colours)
    _glasses(c, g, p, geometry)
    _earrings(c, g, p, geometry)
    _hat(c, g, p, geometry, colours)
    light = 1 + 0.035 * g["light_x"] * c.flat_x
    return (c.image * light[:, None]).clamp(0, 1) * 2 - 1, c.labels.to(torch.uint8)


def finer_parts(v: Tensor, size: int = 128) -> dict[str, Tensor]:
    """Where parts are that no parser of the world of faces knows.

    Args:
        v: semantic values, (N, len(VALUES)).
        size: width and height in pixels.
    Returns:
        (N, size, size) bool each: ``"forehead"``, the skin above the brows; ``"left_cheek"``, that where a blush is.
    """
    c, g, p = _prepared(v, size)
    s = _Geometry(c, g, p)
    skin = render(v, size)[1] == FACE.label("skin")
    cheek = c.ellipse(s.fx - 0.27, s.nose_y + 0.03, 0.13, 0.10) < 0
    return {"forehead": skin & (c.y < s.eye_y - 0.16), "left_cheek": skin & cheek}


def _prepared(v: Tensor, size: int) -> tuple[Canvas, dict[str, Tensor], dict[str, Tensor]]:
    """An empty canvas, the values by their names, and how much of each flag there is."""
    g = {name: column(v, name) for name in VALUES.index}
    p = {name: presence(v[:, VALUES.index[name]])[:, None, None] for name in _FLAGS}
    c = Canvas(FACE, len(v), size, roll=0.045 * g["roll"], scale=ZOOM * (1 + 0.025 * g["size"]), zoom=ZOOM)
    return c, g, p


_FLAGS = ("male", "bald", "bangs", "bun", "hat", "beard", "moustache", "glasses", "sunglasses", "earrings", "necklace",
          "freckles", "eye_shadow")  # fmt: skip


class _Geometry:
    """Where things are: numbers (N, 1, 1) shared by several parts."""

    def __init__(self, c: Canvas, g: dict[str, Tensor], p: dict[str, Tensor]) -> None:
        yaw = g["yaw"].clamp(-2, 2)
        self.rx = 0.47 + 0.022 * g["face_width"]
        self.top = -0.63
        self.chin = 0.62 + 0.028 * g["face_length"]
        self.cx = 0.012 * yaw  # the head
        self.fx = 0.035 * yaw  # the features
        self.cy = 0.0 * yaw - 0.08
        self.eye_y = -0.06 + 0.012 * g["pitch"]
        self.eye_x = 0.205 + 0.012 * g["eye_spacing"]
        self.nose_y = 0.20 + 0.014 * g["pitch"] + 0.016 * g["nose_length"]
        self.mouth_y = 0.40 + 0.012 * g["pitch"] + 0.008 * g["face_length"]
        dx = ((c.x - self.cx) / self.rx).abs()
        power = 2.25 + 0.16 * g["jaw"].clamp(-2, 2.6) + 0.22 * (2 * p["male"] - 1)
        down = ((c.y - self.cy) / (self.chin - self.cy)).clamp_min(0)
        up = ((self.cy - c.y) / (self.cy - self.top)).clamp_min(0)
        low = (dx.clamp_min(1e-4) ** power + down.clamp_min(1e-4) ** power) ** (1 / power)
        high = (dx**2.2 + up**2.2).clamp_min(1e-6) ** (1 / 2.2)
        self.head = (torch.where(c.y > self.cy, low, high) - 1) * 0.5
        self.ear_y = 0.02 + 0.012 * g["pitch"]
        self.ear_r = 0.072 + 0.014 * g["ear_size"]
        self.length = torch.sigmoid(1.5 * g["hair_length"] - 0.2)  # 0 short … 1 very long
        self.curl = torch.sigmoid(2.2 * g["curl"] - 0.6)
        self.hairy = 1 - p["bald"]


def _background(c: Canvas, g: dict[str, Tensor]) -> None:
    light = 0.62 + 0.14 * g["background_light"]
    a, b = g["background_a"] * 0.07, g["background_b"] * 0.07
    colour = torch.stack([light + a, light - 0.3 * a + 0.2 * b, light - b], 1).clamp(0.08, 1)
    shade = 1 - 0.16 * (c.flat_x**2 + (c.flat_y + 0.1) ** 2)
    c.image = colour * shade[:, None]


def _clothes(c: Canvas, g: dict[str, Tensor], s: _Geometry, colours: Colours) -> None:
    top = 0.70 + 0.03 * g["neck_length"]
    width = 0.80 + 0.05 * g["shoulders"]
    body = c.ellipse(0.0, top + 0.62, width, 0.62 + 0.0 * top)
    shade = 1 - 0.22 * (c.x.abs() / 0.9) ** 2
    c.lay(c.cover(body), colours.clothes[:, :, None, None] * shade[:, None], "clothes")


def _strands(c: Canvas, s: _Geometry) -> Tensor:
    """Light and dark along the hair, (N, H, W) around 0: lines when straight, ringlets when curly."""
    tone = 0.09 * (1 - s.curl) * strands(c.x, c.y) + 0.30 * s.curl * ringlets(c.x, c.y)
    return tone + 0.14 * (1 - 0.6 * s.curl) * threads(c.x, c.y) if c.fine else tone


def _frizz(c: Canvas, s: _Geometry) -> Tensor:
    """How far the outline of curly hair bulges, (N, H, W)."""
    angle = torch.atan2(c.x, -(c.y + 0.1))
    return s.curl * (0.055 + 0.035 * torch.sin(angle * 15))


def _hair_colour(c: Canvas, s: _Geometry, colours: Colours, shade: Tensor | float) -> Tensor:
    tone = (1 + _strands(c, s)) * shade
    return (colours.hair[:, :, None, None] * tone[:, None] + 0.03 * _strands(c, s)[:, None]).clamp(0, 1)


def _back_hair(c: Canvas, g: dict[str, Tensor], p: dict[str, Tensor], s: _Geometry, colours: Colours) -> None:
    end = -0.02 + 1.0 * s.length
    width = s.rx + 0.055 + 0.03 * g["hair_volume"] + 0.07 * s.length
    middle = (end - 0.55) / 2
    half = (end + 0.55) / 2
    power = 3.2
    f = (((c.x - s.cx) / width).abs() ** power + ((c.y - middle) / half).abs() ** power).clamp_min(1e-6) ** (1 / power)
    shape = (f - 1) * 0.4 - _frizz(c, s)
    parted = s.hairy * (s.length > 0.0)
    c.lay(c.cover(shape) * parted, _hair_colour(c, s, colours, 0.72), "hair")


def _neck(c: Canvas, g: dict[str, Tensor], p: dict[str, Tensor], s: _Geometry, colours: Colours) -> None:
    half = 0.20 + 0.012 * g["shoulders"] + 0.025 * (2 * p["male"] - 1)
    top = 0.70 + 0.03 * g["neck_length"]
    flare = 0.55 * (c.y - (top - 0.08)).clamp_min(0)
    column_ = (c.x - 0.5 * s.cx).abs() - half - flare
    deep = torch.sigmoid(1.6 * g["collar"])  # 0 round neck … 1 deep V
    collar = c.y - (top + 0.10 + 0.20 * deep - (0.10 + 0.9 * deep) * c.x.abs())
    neck = torch.maximum(torch.maximum(column_, collar), 0.2 - c.y)
    shadow = 0.70 + 0.22 * ((c.y - s.chin - 0.02) / 0.25).clamp(0, 1)
    c.lay(c.cover(neck), colours.skin[:, :, None, None] * shadow[:, None], "neck")
    rim = (collar.abs() - 0.014).maximum(column_ - 0.01)
    c.lay(c.cover(rim) * 0.6, colours.clothes * 0.75, "clothes")
    arc = top + 0.055 - 1.5 * c.x**2 + 0.06 * deep
    chain = torch.maximum((c.y - arc).abs() - 0.026, c.x.abs() - half - 0.06)
    bead = 0.80 + 0.20 * torch.sin(c.x * 60)
    gold = torch.tensor([[0.98, 0.84, 0.36]])[:, :, None, None] * bead[:, None]
    c.lay(c.cover(chain) * p["necklace"], gold, "necklace")
    pendant = c.ellipse(0.0, top + 0.115 + 0.06 * deep, 0.045, 0.055)
    c.lay(c.cover(pendant) * p["necklace"], torch.tensor([[0.98, 0.88, 0.45]]), "necklace")


def _head(c: Canvas, g: dict[str, Tensor], p: dict[str, Tensor], s: _Geometry, colours: Colours) -> None:
    skin = colours.skin[:, :, None, None]
    for side, part in ((-1, "left_ear"), (1, "right_ear")):
        ear = c.ellipse(s.cx + side * (s.rx + 0.012), s.ear_y, s.ear_r, s.ear_r * 1.75)
        inner = c.ellipse(s.cx + side * (s.rx + 0.018), s.ear_y, s.ear_r * 0.5, s.ear_r * 1.1)
        c.lay(c.cover(ear), skin * 0.92, part)
        c.lay(c.cover(inner, 3) * 0.5, skin * 0.72)
    shade = 1.03 - 0.20 * (((c.x - s.cx) / s.rx) ** 2).clamp(0, 1.3) - 0.05 * (c.y - 0.1).clamp(0, 1)
    c.lay(c.cover(s.head), skin * shade[:, None], "skin")
    face = c.cover(s.head)
    blush = torch.sigmoid(1.6 * g["blush"] - 0.8) * 0.65
    for side in (-1, 1):
        cheek = c.ellipse(s.fx + side * 0.27, s.nose_y + 0.03, 0.13, 0.10)
        c.lay(
            face * blush * torch.exp(-((cheek + 0.1).clamp_min(0) ** 2) * 160), colours.skin * _tint(0.98, 0.58, 0.58)
        )
    _beard(c, p, s, colours, face)
    _age(c, g, s, colours, face)
    c.lay(face * _freckles(c, s) * p["freckles"] * 0.6, colours.skin * _tint(0.72, 0.55, 0.42))


def _tint(r: float, g: float, b: float) -> Tensor:
    return torch.tensor([[r, g, b]])


def _freckles(c: Canvas, s: _Geometry) -> Tensor:
    x, y = c.x - s.fx, c.y - s.nose_y + 0.06
    band = torch.exp(-((y / 0.15) ** 2) - (x / 0.36) ** 4)
    return dots(x, y) * band


def _beard(c: Canvas, p: dict[str, Tensor], s: _Geometry, colours: Colours, face: Tensor) -> None:
    tone = colours.beard[:, :, None, None] * (1 + 0.6 * _strands(c, s))[:, None]
    edge = s.mouth_y - 0.16 - 0.55 * ((c.x - s.fx).abs() - 0.12).clamp_min(0) * 1.0
    lower = torch.maximum(edge - c.y, s.head - 0.04)
    gap = -c.ellipse(s.fx, s.mouth_y, 0.225, 0.115)
    beard = torch.maximum(lower, gap)
    c.lay(c.cover(beard, 3) * p["beard"] * 0.93, tone, "skin")
    lip = s.mouth_y - 0.095
    curve = lip - 0.02 + 0.9 * (c.x - s.fx) ** 2
    moustache = torch.maximum((c.y - curve).abs() - 0.034, (c.x - s.fx).abs() - 0.21)
    c.lay(c.cover(moustache, 2) * p["moustache"] * 0.95, tone, "skin")


def _age(c: Canvas, g: dict[str, Tensor], s: _Geometry, colours: Colours, face: Tensor) -> None:
    lines = torch.zeros_like(c.x)
    for k, y in enumerate((-0.40, -0.335, -0.275)):
        wave = c.y - s.eye_y - y - 0.06 + 0.12 * (c.x - s.fx) ** 2 + 0.006 * torch.sin(c.x * 14 + 2 * k)
        lines = torch.maximum(lines, torch.exp(-((wave / 0.013) ** 2)) * torch.exp(-(((c.x - s.fx) / 0.25) ** 4)))
    for side in (-1, 1):
        fold = (c.x - s.fx) * side - 0.145 - 0.30 * (c.y - s.nose_y)
        span = torch.exp(-(((c.y - s.nose_y - 0.10) / 0.12) ** 4))
        lines = torch.maximum(lines, torch.exp(-((fold / 0.014) ** 2)) * span)
        bag = c.ellipse(s.fx + side * s.eye_x, s.eye_y + 0.035, 0.12, 0.07)
        lines = torch.maximum(lines, 0.9 * torch.exp(-((bag / 0.014) ** 2)) * (c.y > s.eye_y + 0.04))
    strength = torch.sigmoid(2.2 * g["age"] - 1.4) * 0.55
    c.lay(face * lines * strength, colours.skin * _tint(0.52, 0.42, 0.40))


def _mouth(c: Canvas, g: dict[str, Tensor], p: dict[str, Tensor], s: _Geometry, colours: Colours) -> None:
    x = c.x - s.fx
    half = 0.195 + 0.014 * g["mouth_width"] + 0.020 * g["smile"].clamp(-1, 2.5)
    bend = 0.046 * (g["smile"] + 0.5).clamp(-2.0, 2.6)
    t = (x / half).clamp(-1.4, 1.4)
    line = s.mouth_y - bend * (t**2 - 0.4)  # corners go up with a smile
    inside = (1 - t**2).clamp_min(0)
    opened = torch.sigmoid(2.4 * g["mouth_open"] - 1.5)
    gap = 0.100 * opened * inside
    full = 0.056 + 0.014 * g["lip_thickness"]
    upper = full * inside.clamp_min(1e-6).sqrt() * (0.85 - 0.22 * torch.exp(-((x / 0.045) ** 2)))
    lower = 1.2 * full * inside.clamp_min(1e-6).sqrt()
    wide = x.abs() - half
    rise, fall = line - gap * 0.75, line + gap * 1.25
    top = torch.maximum(torch.maximum(rise - upper - c.y, c.y - rise), wide)
    bottom = torch.maximum(torch.maximum(fall - c.y, c.y - fall - lower), wide)
    hole = torch.maximum(torch.maximum(rise - c.y, c.y - fall), wide)
    lips = colours.lips[:, :, None, None]
    c.lay(c.cover(hole), torch.tensor([[0.28, 0.07, 0.08]]), "mouth")
    teeth = torch.maximum(hole, c.y - rise - 0.30 * (fall - rise) - 0.012)
    c.lay(c.cover(teeth) * (opened > 0.02), torch.tensor([[0.96, 0.95, 0.92]]))
    if c.fine:
        gaps = ((x / 0.048).frac().abs() - 0.5).abs() * 0.048 - 0.003
        c.lay(c.cover(torch.maximum(teeth, gaps)) * (opened > 0.02) * 0.4, torch.tensor([[0.62, 0.56, 0.54]]))
    c.lay(c.cover(top), lips * 0.88, "upper_lip")
    c.lay(c.cover(bottom), lips, "lower_lip")
    seam = torch.maximum((c.y - line).abs() - 0.008, wide)
    c.lay(c.cover(seam) * (1 - opened).clamp(0, 1) ** 3 * 0.8, lips * 0.45, "mouth")
    shine = c.ellipse(s.fx, fall + lower * 0.5, half * 0.35, 0.012)
    c.lay(c.cover(shine, 3) * 0.22, torch.ones(1, 3))


def _nose(c: Canvas, g: dict[str, Tensor], s: _Geometry, colours: Colours) -> None:
    skin = colours.skin[:, :, None, None]
    wide = (0.090 + 0.026 * g["nose_width"]).clamp_min(0.05)
    t = ((c.y - s.eye_y) / (s.nose_y - s.eye_y)).clamp(0, 1)
    bridge = torch.maximum((c.x - s.fx).abs() - (0.030 + (wide - 0.045) * t**2), (c.y - s.nose_y).abs() - 0.22)
    ball = c.ellipse(s.fx, s.nose_y, wide, 0.052 + 0.008 * g["nose_width"])
    nose = torch.minimum(torch.maximum(bridge, c.y - s.nose_y), ball)
    nose = torch.maximum(nose, s.eye_y + 0.02 - c.y)
    side = 1.05 - 0.10 * ((c.x - s.fx) / wide).abs().clamp(0, 1.2) ** 2
    c.lay(c.cover(nose, 1.5), skin * side[:, None], "nose")
    under = torch.maximum((ball.abs() - 0.010), s.nose_y + 0.016 - c.y)
    c.lay(c.cover(under, 1.5) * 0.55, skin * 0.62)
    for sign in (-1, 1):
        hole = c.ellipse(s.fx + sign * wide * 0.45, s.nose_y + 0.030, 0.022, 0.013)
        c.lay(c.cover(hole, 1.5) * 0.75, skin * 0.35)


def _eyes(c: Canvas, g: dict[str, Tensor], p: dict[str, Tensor], s: _Geometry, colours: Colours) -> None:
    skin = colours.skin[:, :, None, None]
    big = 1 + 0.10 * g["eye_size"].clamp(-2, 2.6)
    opened = torch.sigmoid(1.4 * g["eye_open"] + 1.2)
    rx, ry = 0.106 * big, 0.062 * big * (0.20 + 0.90 * opened)
    for side, eye_part, brow_part in ((-1, "left_eye", "left_brow"), (1, "right_eye", "right_brow")):
        ex = s.fx + side * s.eye_x
        lid = c.ellipse(ex, s.eye_y - 0.028, rx * 1.25, ry * 1.5 + 0.02)
        shadow = torch.maximum(lid, c.y - s.eye_y)
        c.lay(c.cover(shadow, 4) * p["eye_shadow"] * 0.75, _tint(0.45, 0.25, 0.62))
        ring = c.ellipse(ex, s.eye_y, rx + 0.016, ry + 0.014)
        c.lay(c.cover(ring) * 0.85, colours.skin * 0.32)
        if c.fine:
            around = torch.sin(26 * torch.atan2(c.x - ex, s.eye_y - c.y))
            lashes = torch.maximum(torch.maximum(ring - 0.026, (0.35 - around) * 0.012), c.y - s.eye_y + 0.02)
            c.lay(c.cover(lashes) * 0.5, colours.skin * 0.2)
        eye = c.ellipse(ex, s.eye_y, rx, ry)
        white = c.cover(eye)
        c.lay(white, torch.tensor([[0.97, 0.97, 0.96]]), eye_part)
        iris = c.ellipse(ex + 0.1 * s.fx, s.eye_y, 0.058 * big, 0.058 * big)
        c.lay(c.cover(iris) * white, colours.iris)
        c.lay(c.cover(iris.abs() - 0.007) * white * 0.5, colours.iris * 0.4)
        pupil = c.ellipse(ex + 0.1 * s.fx, s.eye_y, 0.021, 0.021)
        c.lay(c.cover(pupil) * white, torch.tensor([[0.04, 0.04, 0.05]]))
        glint = c.ellipse(ex + 0.1 * s.fx + 0.02, s.eye_y - 0.022, 0.013, 0.013)
        c.lay(c.cover(glint) * white * 0.9, torch.ones(1, 3))
        crease = torch.maximum((c.ellipse(ex, s.eye_y, rx + 0.035, ry + 0.038)).abs() - 0.005, c.y - s.eye_y + 0.02)
        c.lay(c.cover(crease, 1.5) * 0.4, skin * 0.60)
        along = (c.x - ex) * side  # towards the ear
        height = s.eye_y - 0.150 - 0.014 * g["brow_height"] + 1.3 * (along - 0.02) ** 2
        height = height + along * (-0.13 * g["brow_angle"])
        thick = (0.024 + 0.009 * g["brow_thickness"]).clamp_min(0.008) * (1.12 - 2.4 * (along + 0.02).clamp(0, 0.2))
        thick = thick * (1 + 0.12 * (2 * p["male"] - 1))
        brow = torch.maximum((c.y - height).abs() - thick, along.abs() - 0.125)
        tone = colours.brow[:, :, None, None]
        if c.fine:
            tone = tone * (1 + 0.3 * torch.sin(150 * along + 90 * (c.y - s.eye_y)))[:, None]
        c.lay(c.cover(brow, 1.3) * 0.92, tone, brow_part)


def _front_hair(c: Canvas, g: dict[str, Tensor], p: dict[str, Tensor], s: _Geometry, colours: Colours) -> None:
    volume = 0.060 + 0.024 * g["hair_volume"].clamp(-2, 2.6)
    frizz = _frizz(c, s)
    skull = c.ellipse(s.cx, s.cy - 0.06, s.rx + volume, 0.56 + volume) - frizz
    open_x = s.cx + 0.05 * g["parting"].clamp(-2, 2)
    low = c.y > s.cy - 0.1
    side = torch.where(low, s.rx - 0.052 + 0.02 * s.length, s.rx - 0.03 + 0.0 * s.length)
    opening = c.ellipse(open_x * (~low) + s.cx * low, s.cy + 0.10, side, 0.56 - 0.0 * side)
    fringe_y = s.eye_y - 0.185 + 0.03 * torch.sin((c.x - s.fx) * 30) - 0.10 * ((c.x - s.fx) / s.rx) ** 2
    fringe = torch.maximum(c.y - fringe_y, (c.x - s.cx).abs() - s.rx)
    end = 0.06 + 0.95 * s.length
    locks = torch.maximum(torch.maximum(skull, -opening), c.y - end.clamp(max=0.22))
    fringe = torch.maximum(fringe + 0.06 * (1 - p["bangs"]) * 6, skull)
    shape = torch.minimum(locks, fringe)
    shine = torch.exp(-(((c.y + 0.47 + 0.35 * (c.x - s.cx) ** 2) / 0.09) ** 2))
    shade = 0.94 + 0.16 * shine - 0.10 * (c.x / 0.6) ** 2
    c.lay(c.cover(shape) * s.hairy, _hair_colour(c, s, colours, shade), "hair")
    bun = c.ellipse(s.cx + 0.02 * g["parting"], -0.80, 0.20, 0.16) - 0.5 * frizz
    ball = 1.05 - 0.35 * ((c.y + 0.80) / 0.16).clamp(-1, 1)
    c.lay(c.cover(torch.maximum(bun, -skull)) * p["bun"] * s.hairy, _hair_colour(c, s, colours, ball), "hair")


def _glasses(c: Canvas, g: dict[str, Tensor], p: dict[str, Tensor], s: _Geometry) -> None:
    tone = torch.sigmoid(2.0 * g["frame_light"])[:, 0]
    frame = torch.tensor([[0.08, 0.07, 0.09]]) * (1 - tone) + torch.tensor([[0.80, 0.60, 0.30]]) * tone
    power = 2.2 + 2.6 * torch.sigmoid(1.6 * g["glasses_shape"])
    rx, ry = 0.158, 0.118
    x, y = (c.x - s.fx).abs() - s.eye_x, c.y - s.eye_y - 0.008
    f = ((x / rx).abs().clamp_min(1e-3) ** power + (y / ry).abs().clamp_min(1e-3) ** power) ** (1 / power)
    lens = (f - 1) * 0.12
    here = p["glasses"]
    dark = p["sunglasses"]
    glass = torch.tensor([[0.80, 0.90, 0.97]])[:, :, None, None]
    c.lay(c.cover(lens) * here * (0.10 + 0.86 * dark), glass * (1 - 0.88 * dark[:, None]), "glasses")
    c.mark(c.cover(lens) * here > 0.5, "glasses")
    gleam = torch.maximum(lens + 0.03, (x + 0.7 * y + 0.03).abs() - 0.016)
    c.lay(c.cover(gleam, 2) * here * (0.30 + 0.05 * dark), torch.ones(1, 3))
    bridge = torch.maximum((y + 0.035 + 0.6 * x.clamp_min(-9) * 0).abs() - 0.014, x + rx - 0.01)
    arms = torch.maximum((y + 0.045).abs() - 0.014, torch.maximum(rx - x, (c.x - s.cx).abs() - s.rx - 0.01))
    rim = torch.minimum(torch.minimum(lens.abs() - 0.016, bridge), arms)
    c.lay(c.cover(rim) * here, frame, "glasses")


def _earrings(c: Canvas, g: dict[str, Tensor], p: dict[str, Tensor], s: _Geometry) -> None:
    gold = torch.tensor([[0.99, 0.84, 0.30]])[:, :, None, None]
    for side in (-1, 1):
        cx, cy = s.cx + side * (s.rx + 0.035), s.ear_y + s.ear_r * 1.75 + 0.065
        drop = c.ellipse(cx, cy, 0.058, 0.078)
        shade = 1.0 - 0.35 * ((c.x - cx - 0.02) / 0.05).clamp(-1, 1)
        c.lay(c.cover(drop) * p["earrings"], (gold * shade[:, None]).clamp(0, 1), "earrings")
        c.lay(c.cover(drop.abs() - 0.007) * p["earrings"] * 0.6, torch.tensor([[0.55, 0.38, 0.08]]))


def _hat(c: Canvas, g: dict[str, Tensor], p: dict[str, Tensor], s: _Geometry, colours: Colours) -> None:
    brim = torch.sigmoid(2.0 * g["hat_brim"])  # 0 a beanie … 1 a wide brim
    line = -0.40 - 0.02 * brim - 0.10 * ((c.x - s.cx) / 0.6) ** 2 * (1 - 1.6 * brim)
    dome = torch.maximum(c.ellipse(s.cx, -0.42, s.rx + 0.085, 0.50), c.y - line)
    shade = 1.05 - 0.28 * ((c.x - s.cx) / 0.55) ** 2
    tone = colours.hat[:, :, None, None]
    c.lay(c.cover(dome) * p["hat"], (tone * shade[:, None]).clamp(0, 1), "hat")
    band = torch.maximum(dome, line - 0.10 - c.y)
    c.lay(c.cover(band) * p["hat"], tone * 0.62 + 0.03, "hat")
    edge = c.ellipse(s.cx, line - 0.005, s.rx + 0.10 + 0.26 * brim, 0.048 + 0.02 * brim)
    c.lay(c.cover(edge) * p["hat"], tone * 0.80 + 0.02, "hat")
