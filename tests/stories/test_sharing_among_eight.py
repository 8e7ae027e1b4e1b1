"""Eight processes pull images that share layers into one graph, and half of them are killed at any moment."""

from __future__ import annotations

from pathlib import Path

from support.eight_rounds import judge_rounds


def test_eight_processes_of_which_some_are_killed_leave_nothing_wrong(tmp_path: Path) -> None:
    assert judge_rounds(tmp_path, rounds=4, seed=19) >= 1
