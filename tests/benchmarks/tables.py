"""Measurements to Markdown and to a terminal: medians, ratios, goals.

The rule of this file: it computes and words; it measures nothing.
"""

from __future__ import annotations

import statistics
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from benchmarks.measure import Measured
from benchmarks.scenarios import Goal, Scenario

_MIB: Final = 2**20
_FIGURES: Final = ("wall", "CPU", "memory")
_EMPTY: Final = ""
_WIDTH: Final = 125


def scenario_tables(scenario: Scenario, found: Measured) -> str:
    """The heading, the paragraph and the two tables of one scenario."""
    parts = [f"## {scenario.title}", textwrap.fill(scenario.does, _WIDTH)]
    parts += [f"Absent on this machine: {name}." for name in found.absent]
    parts.append(_table(("", "wall s", "CPU s", "peak MiB", "checks"), _medians(scenario, found)))
    parts.append(
        _table(("ours", "against", "figure", "value", "least to most", "first", "goal", "reached"), _rows(scenario, found))
    )
    return "\n\n".join(parts) + "\n"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _medians(scenario: Scenario, found: Measured) -> Iterable[Sequence[str]]:
    for one in scenario.contestants:
        if one.name in found.samples:
            wall, cpu, memory = (found.median(one.name, figure) for figure in _FIGURES)
            name = f"**{one.name}**" if one.ours else one.name
            yield name, f"{wall:.3f}", f"{cpu:.3f}", f"{memory / _MIB:.1f}", one.does


def _rows(scenario: Scenario, found: Measured) -> Iterable[Sequence[str]]:
    goals = {(goal.own, goal.peer, goal.figure): goal for goal in scenario.goals if goal.peer is not None}
    for own, peer in scenario.compare:
        if own not in found.samples or peer not in found.samples:
            yield own, peer, _EMPTY, "absent", _EMPTY, _EMPTY, _EMPTY, _EMPTY
            continue
        for figure in _FIGURES:
            ratios = found.ratios(own, peer, figure)
            spread = f"{_number(ratios[0])}-{_number(ratios[-1])}"
            value = statistics.median(ratios)
            yield own, peer, figure, f"{_number(value)}x", spread, *_judged(goals.get((own, peer, figure)), value, "x")
    for goal in scenario.goals:
        if goal.peer is None and goal.own in found.samples:
            yield _alone(goal, found)


def _alone(goal: Goal, found: Measured) -> Sequence[str]:
    values = sorted(sample.of(goal.figure) for sample in found.samples[goal.own])
    unit = " s"
    if goal.figure == "memory":
        values, unit = [value / _MIB for value in values], " MiB"
    elif goal.rate:
        values, unit = sorted(goal.rate / value for value in values), "/s"
    value = statistics.median(values)
    spread = f"{_number(values[0])}-{_number(values[-1])}"
    return goal.own, "alone", goal.figure, f"{_number(value)}{unit}", spread, *_judged(goal, value, unit)


def _judged(goal: Goal | None, value: float, unit: str) -> tuple[str, str, str]:
    if goal is None:
        return _EMPTY, _EMPTY, _EMPTY
    sign = ">=" if goal.rate else "<="
    shown = tuple(_EMPTY if limit is None else f"{sign} {limit:g}{unit}" for limit in (goal.first, goal.goal))
    return *shown, _verdict(goal, value)  # type: ignore[return-value]  # two limits and a verdict


def _verdict(goal: Goal, value: float) -> str:
    def met(limit: float | None) -> bool:
        return limit is not None and (value >= limit if goal.rate else value <= limit)

    return "the goal" if met(goal.goal) else ("first" if met(goal.first) else "no")


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def document(
    bodies: Sequence[str],
    *,
    command: str,
    date: str,
    machine: str,
    versions: Mapping[str, str],
    pairs: int,
    load: tuple[float, float],
    floor: int,
    scale: float,
) -> str:
    """The whole page."""
    reduced = "" if scale == 1 else f"\n**A reduced run**: every image at {scale:g} of its size. The goals are meant for 1.\n"
    programs = ", ".join(f"{name} {version}" for name, version in versions.items())
    head = f"""# Benchmarks

Made by `{command}` on {date}; not written by hand.
{reduced}
Machine: {machine}. The registry runs on the same machine and shares its cores.
Load: {load[0]:.1f} before, {load[1]:.1f} after.

Versions: {programs}.

Every figure is of a whole process with all it started, as the kernel counts it (`wait4`): wall time, user plus system CPU
time, peak memory of the largest process (nothing below {floor / _MIB:.0f} MiB can be told). Each program ran once to warm up,
then all in turn, {pairs} rounds. Medians are over the rounds; a ratio, ours by the other's, is the median of the ratios of each
round. Every run wrote to a new directory on disk, unless it is said otherwise; before each the system had written back what
the one before had left. This package was compiled to bytecode first, as pip does with what it installs. The registry is
Debian's docker-registry with GOGC=1000, over plain http on loopback.

"first" is what a first good version was to reach, "goal" is where this is going; "reached" says which of the two a figure
meets. Absolute figures do not travel to other machines; ratios within one run do.
"""
    return "\n".join([head, *bodies])
