"""Peak memory of many good and bad pictures on Ray, killed once and resumed: ``python -m benchmarks.photographs``.

Pictures are portraits of `mini`'s own kind and such as fail: broken, empty, cut, dark, small, no picture. Memory is
that of the driver, of Ray and of all its workers, shared pages counted once (PSS), looked at twice a second. Compared
are its peaks while the first quarter of the pictures was done, the first half, and all. Workers are started anew after
the kill, so that the first figures are of the first run and the others of both.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
from PIL import ImageEnhance

from eclipsed.editor import Editor

_CHILD = """
import sys
from eclipsed.editor import Editor

if __name__ == "__main__":
    folder, out = sys.argv[1:]
    tell = lambda done, total, row: print(done, row.outcome, flush=True)
    options = {"aligned": True, "level": "fast", "table": True, "ray": "local", "workers": 1}
    Editor.from_pretrained("mini", device="cpu").edit_photos(folder, "blond-hair", out, tell=tell, **options)
"""


def make_pictures(folder: Path, count: int) -> None:
    """Write pictures of mixed quality: of ten, six are as they should be.

    Args:
        folder: for them.
        count: of them.
    """
    folder.mkdir(parents=True)
    editor = Editor.from_pretrained("mini", device="cpu")
    for number in range(count):
        (face,) = editor.sample(seeds=5000 + number).pil()
        place, kind = folder / f"{number:04d}.png", number % 10
        if kind == 6:
            face = ImageEnhance.Brightness(face).enhance(0.25)
        elif kind == 7:
            face = face.resize((40, 40))
        elif kind == 8:
            face = face.crop((0, 0, face.width, face.height // 2))
        file = io.BytesIO()
        face.save(file, "PNG")
        content = file.getvalue()
        if kind == 9:
            content = (content[: len(content) // 3], b"", b"no picture at all")[number // 10 % 3]
        place.write_bytes(content)


def memory(process: psutil.Process) -> int:
    """Bytes that a process and all below it hold, shared pages counted once."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_full_info().pss
        except psutil.Error:  # it ended meanwhile
            continue
    return total


def run(folder: Path, out: Path, *, until: int | None = None) -> Iterator[tuple[int, str, int]]:
    """Edit the pictures in a process of its own.

    Args:
        folder: of the pictures.
        out: of the results.
        until: so many are done, when it is killed with all that it started; None is not at all.
    Returns:
        After each picture, how many are done, its outcome, and the peak of memory since the one before.
    """
    script = out.parent / "child.py"
    script.write_text(_CHILD)
    log = out.parent / f"log-{time.monotonic_ns()}"
    with open(log, "wb") as file:
        alike = {**os.environ, "RAY_worker_niceness": "0"}  # or workers wait for whoever else uses the machine
        child = subprocess.Popen([sys.executable, str(script), str(folder), str(out)], stdout=file, env=alike)
    process, peak, told = psutil.Process(child.pid), 0, 0
    while True:
        ended = child.poll() is not None
        if not ended:
            peak = max(peak, memory(process))
        lines = log.read_text().split("\n")[:-1]
        for line in lines[told:]:
            done, _, outcome = line.partition(" ")
            yield int(done), outcome, peak
            peak = 0
        told = len(lines)
        if ended:
            if child.returncode:
                raise SystemExit(f"the run ended with {child.returncode}")
            return
        if until is not None and told >= until:
            below = process.children(recursive=True)
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
            for one in below:
                if one.is_running():
                    one.kill()
            return
        time.sleep(0.5)


def measured(count: int, folder: Path) -> dict[str, object]:
    """Do so many pictures, killed once after a third.

    Args:
        count: of pictures.
        folder: of them; made where it is not there.
    """
    if not folder.exists():
        make_pictures(folder, count)
    with tempfile.TemporaryDirectory() as place:
        out = Path(place, "out")
        began, peaks = time.monotonic(), dict.fromkeys((count // 4, count // 2, count), 0)
        outcomes: Counter[str] = Counter()
        first = 0
        for until in (count // 3, None):
            for done, outcome, peak in run(folder, out, until=until):
                first = max(first, done) if until is not None else first
                outcomes[outcome] += until is None
                for most in peaks:
                    peaks[most] = max(peaks[most], peak) if done <= most else peaks[most]
        seconds = time.monotonic() - began
        with open(out / "report.csv", encoding="utf-8", newline="") as file:
            rows = len(list(csv.DictReader(file)))
        import pyarrow.parquet as parquet

        table = parquet.ParquetFile(out / "table.parquet").metadata.num_rows
    return {
        "pictures": count,
        "killed_after": first,
        "peak_mb": {str(most): round(peak / 2**20) for most, peak in peaks.items()},
        "outcomes": dict(sorted(outcomes.items())),
        "rows_of_report": rows,
        "rows_of_table": table,
        "seconds": round(seconds),
    }


def main() -> None:
    """Measure, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=300, help="pictures")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    parser.add_argument(
        "--pictures", type=Path, default=Path("out/photographs"), help="folder, made where it is not there"
    )
    words = parser.parse_args()
    found = measured(words.count, words.pictures)
    print(json.dumps(found, indent=1))
    words.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
