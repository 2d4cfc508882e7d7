"""A film of a head that turns and speaks, edited: how much it trembles, and whether its sound is there.

Run from the checkout: ``python -m benchmarks.video``. The film is drawn by the recipe of ``mini`` (`speaking`), 48
frames with a tone. Each direction is applied to it; measured are the flicker of the edited face outside the edit over
that of the unedited inversion, whether the sound's stream is the same, byte for byte, and the seconds of one thread.
"""

from __future__ import annotations

import argparse
import json
import math
import struct
import subprocess
import tempfile
import time
import wave
from pathlib import Path

import imageio_ffmpeg
import torch

from eclipsed import Direction, Editor, InversionConfig
from eclipsed.files.atomic import atomic_write
from eclipsed.images.conversion import to_uint8
from recipes.mini.speaking import SPEAKING_FPS, speaking

_RATE = 16_000  # of the sound


def film_of(path: Path, *, seed: int, frames: int, side: int) -> Path:
    """Write a film of a head that speaks, with a tone of 440 Hz."""
    sound = path.with_suffix(".wav")
    with wave.open(str(sound), "wb") as out:
        out.setparams((1, 2, _RATE, 0, "NONE", ""))
        tone = (math.sin(2 * math.pi * 440 * k / _RATE) for k in range(int(_RATE * frames / SPEAKING_FPS)))
        out.writeframes(b"".join(struct.pack("<h", int(12_000 * value)) for value in tone))
    writer = imageio_ffmpeg.write_frames(
        str(path), (side, side), fps=SPEAKING_FPS, macro_block_size=2, quality=None, output_params=["-crf", "12"],
        audio_path=str(sound), audio_codec="aac",
    )  # fmt: skip
    writer.send(None)
    for frame in speaking(seed, frames, side):
        writer.send(to_uint8(frame)[0].numpy())
    writer.close()
    return path


def sound_of(path: Path) -> bytes:
    """The stream of a film's sound."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-map", "0:a", "-c", "copy"]
    return subprocess.run([*command, "-f", "adts", "-"], check=True, capture_output=True).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="mini")
    parser.add_argument("--directions", default="blond-hair,smile,glasses")
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--level", default="best")
    parser.add_argument("--steps", type=int, default=0, help="of the search of each frame, after the encoder's guess")
    parser.add_argument("--seed", type=int, default=9)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/video.json"))
    parser.add_argument("--keep", type=Path, help="folder for the films")
    args = parser.parse_args()
    torch.set_num_threads(1)
    editor = Editor.from_pretrained(args.models, device="cpu")
    config = InversionConfig(level=args.level, steps=args.steps)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        film = film_of(folder / "speaking.mp4", seed=args.seed, frames=args.frames, side=editor.generator.resolution)
        for name in args.directions.split(","):
            began, out = time.process_time(), folder / f"{name}.mp4"
            edited = editor.edit_film(film, Direction.load(name, models=args.models), out, aligned=True, config=config)
            rows.append(
                {
                    "direction": name,
                    "frames": edited.frames,
                    "level": args.level,
                    "steps": args.steps,
                    "flicker": edited.flicker,
                    "sound_kept": sound_of(out) == sound_of(film),
                    "seconds": round(time.process_time() - began, 1),
                }
            )
            print(rows[-1], flush=True)
            atomic_write(args.json, lambda place: place.write_text(json.dumps(rows, indent=1) + "\n"))


if __name__ == "__main__":
    main()
