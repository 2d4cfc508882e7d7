"""The tables of `benchmarks.ways`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from benchmarks.defaults import row, summary, worst
from benchmarks.records import as_share, crossed
from eclipsed.images.metrics import bootstrap

__all__ = ["WANTED", "WAYS", "most_table", "pairs_table", "table", "verdicts"]

#: way -> what was wanted of its success in the mean of the sentences
WANTED = {"examples": 0.90, "boundary, classifier": 0.90, "boundary, CLIP": 0.80}

WAYS = tuple(WANTED)


def table(records: Sequence[dict[str, Any]], floors: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """Markdown: a row for each sentence and way below the default's, and the means with 95 % intervals over faces."""
    prompts = list(floors)
    names = ("sentence", "way", *row([floors[prompts[0]]]), "worst flip over its floor")
    lines = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    cells: dict[str, list[list[dict[str, Any]]]] = {"trained default": [[defaults[prompt]] for prompt in prompts]}
    for way in WAYS:
        of = {one["key"]["prompt"]: one for one in records if one["key"]["variant"] == way}
        cells[way] = [[of[prompt]] for prompt in prompts]
    for index, prompt in enumerate(prompts):
        for way, column in cells.items():
            first = prompt if way == "trained default" else ""
            shown = " | ".join(row(column[index]).values())
            lines.append(f"| {first} | {way} | {shown} | {worst(column[index], [floors[prompt]])} |")
    for way, column in cells.items():
        lines.append(f"| **mean of {len(prompts)}** | **{way}** | {' | '.join(summary(column))} | |")
    return "\n".join(lines)


def pairs_table(records: Sequence[dict[str, Any]], pairs: Sequence[tuple[str, str, str]], found: Any) -> str:
    """Markdown: what each pair's attribute flips, what leaks in all, and success, before and after."""
    lines = ["| sentence, way | without | flips of it | leakage | success |", "|---|---|---|---|---|"]
    for (prompt, way, attribute), after in zip(pairs, found, strict=True):
        before = next(one for one in records if (one["key"]["prompt"], one["key"]["variant"]) == (prompt, way))
        both = (before, after)
        flips = " → ".join(_shown(one["flipped"][attribute]) for one in both)
        kept = " → ".join(_shown(_leaks(one)) for one in both)
        success = " → ".join(as_share(crossed([[one]], "success").mean) for one in both)
        lines.append(f"| {prompt}, {way} | {attribute} | {flips} | {kept} | {success} |")
    return "\n".join(lines)


def most_table(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]], how: str) -> str:
    """Markdown: leakage and success of each sentence from examples before and after, and the means."""
    lines = [f"| sentence, from examples | leakage → {how} | success |", "|---|---|---|"]
    for old, new in zip(before, after, strict=True):
        kept = " → ".join(_shown(_leaks(one)) for one in (old, new))
        success = " → ".join(as_share(crossed([[one]], "success").mean) for one in (old, new))
        lines.append(f"| {old['key']['prompt']} | {kept} | {success} |")
    leaks = " → ".join(_interval(crossed([[one] for one in each], "kept")) for each in (before, after))
    success = " → ".join(as_share(crossed([[one] for one in each], "success").mean) for each in (before, after))
    lines.append(f"| **mean of {len(before)}** | **{leaks}** | **{success}** |")
    return "\n".join(lines)


def _leaks(record: dict[str, Any]) -> list[float | None]:
    """Of each face the share of other attributes that flip."""
    return [None if kept is None else 1 - kept for kept in record["values"]["kept"]]


def _interval(kept: Any) -> str:
    """The leakage that belongs to a share of what is kept, with its 95 % interval."""
    return f"{1 - kept.mean:.1%} ({1 - kept.high:.1%}…{1 - kept.low:.1%})"


def _shown(values: Sequence[float | None]) -> str:
    """A mean over faces with its 95 % interval."""
    found = bootstrap(torch.tensor([float("nan") if x is None else x for x in values], dtype=torch.float64))
    return f"{found.mean:.1%} ({found.low:.1%}…{found.high:.1%})"


def verdicts(records: Sequence[dict[str, Any]]) -> str:
    """What was wanted of each way's success, and what was seen."""
    said = []
    for way, wanted in WANTED.items():
        mean = crossed([[one] for one in records if one["key"]["variant"] == way], "success").mean
        said.append(f"{way} {as_share(mean)} ({'' if mean >= wanted else 'missed: '}{as_share(wanted)} wanted)")
    return f"Success in the mean: {'; '.join(said)}."
