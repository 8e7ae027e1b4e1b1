"""Every operation may be refused, by a full, a broken or a read-only disk: a typed error, a row, and the next pull succeeds."""

from __future__ import annotations

import pytest
from support.faulty import ShortWrites
from support.faulty_trial import WAYS, Fault, operations_of, some_of_each, suffer
from support.power_cut import PowerCut, Tree
from support.power_cut_trial import GRAPH, MODERN, SCHEMA1, promised, registry, truth_of, wrong_bytes

import toolkit as tk
from toolkit import fsops
from toolkit.sources.protocol import Source


@pytest.fixture(scope="module")
def source() -> Source:
    return registry()


@pytest.fixture(scope="module")
def truth(source: Source) -> Tree:
    return truth_of((SCHEMA1, MODERN), source)


@pytest.mark.parametrize(("last", "most"), [(SCHEMA1, 2), (MODERN, 1)])
def test_no_operation_fails_in_silence(last: str, most: int, source: Source, truth: Tree) -> None:
    """Each kind of operation in each place, in the six ways by turns; every operation in all six ways is in the campaign."""
    found = []
    for turn, number in enumerate(some_of_each(operations_of((), last, source), most)):
        error, sticky = WAYS[turn % len(WAYS)]
        found += suffer(Fault((), last, number, error, sticky), source, truth)
    assert found == []


def test_a_disk_that_takes_little_at_once_gets_everything(source: Source, truth: Tree) -> None:
    disk = PowerCut()
    with fsops.under(ShortWrites(disk, 7)):
        report = tk.pull(SCHEMA1, GRAPH, source=source, workers=1)
    assert promised(report, disk).evidence
    assert wrong_bytes(disk.seen(), truth) == []
