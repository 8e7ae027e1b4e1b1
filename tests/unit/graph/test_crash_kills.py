"""A process may be killed at any operation of a pull: nothing acknowledged is lost, and the next pull succeeds."""

from __future__ import annotations

from pathlib import Path

from support.kills import SCENARIOS, kill_all

KILLS = 210


def test_a_pull_may_be_killed_anywhere(tmp_path: Path) -> None:
    results = kill_all(tmp_path, kills=KILLS)
    assert [one for one in results if one.found] == []
    killed = [one for one in results if one.operation]
    assert len(killed) >= 200
    assert {one.scenario for one in killed} == set(SCENARIOS)
    assert {"write", "sync", "link", "rename", "remove"} <= {one.operation.split()[0] for one in killed}
