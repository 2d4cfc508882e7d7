"""A studio of its own for a measurement or a test: the command in another process, with a home of its own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import torch

import eclipsed

ROOT = Path(eclipsed.__file__).parents[1]


class Server:
    """`eclipsed studio`, running with as many threads as this process, so that it draws the same bits.

    Leave it with `stop`, or roughly with `kill`.
    """

    def __init__(self, home: str | Path, *words: str) -> None:
        threads = str(torch.get_num_threads())
        environment = {**os.environ, "ECLIPSED_HOME": str(home), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": threads}
        self.cache = Path(f"{home}-cache")  # not inside the home, which the studio hands out nothing of
        environment["GRADIO_TEMP_DIR"] = str(self.cache)
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "eclipsed", "studio", "--port", "0", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.errors: list[str] = []
        out, err = self.process.stdout, self.process.stderr
        assert out is not None
        assert err is not None
        threading.Thread(target=self.errors.extend, args=(err,), daemon=True).start()
        line = out.readline()
        found = re.search(r"http://\S+", line)
        assert found, f"the studio did not start: {line} {''.join(self.errors)}"
        self.url = found[0]

    def client(self, **options: Any) -> Any:
        from gradio_client import Client

        return Client(self.url, verbose=False, **options)

    @property
    def said(self) -> str:
        """What it wrote on stderr so far."""
        return "".join(self.errors)

    def memory(self) -> float:
        """Resident memory in MB."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+)", text)
        assert found, "the system does not say how much memory the studio takes"
        return int(found[1]) / 1024

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def chromium() -> str | None:
    """Path of a Chromium on this machine, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
