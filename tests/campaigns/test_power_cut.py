"""10,000,000 states that power cuts may leave, of pulls in every order."""

from __future__ import annotations

import itertools

import pytest
from support.power_cut import PowerCut
from support.power_cut_trial import MODERN, SCHEMA1, SHARING, Trial, pulls_again, registry, truth_of

from toolkit.sources.protocol import Source

ORDERS = tuple(itertools.permutations((SCHEMA1, MODERN, SHARING)))
EACH = 4800
PULLED_AGAIN = 1000


@pytest.fixture(scope="module")
def source() -> Source:
    return registry()


@pytest.mark.parametrize("seed", range(len(ORDERS)))
def test_nothing_acknowledged_is_lost_in_any_state_a_power_cut_leaves(seed: int, source: Source) -> None:
    steps = ORDERS[seed]
    truth = truth_of(steps, source)
    trial = Trial(seed=seed, each=EACH, whole=PULLED_AGAIN)
    trial.run(PowerCut(), steps, source)
    assert trial.drawn >= 10_000_000 // len(ORDERS)
    assert trial.judge(truth) == []
    assert [text for tree in trial.sample for text in pulls_again(tree, steps[0], truth, source)] == []


def test_what_a_power_cut_left_may_be_cut_again(source: Source) -> None:
    """Power cuts upon power cuts: each state is pulled into, and cut again while that runs."""
    truth = truth_of((SCHEMA1,), source)
    trial = Trial(seed=99, each=3, whole=200)
    trial.run(PowerCut(), (SCHEMA1,), source)
    found = []
    for seed, tree in enumerate(trial.sample):
        again = Trial(seed=seed, each=5)
        again.run(PowerCut(tree), (SCHEMA1,), source)
        found += again.judge(truth)
    assert found == []
