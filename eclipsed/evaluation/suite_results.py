"""What `evaluate_suite` found: a row for each sentence, and the means over them."""

from __future__ import annotations

import io
import math
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from html import escape
from typing import Any

from eclipsed.evaluation.results import Strength
from eclipsed.images.metrics import Interval
from eclipsed.prompts.target import Target

__all__ = ["SuiteEvaluation", "SuiteRow"]

_PAGE = 140  # characters in a line of a notebook


@dataclass(frozen=True, kw_only=True)
class SuiteRow:
    """One sentence of a suite, and what came of it.

    Args:
        prompt: the sentence.
        kind: what it is about.
        sources: methods whose authors show such an edit.
        target: what the set's judge takes for success; None where it does not know the attribute.
        says: what the program itself says of the direction, or why there is none.
        reached: the share of faces that the program says is reached; None where nobody can tell.
        weak: whether the program calls the direction weak.
        file: the direction's name in the folder; "" where nothing was learned.
        digest: of the direction, see `Direction.digest`; "" where nothing was learned.
        seconds: of its training; None where it was there already.
        full: figures at alpha = 1; None where nothing was learned.
        equal: figures at equal success; None where no strength succeeds as often, or nobody judges.
    """

    prompt: str
    kind: str
    sources: tuple[str, ...]
    target: Target | None
    says: str
    reached: float | None
    weak: bool
    file: str
    digest: str
    seconds: float | None
    full: Strength | None
    equal: Strength | None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        target = self.target and {"attribute": self.target.attribute, "classes": list(self.target.classes)}
        strengths = {name: values[name] and values[name].to_json() for name in ("full", "equal")}
        return {**values, "sources": list(self.sources), "target": target, **strengths}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SuiteRow:
        """Read what `to_json` wrote."""
        target = data["target"] and Target(data["target"]["attribute"], tuple(data["target"]["classes"]))
        strengths = {name: data[name] and _strength(data[name]) for name in ("full", "equal")}
        return cls(**{**data, "sources": tuple(data["sources"]), "target": target, **strengths})


@dataclass(frozen=True, kw_only=True)
class SuiteEvaluation:
    """What `evaluate_suite` found.

    Args:
        suite: its name.
        models: name of the model set.
        seeds: the faces that were judged.
        equal_success: the success at which methods are compared.
        rows: one for each sentence.
    """

    suite: str
    models: str
    seeds: tuple[int, ...]
    equal_success: float
    rows: tuple[SuiteRow, ...]

    def __repr__(self) -> str:
        return (
            f"SuiteEvaluation({self.suite!r} on {self.models!r}, {len(self.rows)} sentences, {len(self.seeds)} faces)"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: the table."""
        return f"<pre>{escape(_as_text(self, _PAGE))}</pre>"

    def __str__(self) -> str:
        """The table that ``eclipsed evaluate --suite`` shows, as wide as the terminal."""
        return _as_text(self, shutil.get_terminal_size().columns)

    @property
    def judged(self) -> tuple[SuiteRow, ...]:
        """The rows of which the set's judge says what succeeded."""
        return tuple(row for row in self.rows if row.full is not None and _known(row.full.success))

    @property
    def at_equal(self) -> tuple[SuiteRow, ...]:
        """The judged rows that some strength brings to equal success."""
        return tuple(row for row in self.judged if row.equal is not None)

    def means(self, name: str) -> dict[str, float | int | None]:
        """Means over sentences.

        Args:
            name: ``"full"``: over all that are judged, at alpha = 1; ``"equal"``: over those that reach equal success.
        Returns:
            ``"sentences"``, ``"alpha"``, ``"success"``, ``"outside_inside"`` and ``"leakage"``; None where there is
            no number.
        """
        rows = self.judged if name == "full" else self.at_equal
        found = [getattr(row, name) for row in rows]
        return {
            "sentences": len(found),
            "alpha": _mean(one.alpha for one in found),
            "success": _mean(one.success.mean for one in found),
            "outside_inside": _mean(_ratio(one) for one in found),
            "leakage": _mean(1 - one.kept.mean for one in found),
        }

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "suite": self.suite,
            "models": self.models,
            "seeds": list(self.seeds),
            "equal_success": self.equal_success,
            "means": {name: self.means(name) for name in ("full", "equal")},
            "weak": sum(row.weak for row in self.rows),
            "rows": [row.to_json() for row in self.rows],
        }


def _strength(data: Mapping[str, Any]) -> Strength:
    rest = {name: value for name, value in data.items() if name != "flips"}
    values: dict[str, Any] = {
        name: _interval(value) if isinstance(value, Mapping) else value for name, value in rest.items()
    }
    return Strength(**values, flips={name: _interval(one) for name, one in data["flips"].items()})


def _interval(data: Mapping[str, Any]) -> Interval:
    numbers = {name: math.nan if data[name] is None else data[name] for name in ("mean", "low", "high")}
    return Interval(**numbers, count=data["count"])


def _known(one: Interval | None) -> bool:
    return one is not None and math.isfinite(one.mean)


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return sum(known) / len(known) if known else None


def _ratio(one: Strength) -> float | None:
    known = _known(one.outside) and _known(one.inside) and one.inside.mean > 0
    return one.outside.mean / one.inside.mean if known else None


def _as_text(found: SuiteEvaluation, width: int) -> str:
    """A table with a row for each sentence, the means below it, and what nobody judges."""
    lines = [f"{found.suite} suite on {found.models} · {len(found.rows)} sentences · {len(found.seeds)} faces"]
    lines += _table(found, width)
    for name, at in (("full", "at alpha = 1"), ("equal", f"at {found.equal_success:.0%} success")):
        means = found.means(name)
        if means["sentences"]:
            lines.append(f"mean of {means['sentences']} judged, {at}: {_in_words(means)}")
    told = len(found.rows) - len(found.judged)
    if told:
        lines.append(f"not judged: {told}; of these stands what the program says")
    weak = sum(row.weak for row in found.rows)
    lines.append(f"called weak: {weak} of {len(found.rows)}")
    return "\n".join(lines)


def _in_words(means: Mapping[str, float | int | None]) -> str:
    success, ratio, leakage = (means[name] for name in ("success", "outside_inside", "leakage"))
    return f"success {_share(success)}, outside / inside {_figure(ratio)}, leakage {_share(leakage, 1)}"


def _table(found: SuiteEvaluation, width: int) -> list[str]:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    at = f"{found.equal_success:.0%}"
    for name in ("sentence", "says"):
        table.add_column(name)
    for name in ("success", "out / in", "leakage", f"alpha at {at}", "out / in", "leakage"):
        table.add_column(name, justify="right")
    kind = ""
    for row in found.rows:
        if row.kind != kind:
            table.add_row(f"[bold]{row.kind}[/bold]")
            kind = row.kind
        table.add_row(row.prompt, row.says or "–", *_cells(row.full), *_equal_cells(row))
    page = io.StringIO()
    Console(file=page, width=max(width, 100), color_system=None).print(table)
    return [line.rstrip() for line in page.getvalue().rstrip().splitlines()]


def _cells(one: Strength | None) -> Sequence[str]:
    if one is None:
        return ("–",) * 3
    success, kept = (None if not _known(i) else i.mean for i in (one.success, one.kept))  # type: ignore[union-attr]
    return _share(success), _figure(_ratio(one)), _share(None if kept is None else 1 - kept, 1)


def _equal_cells(row: SuiteRow) -> Sequence[str]:
    if row.equal is None:
        return ("–" if row.full is None or not _known(row.full.success) else "never", "–", "–")
    return (f"{row.equal.alpha:.2f}", *_cells(row.equal)[1:])


def _share(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:.{digits}%}"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
