"""Text files that people write, line by line."""

from __future__ import annotations

import sys
from pathlib import Path

from eclipsed.errors import InputError

__all__ = ["read_lines"]


def read_lines(file: Path) -> list[str]:
    """The lines of a text file in UTF-8.

    Args:
        file: to read; ``-`` is standard input.
    Raises:
        InputError: it cannot be read, or is no such text.
    """
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not a text file in UTF-8 (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise InputError(f"cannot read {file}: {(error.strerror or str(error)).lower()}") from error
