"""Any text on any console: nothing crashes after the work is done."""

import io
import json
import os
import subprocess
import sys

import pytest

from eclipsed.commands import terminal

TEXTS = {
    "café": b"caf\\xe9",
    "髪": b"\\u9aea",
    "0.5 0.1…0.9 · 3 × 4 → −1 – it’s": b"0.5 0.1...0.9 - 3 x 4 -> -1 - it's",
    "bad \udcff byte": b"bad \\udcff byte",
    "\U0001f600": b"\\U0001f600",
}


encodings = pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8", "cp437", "utf-16"])


def console(monkeypatch, encoding):
    """A stdout and stderr of some encoding, as strict as there is; pytest has others while fixtures are made."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


@encodings
@pytest.mark.parametrize("text", TEXTS)
def test_any_text_is_printed(monkeypatch, encoding, text):
    stream = console(monkeypatch, encoding)
    terminal.result(text)
    terminal.note(text)
    stream.flush()
    lines = stream.buffer.getvalue().decode(stream.encoding).splitlines()
    assert lines[0] == lines[1]
    if stream.encoding == "ascii":
        assert lines[0].encode("ascii") == TEXTS[text]
    if stream.encoding == "utf-8" and "\udcff" not in text:
        assert lines[0] == text


@encodings
@pytest.mark.parametrize("text", TEXTS)
def test_json_is_whole_on_any_console(monkeypatch, encoding, text):
    stream = console(monkeypatch, encoding)
    terminal.result_json({"prompt": text})
    written = stream.buffer.getvalue().decode(stream.encoding)
    assert json.loads(written) == {"prompt": text}
    if stream.encoding == "ascii":
        assert written.isascii()
    if stream.encoding == "utf-8" and "\udcff" not in text:
        assert text in written


@encodings
def test_tables_are_printed(monkeypatch, encoding):
    from rich.table import Table

    stream = console(monkeypatch, encoding)
    table = Table("髪", "…")
    table.add_row("café", "–")
    terminal.result_table(table)
    stream.flush()
    assert stream.buffer.getvalue()


def test_without_a_console_nothing_is_printed(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    terminal.result("a")
    terminal.note("b")
    terminal.result_json({"c": 1})
    terminal.keep_printing()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252:surrogateescape"])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--help"], 0),
        (["evaluate", "--help"], 0),
        (["region", "a person with 髪 and a hat …"], 0),
        (["region", "a person with 髪 and a hat", "--json"], 0),
        (["region", b"a hat \xff"], 0),
        (["directions", "list"], 0),
        (["directions", "list", "--json"], 0),
        (["evaluate", "髪"], 1),
        (["no-such-髪"], 2),
    ],
)
def test_commands_end_as_they_do_elsewhere(encoding, words, code, tmp_path):
    env = os.environ | {"PYTHONIOENCODING": encoding, "ECLIPSED_HOME": str(tmp_path), "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "eclipsed", *words], env=env, capture_output=True, timeout=120, check=False
    )
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"UnicodeEncodeError" not in done.stderr
    assert done.stdout or done.stderr
    if "--json" in words:
        assert [json.loads(line) for line in done.stdout.decode(encoding.partition(":")[0]).splitlines()]
