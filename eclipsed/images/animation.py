"""Moving pictures: a sweep of strengths as GIF (Pillow) or MP4 (ffmpeg, from an extra)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from eclipsed.errors import InputError, MissingExtraError, OutputError
from eclipsed.files.atomic import atomic_write
from eclipsed.values.extras import pip_line

__all__ = ["ANIMATION_SUFFIXES", "FPS", "films_as_mp4", "save_animation"]

ANIMATION_SUFFIXES = (".gif", ".mp4")

#: frames per second, unless somebody says otherwise
FPS = 12.0


def save_animation(
    frames: Sequence[Image.Image], path: str | os.PathLike[str], *, fps: float = FPS, bounce: bool = True
) -> Path:
    """Write frames as a looping GIF or as an MP4 film; the suffix of the name says which.

    Args:
        frames: RGB pictures of one size.
        path: a name ending in .gif or .mp4.
        fps: frames per second, above 0 and at most 50 (GIF counts hundredths of a second).
        bounce: play the frames forwards, then backwards, so that the loop has no jump.
    Returns:
        `path`.
    Raises:
        InputError: another suffix, no frame, frames of several sizes, or fps out of range.
        MissingExtraError: MP4 without the ``video`` extra.
        OutputError: the file cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in ANIMATION_SUFFIXES:
        raise InputError(f"cannot tell the film format of {os.fspath(path)!r}: end it in .gif or .mp4")
    if not frames:
        raise InputError("an animation needs at least one frame; got none")
    if len({frame.size for frame in frames}) > 1:
        raise InputError("the frames of an animation must have one size")
    if not 0 < fps <= 50:
        raise InputError(f"fps must be above 0 and at most 50; got {fps}")
    pictures = [frame.convert("RGB") for frame in frames]
    if bounce:
        pictures += pictures[-2:0:-1]
    if suffix == ".gif":
        return atomic_write(path, lambda place: _write_gif(pictures, place, fps))
    writer = _ffmpeg()
    return atomic_write(path, lambda place: _write_mp4(writer, pictures, place, fps))


def _write_gif(pictures: list[Image.Image], place: Path, fps: float) -> None:
    # One palette for all frames, taken from all of them: colours that stand still do not flicker.
    width, height = pictures[0].size
    sheet = Image.new("RGB", (width, height * len(pictures)))
    for index, picture in enumerate(pictures):
        sheet.paste(picture, (0, index * height))
    colours = sheet.quantize(256, method=Image.Quantize.MEDIANCUT)
    first, *rest = (picture.quantize(palette=colours, dither=Image.Dither.FLOYDSTEINBERG) for picture in pictures)
    duration = max(20, round(100 / fps) * 10)
    first.save(place, format="GIF", save_all=True, append_images=rest, duration=duration, loop=0, disposal=1)


def films_as_mp4() -> bool:
    """Whether films can be saved as MP4 here."""
    try:
        _ffmpeg()
    except MissingExtraError:
        return False
    return True


def _ffmpeg() -> object:
    try:
        import imageio_ffmpeg

        imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError):
        raise MissingExtraError(f"MP4 needs ffmpeg: {pip_line(extra='video')}; or save a .gif instead") from None
    return imageio_ffmpeg


def _write_mp4(writer: object, pictures: list[Image.Image], place: Path, fps: float) -> None:
    width, height = (side + side % 2 for side in pictures[0].size)  # the codec takes even sizes only
    film = writer.write_frames(  # type: ignore[attr-defined]
        str(place), (width, height), fps=fps, codec="libx264", pix_fmt_in="rgb24", macro_block_size=2, quality=8
    )
    try:
        film.send(None)
        for picture in pictures:
            page = Image.new("RGB", (width, height), "white")
            page.paste(picture, (0, 0))
            film.send(np.ascontiguousarray(page))
    except OSError as error:
        raise OutputError(f"cannot write the film: {str(error).strip().splitlines()[-1]}") from error
    finally:
        film.close()
    if not place.is_file() or place.stat().st_size == 0:
        raise OutputError("cannot write the film: ffmpeg wrote nothing (is the disk full?)")
