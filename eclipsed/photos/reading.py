"""Any picture file as upright 8-bit RGB, with what has to be kept: transparency, metadata and colour profile."""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from eclipsed.errors import EclipsedWarning, InputError, MissingExtraError
from eclipsed.files.atomic import atomic_write
from eclipsed.images.pictures import PICTURE_FORMATS
from eclipsed.values.extras import pip_line

__all__ = ["Photo", "Pixels", "decode_photo", "heic_size", "read_photo", "save_photo"]

_MOST_PIXELS = 150_000_000
_ORIENTATION = 0x0112  # EXIF tag
#: how files begin that say what to draw
_DRAWINGS = {
    b"%PDF": "a document (PDF)",
    b"%!PS": "a drawing (PostScript, EPS)",
    b"\xc5\xd0\xd3\xc6": "a drawing (EPS)",
    b"<svg": "a drawing (SVG)",
    b"<?xml": "a text (XML, perhaps a drawing in SVG)",
    b"<!DO": "a web page",
    b"<html": "a web page",
}
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"heif")

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True, eq=False)
class Photo:
    """An upright photograph.

    Args:
        pixels: RGB, uint8, (H, W, 3).
        alpha: transparency, uint8, (H, W); None is opaque.
        exif: metadata without the orientation; empty when there is none.
        profile: ICC colour profile; empty when there is none, or none that fits RGB.
        name: for messages.
    """

    pixels: Pixels
    alpha: Pixels | None = None
    exif: bytes = b""
    profile: bytes = b""
    name: str = "the picture"

    @property
    def width(self) -> int:
        """In pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.pixels.shape[0])

    @cached_property
    def sha256(self) -> str:
        """What tells the picture from any other: SHA-256 of its size and upright RGB pixels."""
        digest = hashlib.sha256(f"{self.width}x{self.height}".encode())
        digest.update(np.ascontiguousarray(self.pixels).tobytes())
        return digest.hexdigest()

    @property
    def opaque(self) -> Pixels:
        """The pixels as they look on white, (H, W, 3)."""
        if self.alpha is None:
            return self.pixels
        share = self.alpha[..., None].astype(np.float32) / 255
        return np.asarray(np.rint(self.pixels * share + 255 * (1 - share)), dtype=np.uint8)

    def pil(self, pixels: Pixels | None = None) -> Image.Image:
        """The photo as a PIL picture, RGB or RGBA, with its metadata and profile in ``info``.

        Args:
            pixels: others of the same shape to show instead of its own.
        """
        picture = Image.fromarray(self.pixels if pixels is None else pixels)
        if self.alpha is not None:
            picture.putalpha(Image.fromarray(self.alpha))
        if self.exif:
            picture.info["exif"] = self.exif
        if self.profile:
            picture.info["icc_profile"] = self.profile
        return picture


def read_photo(source: str | os.PathLike[str] | Image.Image | Photo) -> Photo:
    """Read a picture of any kind that Pillow knows, and HEIC with the ``heic`` extra.

    It is turned upright as its EXIF data say, and brought to 8-bit RGB; of an animation the first frame is taken.

    Args:
        source: a file, a PIL picture, or a photo, which is returned as it is.
    Raises:
        InputError: there is no such file, it is no picture, is cut short, or has more than 150 million pixels.
        MissingExtraError: a HEIC file without the package that reads it.
    Warns:
        EclipsedWarning: it is an animation.
    """
    if isinstance(source, Photo):
        return source
    if isinstance(source, Image.Image):
        return _guarded(lambda: source, "the picture")
    if not isinstance(source, (str, os.PathLike)):
        raise InputError(f"a photo is a path or a PIL picture; got {type(source).__name__}")
    path = Path(source)
    if not os.fspath(source):
        raise InputError("the path of the photo is empty; give a picture")
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is a {'folder' if path.is_dir() else 'device or pipe'}; give a picture's file")
        with open(path, "rb") as file:
            head = file.read(16)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path} is not there; check the path of the photo") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    heif = _check_head(head, str(path))
    return _guarded(lambda: _open_heif(path, str(path)) if heif else Image.open(path), str(path), close=True)


def decode_photo(content: bytes, name: str) -> Photo:
    """Read a picture that is in memory, as `read_photo` reads a file.

    Args:
        content: of a picture's file.
        name: for messages.
    Raises:
        InputError: it is no picture, is cut short, or has more than 150 million pixels.
        MissingExtraError: HEIC without the package that reads it.
    Warns:
        EclipsedWarning: it is an animation.
    """
    heif, file = _check_head(content[:16], name), io.BytesIO(content)
    return _guarded(lambda: _open_heif(file, name) if heif else Image.open(file), name, close=True)


def _check_head(head: bytes, name: str) -> bool:
    """Whether a file is HEIC, by its first 16 bytes.

    Raises:
        InputError: it is empty, or a drawing.
    """
    if not head:
        raise InputError(f"{name} is empty; give a picture")
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    drawing = next((kind for begins, kind in _DRAWINGS.items() if start.startswith(begins)), "")
    if drawing:
        raise InputError(f"{name} is {drawing}, and no picture of pixels; save it as PNG, JPEG, WebP or TIFF")
    return head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS


def heic_size(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """Width and height of a HEIC file by its header, without decoding it; None where it is of another kind.

    Raises:
        InputError: it is empty, a drawing, or a damaged HEIC file.
        MissingExtraError: HEIC without the package that reads it.
    """
    place = Path(path)
    with open(place, "rb") as file:
        head = file.read(16)
    if not _check_head(head, place.name):
        return None
    try:
        width, height = _heif(place, place.name).size
    except MissingExtraError:
        raise
    except Exception as error:  # a damaged file can fail in any way
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{place.name} is damaged or cut short: {reason:.120}") from error
    return width, height


def _heif(file: Path | io.BytesIO, name: str) -> Any:
    """A HEIC file of which the header was read."""
    try:
        import pillow_heif
    except ImportError as error:
        raise MissingExtraError(f"{name} is HEIC; to read it: {pip_line(extra='heic')}") from error
    return pillow_heif.open_heif(file)


def _open_heif(file: Path | io.BytesIO, name: str) -> Image.Image:
    picture: Image.Image = _heif(file, name).to_pillow()
    return picture


def _guarded(open_it: Any, name: str, *, close: bool = False) -> Photo:
    """Decode a picture; whatever a damaged file does to the decoder becomes one sentence."""
    picture = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, about size and damaged metadata: both are dealt with here
            picture = open_it()
            width, height = picture.size
            if not width * height:
                raise InputError(f"{name} has no pixels: {width} x {height}; give a picture")
            if width * height > _MOST_PIXELS:
                raise InputError(_too_large(name, f"{width} x {height}"))
            frames = getattr(picture, "n_frames", 1)
            photo = _photo(picture, name)
    except (InputError, MissingExtraError):
        raise
    except Image.DecompressionBombError as error:
        raise InputError(_too_large(name, "far more")) from error
    except UnidentifiedImageError as error:
        raise InputError(f"{name} is no picture that can be read; give a PNG, JPEG, WebP, TIFF …") from error
    except MemoryError as error:
        raise InputError(f"{name} does not fit into memory; make it smaller") from error
    except Exception as error:  # a damaged file can fail in any way
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{name} is damaged or cut short: {reason:.120}") from error
    finally:
        if close and picture is not None:
            picture.close()
    if frames > 1:
        warnings.warn(EclipsedWarning(f"{name} has {frames} pictures; the first is taken"), stacklevel=3)
    return photo


def _too_large(name: str, size: str) -> str:
    return f"{name} is too large: {size} pixels, at most {_MOST_PIXELS // 1_000_000} million; make it smaller"


def _photo(picture: Image.Image, name: str) -> Photo:
    picture.load()
    profile = picture.info.get("icc_profile") or b""
    picture = ImageOps.exif_transpose(picture)
    exif = _metadata(picture)
    alpha = None
    if picture.mode in ("PA", "LA", "La", "RGBa", "RGBA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        found = np.asarray(picture.getchannel("A"))
        alpha = None if bool((found == 255).all()) else found.copy()
    profile_fits = profile[16:20] == b"RGB "
    return Photo(_rgb(picture, name), alpha, exif, profile if profile_fits else b"", name)


def _metadata(picture: Image.Image) -> bytes:
    """EXIF data without the orientation, which is used up."""
    exif = picture.getexif()
    exif.pop(_ORIENTATION, None)
    return exif.tobytes() if len(exif) else b""


def _rgb(picture: Image.Image, name: str) -> Pixels:
    if picture.mode.startswith("I"):  # 16 bits of grey
        deep = np.asarray(picture).astype(np.float64)
        if deep.max(initial=0) > 65535 or deep.min(initial=0) < 0:
            raise InputError(f"{name} has more than 16 bits a pixel; save it with 8 or 16")
        grey = np.rint(deep / 257).astype(np.uint8)
        return np.stack([grey] * 3, axis=-1)
    if picture.mode == "F":
        raise InputError(f"{name} has floating-point pixels; save it with 8 or 16 bits")
    return np.array(picture.convert("RGB"), dtype=np.uint8)


def save_photo(picture: Image.Image, path: str | os.PathLike[str]) -> Path:
    """Write a picture with the metadata and the profile that it carries.

    Args:
        picture: as `Photo.pil` gives it.
        path: a name ending in .png, .jpg, .jpeg or .webp; JPEG drops transparency, and WebP is written lossless.
    Raises:
        InputError: another suffix.
        OutputError: the file cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in PICTURE_FORMATS:
        raise InputError(
            f"cannot tell the picture format of {os.fspath(path)!r}: end it in {', '.join(PICTURE_FORMATS)}"
        )
    options: dict[str, Any] = {key: picture.info[key] for key in ("exif", "icc_profile") if picture.info.get(key)}
    if PICTURE_FORMATS[suffix] == "JPEG":
        picture, options = picture.convert("RGB"), {**options, "quality": 95, "subsampling": 0}
    elif PICTURE_FORMATS[suffix] == "WEBP":
        options |= {"lossless": True, "exact": True}
    return atomic_write(path, lambda place: picture.save(place, format=PICTURE_FORMATS[suffix], **options))
