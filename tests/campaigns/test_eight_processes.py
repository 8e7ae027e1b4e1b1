"""Eight processes on the same blobs, half of them killed at random, fifty times: nothing is wrong and nobody is stuck."""

from __future__ import annotations

from pathlib import Path

from support.eight_rounds import judge_rounds


def test_fifty_rounds_of_eight_processes_leave_nothing_wrong(tmp_path: Path) -> None:
    assert judge_rounds(tmp_path, rounds=50, seed=1_905) >= 50
