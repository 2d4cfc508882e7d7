"""The command ``eclipsed``: every call of the library from a terminal.

Exit codes: 0 all went well, 1 the work failed (one line on stderr says why), 2 the command line was not understood.
With ``--json`` the reason is on stdout as well, as a JSON object in place of the result.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, NoReturn

import typer

from eclipsed.commands import (
    atlas,
    directions,
    doctor,
    evaluate,
    faces,
    judge,
    models,
    parts,
    photo,
    photos,
    region,
    studio,
    train,
    tune,
    video,
    words,
    world,
)
from eclipsed.commands.terminal import error_json, keep_printing, note, one_line, result, show_warnings
from eclipsed.compute.threads import wait_asleep
from eclipsed.errors import EclipsedError
from eclipsed.values.version import VERSION

__all__ = ["app", "main", "run"]

app = typer.Typer(
    name="eclipsed",
    help="Text-driven, local face editing: one sentence in, edited faces out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help: boxes would take longer to load than all the rest
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("try")(train.try_it)
app.command()(train.train)
app.command()(tune.tune)
app.command()(faces.edit)
app.command()(faces.sample)
app.command()(photo.photo)
app.command()(photos.photos)
app.command()(video.video)
app.command()(faces.strip)
app.command()(faces.palette)
app.command()(faces.sweep)
app.command()(evaluate.evaluate)
app.command()(region.region)
app.command()(words.words)
app.add_typer(atlas.app, name="atlas")
app.add_typer(directions.app, name="directions")
app.add_typer(judge.app, name="judge")
app.add_typer(models.app, name="models")
app.add_typer(parts.app, name="parts")
app.add_typer(world.app, name="world")
app.command()(doctor.doctor)
app.command()(studio.studio)

_UsageError: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")

_INTERRUPTED = 130  # what typer makes of Ctrl-C; ours are 0, 1 and 2


def _version(wanted: bool) -> None:
    if wanted:
        result(f"eclipsed {VERSION}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None: ...


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave the process.

    Args:
        arguments: words after the program's name; those of the process when None.
    """
    keep_printing()
    show_warnings()
    wait_asleep()  # before any command imports torch
    words = sys.argv[1:] if arguments is None else list(arguments)
    code = run(words)
    try:
        sys.stdout.flush()
    except OSError as error:
        code = code or (
            1 if isinstance(error, BrokenPipeError) else _failed(f"cannot read or write: {error}", "OSError", False)
        )
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python tries, and fails, once more
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; every expected failure becomes one line on stderr.

    With ``--json`` it becomes an object on stdout, too.
    """
    words = _with_address(arguments)
    as_json = "--json" in (words[: words.index("--")] if "--" in words else words)
    try:
        code = int(app(words, prog_name="eclipsed", standalone_mode=False) or 0)
        return _failed("interrupted", "Interrupted", as_json) if code == _INTERRUPTED else code
    except _UsageError as error:
        return _usage(error, as_json)
    except EclipsedError as error:
        return _failed(error, type(error).__name__, as_json)
    except (KeyboardInterrupt, typer.Abort):
        return _failed("interrupted", "Interrupted", as_json)
    except BrokenPipeError:
        return 1
    except OSError as error:
        return _failed(f"cannot read or write: {error}", "OSError", as_json)
    except Exception as error:
        if os.environ.get("ECLIPSED_DEBUG"):
            raise
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        text += " (unexpected; please report it with the traceback that ECLIPSED_DEBUG=1 shows)"
        return _failed(text, type(error).__name__, as_json)


def _with_address(arguments: Sequence[str]) -> list[str]:
    """The words of a command line, with the address that --ray stands for where none follows it."""
    words: list[str] = []
    for word, following in zip(arguments, [*arguments[1:], "--"], strict=True):
        words += [word, "local"] if word == "--ray" and following.startswith("-") else [word]
    return words


def _failed(reason: object, kind: str, as_json: bool) -> int:
    note(f"error: {one_line(reason)}")
    if as_json:
        with suppress(OSError):  # a reader that has gone, or a full disk, was the reason perhaps
            error_json(reason, kind)
    return 1


def _usage(error: Exception, as_json: bool) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":
        note(str(error).rstrip())
        return 2
    message: str = getattr(error, "format_message", lambda: str(error))()
    context = getattr(error, "ctx", None)
    name = context.command_path if context is not None else "eclipsed"
    reason = f"{one_line(message).rstrip('.')}; `{name} --help` shows the options"
    _failed(reason, "UsageError", as_json)
    return 2
