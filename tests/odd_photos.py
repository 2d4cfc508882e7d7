"""Thirty pictures as people really have them, made by a script."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageCms

__all__ = ["ODD", "write_all"]

rng = np.random.RandomState(7)


def noise(height, width, channels=3):
    shape = (height, width, channels) if channels > 1 else (height, width)
    return rng.randint(0, 256, shape).astype(np.uint8)


def picture(width=96, height=96, mode="RGB"):
    return Image.fromarray(noise(height, width)).convert(mode)


def save(image, path, **options):
    image.save(path, **options)


def rotated(path, orientation=6):
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = "a description"
    picture(96, 64).save(path, exif=exif)


def deep(path):
    Image.fromarray(rng.randint(0, 65536, (96, 96)).astype(np.uint16)).save(path)


def deep_rgb(path):
    """A PNG of 16 bits a channel, which Pillow cannot write."""
    rows = b"".join(b"\0" + rng.bytes(96 * 6) for _ in range(96))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 96, 96, 16, 2, 0, 0, 0)
    content = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)


def bomb(path):
    """A PNG of a few hundred bytes that says it is 60000 x 60000."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 100_000)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b""))


def animated(path):
    frames = [picture() for _ in range(3)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=50)


def cut(path, share=0.5, kind="JPEG"):
    data = io.BytesIO()
    picture(200, 200).save(data, format=kind)
    path.write_bytes(data.getvalue()[: int(len(data.getvalue()) * share)])


def broken_png(path):
    data = io.BytesIO()
    picture().save(data, format="PNG")
    content = bytearray(data.getvalue())
    content[200:240] = b"\xff" * 40
    path.write_bytes(bytes(content))


def bad_exif(path):
    picture().save(path, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")


def heic(path):
    import pillow_heif

    pillow_heif.from_pillow(picture(96, 96)).save(path)


def transparent(path):
    image = picture()
    image.putalpha(Image.fromarray(noise(96, 96, 1)))
    image.save(path)


#: file name -> how it is made, whether a result is expected
ODD = {
    "plain.png": (lambda p: save(picture(), p), True),
    "plain.jpg": (lambda p: save(picture(), p), True),
    "rotated.jpg": (rotated, True),
    "mirrored.jpg": (lambda p: rotated(p, 5), True),
    "cmyk.jpg": (lambda p: save(picture(mode="CMYK"), p), True),
    "cmyk.tif": (lambda p: save(picture(mode="CMYK"), p), True),
    "grey.png": (lambda p: save(picture(mode="L"), p), True),
    "grey-alpha.png": (lambda p: save(picture(mode="LA"), p), True),
    "black-and-white.png": (lambda p: save(picture(mode="1"), p), True),
    "palette.png": (lambda p: save(picture(mode="P"), p), True),
    "palette-transparent.gif": (lambda p: save(picture(mode="P"), p, transparency=3), True),
    "transparent.png": (transparent, True),
    "transparent.webp": (transparent, True),
    "sixteen-bits.png": (deep, True),
    "sixteen-bits-rgb.png": (deep_rgb, True),
    "lab.tif": (lambda p: save(ImageCms.profileToProfile(picture(), ImageCms.createProfile("sRGB"),
                                                       ImageCms.createProfile("LAB"), outputMode="LAB"), p), True),
    "float.tif": (lambda p: save(Image.fromarray(rng.rand(96, 96).astype(np.float32)), p), False),
    "bitmap.bmp": (lambda p: save(picture(), p), True),
    "animated.gif": (animated, True),
    "animated.webp": (animated, True),
    "photo.heic": (heic, True),
    "one-pixel.png": (lambda p: save(picture(1, 1), p), False),
    "line.png": (lambda p: save(picture(500, 1), p), False),
    "huge.png": (lambda p: save(Image.new("RGB", (12000, 9000), (90, 80, 70)), p, compress_level=1), True),
    "bad-exif.jpg": (bad_exif, True),
    "truncated.jpg": (cut, False),
    "truncated.png": (lambda p: cut(p, kind="PNG"), False),
    "broken.png": (broken_png, False),
    "text.jpg": (lambda p: p.write_text("this is no picture\n" * 20), False),
    "empty.png": (lambda p: p.write_bytes(b""), False),
    "bomb.png": (bomb, False),
    "folder.png": (lambda p: p.mkdir(), False),
}  # fmt: skip


def write_all(folder):
    """Write them into a folder: name -> (path, whether a result is expected)."""
    out = {}
    for name, (make, works) in ODD.items():
        make(folder / name)
        out[name] = (folder / name, works)
    return out
