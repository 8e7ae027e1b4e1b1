"""20,000 processes, each killed at an operation of a pull, every operation of every scenario several times."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.kills import kill_all

ROUNDS = 20
KILLS = 1000


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_pull_may_be_killed_anywhere(tmp_path: Path, number: int) -> None:
    results = kill_all(tmp_path, kills=KILLS, first=number * KILLS)
    assert [one for one in results if one.found] == []
    assert sum(1 for one in results if one.operation) >= 0.9 * KILLS
