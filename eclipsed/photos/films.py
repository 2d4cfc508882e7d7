"""Films as photographs one after the other: MP4 and the like (ffmpeg, from an extra), GIF, or a folder of frames."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageSequence, UnidentifiedImageError

from eclipsed.errors import InputError, MissingExtraError, OutputError
from eclipsed.files.atomic import atomic_write
from eclipsed.images.animation import FPS, save_animation
from eclipsed.photos.reading import Photo, Pixels, read_photo, save_photo
from eclipsed.values.extras import pip_line

__all__ = ["FILM_SUFFIXES", "Film", "save_film"]

#: files that ffmpeg reads; results are written as MP4
FILM_SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi")

_GIF = ".gif"
_FRAMES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
_FASTEST_GIF = 50.0


@dataclass(frozen=True)
class Film:
    """A film that can be gone through several times.

    Args:
        path: a file, or a folder whose pictures are the frames, in the order of their names.
        fps: frames per second.
        sound: whether there is any.
        frames: their names, of a folder.
    """

    path: Path
    fps: float
    sound: bool = False
    frames: tuple[str, ...] = ()

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Film:
        """Look at a film.

        Raises:
            InputError: it is not there, or no film.
            MissingExtraError: it wants ffmpeg, which the ``video`` extra brings.
        """
        place = Path(path)
        if place.is_dir():
            names = sorted(one.name for one in place.iterdir() if one.suffix.lower() in _FRAMES and one.name[0] != ".")
            if not names:
                raise InputError(f"{place} holds no frames: pictures that end in {', '.join(_FRAMES)}")
            return cls(place, FPS, frames=tuple(names))
        if not place.is_file():
            raise InputError(f"{place} is not there; check the path of the film")
        if place.suffix.lower() == _GIF:
            return cls(place, _gif_fps(place))
        if place.suffix.lower() not in FILM_SUFFIXES:
            raise InputError(f"{place} is no film: give {', '.join(FILM_SUFFIXES)}, a .gif or a folder of frames")
        reader, meta = _open(place)
        reader.close()
        if not meta.get("fps"):
            raise InputError(f"{place} is damaged: it does not say how many frames a second has")
        return cls(place, float(meta["fps"]), sound=bool(meta.get("audio_codec")))

    def __iter__(self) -> Iterator[Photo]:
        """The frames, upright and in order."""
        if self.frames:
            yield from (read_photo(self.path / name) for name in self.frames)
        elif self.path.suffix.lower() == _GIF:
            with Image.open(self.path) as pictures:
                for number, picture in enumerate(ImageSequence.Iterator(pictures), 1):
                    yield Photo(np.asarray(picture.convert("RGB")), name=f"frame {number} of {self.path}")
        else:
            reader, meta = _open(self.path)
            width, height = meta["size"]
            try:
                for number, frame in enumerate(reader, 1):
                    pixels = np.frombuffer(frame, np.uint8).reshape(height, width, 3)
                    yield Photo(pixels, name=f"frame {number} of {self.path}")
            except RuntimeError as error:
                raise InputError(f"{self.path} is damaged: {_last_line(error)}") from error
            finally:
                reader.close()

    def check_target(self, out: Path) -> None:
        """Raise unless a result can be written there.

        Raises:
            InputError: a folder of frames becomes a folder, a film an MP4, a GIF either; or it is the film itself.
            MissingExtraError: it wants ffmpeg.
        """
        suffix = out.suffix.lower()
        if out.resolve() == self.path.resolve():
            raise InputError(f"{out} is the film itself; write the result elsewhere")
        if self.frames:
            if suffix:
                raise InputError(f"the frames of a folder are written into a folder; got {str(out)!r}")
        elif suffix not in (_GIF, ".mp4"):
            raise InputError(f"end the film in .mp4 or .gif; got {str(out)!r}")
        elif suffix == ".mp4":
            _ffmpeg()


def save_film(frames: Iterable[Pixels], film: Film, out: Path) -> Path:
    """Write a film of as many frames as another, with its sound.

    Args:
        frames: uint8, (H, W, 3), all of one size.
        film: whose rate, sound and names of frames they get.
        out: see `Film.check_target`.
    Returns:
        `out`.
    Raises:
        OutputError: it cannot be written.
    """
    if film.frames:
        for name, pixels in zip(film.frames, frames, strict=True):
            save_photo(Image.fromarray(pixels), out / Path(name).with_suffix(".png"))
        return out
    if out.suffix.lower() == _GIF:
        pictures = [Image.fromarray(pixels) for pixels in frames]
        return save_animation(pictures, out, fps=min(film.fps, _FASTEST_GIF), bounce=False)
    return atomic_write(out, lambda place: _write(frames, film, place))


def _write(frames: Iterable[Pixels], film: Film, place: Path) -> None:
    sound: dict[str, Any] = {"audio_path": str(film.path), "audio_codec": "copy"} if film.sound else {}
    if film.sound and film.path.suffix.lower() not in (".mp4", ".m4v", ".mov"):
        sound["audio_codec"] = "aac"  # what other containers hold may not go into this one
    writer: Any = None
    try:
        for pixels in frames:
            if writer is None:
                size = (pixels.shape[1], pixels.shape[0])
                writer = _ffmpeg().write_frames(
                    str(place), size, fps=film.fps, codec="libx264", pix_fmt_in="rgb24", macro_block_size=2,
                    output_params=["-crf", "14"], quality=None, **sound,
                )  # fmt: skip
                writer.send(None)
            writer.send(np.ascontiguousarray(pixels))
    except OSError as error:
        raise OutputError(f"cannot write the film: {_last_line(error)}") from error
    finally:
        if writer is not None:
            writer.close()
    if not place.is_file() or place.stat().st_size == 0:
        raise OutputError("cannot write the film: ffmpeg wrote nothing (is the disk full?)")


def _open(path: Path) -> tuple[Any, dict[str, Any]]:
    """What reads the frames, and what is known of them."""
    reader = _ffmpeg().read_frames(str(path))
    try:
        return reader, next(reader)
    except (OSError, RuntimeError, StopIteration, IndexError, ValueError) as error:
        raise InputError(f"{path} is no film that ffmpeg can read: {_last_line(error)}") from error


def _gif_fps(path: Path) -> float:
    try:
        with Image.open(path) as picture:
            return 1000 / max(20, int(picture.info.get("duration", 1000 / FPS)))
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(f"{path} is no GIF that can be read") from error


def _ffmpeg() -> Any:
    try:
        import imageio_ffmpeg

        imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError):
        raise MissingExtraError(f"films need ffmpeg: {pip_line(extra='video')}; or give a .gif or frames") from None
    return imageio_ffmpeg


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["nothing came"])[-1]
