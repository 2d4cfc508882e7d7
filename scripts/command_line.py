"""Write docs/command-line.md from what every command says with ``--help``, or check that it is current.

``python scripts/command_line.py`` checks, and ``python scripts/command_line.py --write`` writes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from eclipsed.commands.cli import app

PAGE = Path(__file__).parents[1] / "docs" / "command-line.md"

_HEAD = """# Command line

What each command says with `--help`. This page is written by `scripts/docs --write`.

`--json` prints the result alone on stdout, or in its place the error: `{"error": "a sentence", "kind": "InputError"}`.
The exit code is 0 when all went well, 1 when the work failed (one line on stderr says why), and 2 when the command line
was not understood.
"""


def page() -> str:
    """The whole page, as Markdown."""
    return "\n".join([_HEAD, *_commands(typer.main.get_command(app), "eclipsed")]) + "\n"


def _commands(command: Any, name: str) -> Iterator[str]:
    """The sections of a command and of those below it."""
    inner = getattr(command, "commands", {})
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
    words = [name, "[OPTIONS]", *(_argument(one) for one in arguments), *(["COMMAND …"] if inner else [])]
    yield f"## {name}\n\n{_text(command.help)}\n\n```text\n{' '.join(words)}\n```\n"
    if arguments or options:
        yield "| word | value | what it is |\n|---|---|---|"
        for one in arguments:
            yield f"| `{_argument(one).strip('[]…')}` | | {_said(one)} |"
        for one in options:
            flags = ", ".join(f"`{flag}`" for flag in (*one.opts, *one.secondary_opts))
            yield f"| {flags} | {_value(one)} | {_said(one)} |"
        yield ""
    for key, below in inner.items():
        yield from _commands(below, f"{name} {key}")


def _argument(one: Any) -> str:
    """An argument as it stands in the usage line."""
    name = (one.metavar or one.name.upper()).strip("[].…")
    many = f"{name}…" if one.nargs == -1 else name
    return many if one.required else f"[{many}]"


def _value(one: Any) -> str:
    """What stands for an option's value; nothing where it takes none."""
    if one.is_flag:
        return ""
    return f"`{one.metavar or one.opts[0].lstrip('-').upper()}`".replace("|", "\\|")


def _said(one: Any) -> str:
    """The help of a parameter, and its default."""
    text = _text(one.help)
    if one.required:
        return f"{text} Required."
    default = one.show_default if isinstance(one.show_default, str) else one.default
    if default is True:
        default = one.opts[0]
    if not one.show_default or default in (None, "", False, ()) or one.nargs == -1:
        return text
    return f"{text} Default: {default}."


def _text(text: str | None) -> str:
    """A help text on one line of a table."""
    return " ".join((text or "").split()).replace("|", "\\|")


def main() -> None:
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page(), encoding="utf-8")
    elif sys.argv[1:]:
        sys.exit(f"usage: {sys.argv[0]} [--write]")
    elif PAGE.read_text(encoding="utf-8") != page():
        sys.exit(f"{PAGE.name} is not what the commands say; run scripts/docs --write")


if __name__ == "__main__":
    main()
