"""Which trainings are wanted: sentences from a list or file, times seeds, settings and model sets."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from eclipsed.errors import InputError
from eclipsed.files.lines import read_lines
from eclipsed.training.config import TrainConfig
from eclipsed.values.seeds import check_seeds, parse_seeds

__all__ = ["Wanted", "Wish", "configs_of", "read_wishes", "wanted_of"]

#: a sentence, or a mapping with ``"prompt"`` and, for it alone, ``"region"`` and options of training; ``"seed"`` may be
#: several
Wish = str | Mapping[str, Any]

_OPTIONS = tuple(field.name for field in fields(TrainConfig))
_KEYS = ("prompt", "region", *_OPTIONS)
_SUFFIXES = (".txt", ".csv", ".jsonl")


@dataclass(frozen=True)
class Wanted:
    """One training.

    Args:
        prompt: the sentence.
        region: names of the parts that may change; None finds them in the sentence.
        config: every option.
        models: number of the model set among those that were given.
    """

    prompt: str
    region: tuple[str, ...] | None
    config: TrainConfig
    models: int = 0


class _Row(dict[str, Any]):
    """A wish that stands in a file.

    Args:
        place: such as "list.csv, line 3".
        values: by their names.
    """

    def __init__(self, place: str, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.place = place


def read_wishes(file: Path) -> list[Wish]:
    """Sentences of a file: one a line in a .txt, a table with a head in a .csv, one JSON object a line in a .jsonl.

    Args:
        file: to read; empty lines are left out. The names of columns, and of keys, are prompt, region (hair,hat) and
            options of training, of which seed may be several (1,2,5-7, or a list).
    Raises:
        InputError: it cannot be read, its name ends otherwise, it is empty, or a line says something else.
    """
    suffix = file.suffix.lower()
    if suffix not in _SUFFIXES:
        raise InputError(f"a list of prompts ends in {', '.join(_SUFFIXES)}; got {str(file)!r}")
    lines = read_lines(file)
    read = {".txt": _of_text, ".csv": _of_table, ".jsonl": _of_json}[suffix]
    found = list(read(file, lines))
    if not found:
        raise InputError(f"{file} holds no prompts; write one a line")
    return found


def _of_text(file: Path, lines: Sequence[str]) -> Iterator[Wish]:
    yield from (line.strip() for line in lines if line.strip())


def _of_table(file: Path, lines: Sequence[str]) -> Iterator[Wish]:
    blank = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    rows = csv.DictReader([f"{line}\n" for line in lines[blank:]], strict=True)
    try:
        yield from _of_rows(file, rows, blank)
    except csv.Error as error:
        raise InputError(
            f"{file}, line {blank + rows.reader.line_num} is no row of a table ({error}); close what is quoted"
        ) from None


def _of_rows(file: Path, rows: csv.DictReader[str], before: int) -> Iterator[Wish]:
    if "prompt" not in (rows.fieldnames or ()):
        raise InputError(f"{file} needs a column prompt in its first line; got {', '.join(rows.fieldnames or ())}")
    for row in rows:
        if None in row:
            raise InputError(f"{file}, line {before + rows.line_num}: more cells than the first line has columns")
        values = {name: " ".join((value or "").split()) for name, value in row.items()}
        values = {name: value for name, value in values.items() if name == "prompt" or value}
        given = {
            name: value if name in ("prompt", "region", "seed") else _read(value) for name, value in values.items()
        }
        yield _Row(f"{file}, line {before + rows.line_num}", given)


def _of_json(file: Path, lines: Sequence[str]) -> Iterator[Wish]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, Mapping):
            raise InputError(f'{file}, line {number} is no JSON object such as {{"prompt": "blond hair"}}')
        yield _Row(f"{file}, line {number}", row)


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text.strip()


def configs_of(
    configs: TrainConfig | Sequence[TrainConfig] | None, grid: Mapping[str, Sequence[Any]] | None
) -> list[TrainConfig]:
    """All settings that are wanted.

    Args:
        configs: one or several; None is the default.
        grid: option -> values: each config is taken with every combination of them.
    Raises:
        InputError: there is none, or an option or value is none.
    """
    given = [configs or TrainConfig()] if configs is None or isinstance(configs, TrainConfig) else list(configs)
    if not given:
        raise InputError("give at least one config")
    for name, values in (grid or {}).items():
        if isinstance(values, str) or not isinstance(values, Iterable) or not list(values):
            raise InputError(f"the grid must hold several values of {name}; got {values!r}")
    names = list(grid or {})
    combined = [dict(zip(names, each, strict=True)) for each in itertools.product(*(grid or {}).values())]
    return [config.replace(**changes) for config in given for changes in combined]


def wanted_of(
    wishes: Iterable[Wish], configs: Sequence[TrainConfig], seeds: Sequence[int] | None, sets: int
) -> list[Wanted]:
    """Every training once, in the order of the sentences.

    Args:
        wishes: the sentences.
        configs: settings of each.
        seeds: of each; None are those of the configs.
        sets: how many model sets there are.
    Raises:
        InputError: there is no sentence, or one is no sentence.
    """
    if isinstance(wishes, (str, Mapping)):
        wishes = [wishes]
    found: dict[str, Wanted] = {}
    for wish in wishes:
        try:
            each = _each(wish, configs, seeds, sets)
        except InputError as error:
            if isinstance(wish, _Row):
                raise InputError(f"{wish.place}: {error}") from error
            raise
        for one in each:
            found.setdefault(repr((one.prompt, one.region, one.config, one.models)), one)
    if not found:
        raise InputError("give at least one prompt")
    return list(found.values())


def _each(wish: Wish, configs: Sequence[TrainConfig], seeds: Sequence[int] | None, sets: int) -> list[Wanted]:
    """The trainings of one sentence."""
    row = dict(wish) if isinstance(wish, Mapping) else {"prompt": wish}
    unknown = [name for name in row if name not in _KEYS]
    if unknown or not isinstance(row.get("prompt"), str):
        raise InputError(
            f"a prompt is a sentence, or a mapping with prompt, region and options of training "
            f"({', '.join(_OPTIONS)}); got {str(wish)[:80]!r}"
        )
    changes = {name: tuple(v) if isinstance(v := row[name], list) else v for name in row if name in _OPTIONS}
    own = _seeds(changes.pop("seed")) if "seed" in changes else seeds
    found = []
    for config in configs:
        config = config.replace(**changes)
        for seed in (config.seed,) if own is None else own:
            settled = config.replace(seed=seed)
            found += [Wanted(row["prompt"], _region(row.get("region")), settled, models) for models in range(sets)]
    return found


def _seeds(given: Any) -> tuple[int, ...]:
    return parse_seeds(given) if isinstance(given, str) else check_seeds(given)


def _region(given: Any) -> tuple[str, ...] | None:
    if given is None:
        return None
    names = given.split(",") if isinstance(given, str) else given
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) and name.strip() for name in names):
        raise InputError(f"a region is a list of parts, such as hair,hat; got {str(given)[:60]!r}")
    return tuple(name.strip() for name in names)
