"""When a line about a transfer is due."""

from __future__ import annotations

import pytest

from toolkit.progress.threshold import ReadMeter

HALF = 512 * 1024


@pytest.mark.parametrize(
    ("size", "step"), [(10_000, 100), (100, 1), (99, 0), (0, HALF), (-1, HALF), (52_428_799, HALF - 1), (10**9, HALF)]
)
def test_a_line_is_due_after_more_than_the_step(size: int, step: int) -> None:
    meter = ReadMeter(size)
    assert meter.read(step) == ()
    assert meter.read(1) == (step + 1,)
    assert meter.read(step) == ()
    assert meter.current == 2 * step + 1


def test_the_end_is_told_twice_when_it_came_without_bytes() -> None:
    meter = ReadMeter(100)
    assert meter.read(100) == (100,)
    assert meter.read(0, ended=True) == (100, 100)


def test_the_end_is_told_once_when_it_came_with_the_last_bytes() -> None:
    assert ReadMeter(100).read(100, ended=True) == (100,)


def test_reads_of_nothing_are_not_told() -> None:
    assert ReadMeter(100).read(0) == ()


def test_closing_early_claims_the_whole_size() -> None:
    meter = ReadMeter(100)
    assert meter.read(30) == (30,)
    assert meter.close() == (100,)
    assert meter.close() == ()


@pytest.mark.parametrize("size", [10, 5, 0, -1])
def test_closing_after_everything_tells_nothing(size: int) -> None:
    meter = ReadMeter(size)
    meter.read(10)
    assert meter.close() == ()
