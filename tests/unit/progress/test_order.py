"""A layer goes forward."""

from __future__ import annotations

import pytest

from toolkit.progress.order import is_fetched, is_late

FORWARD = ["waiting", "downloading", "verifying", "complete", "extracting", "registered"]


@pytest.mark.parametrize("index", range(len(FORWARD)))
def test_what_comes_before_is_late_and_what_comes_after_is_not(index: int) -> None:
    assert all(is_late(FORWARD[index], earlier) for earlier in FORWARD[:index])
    assert not any(is_late(FORWARD[index], later) for later in FORWARD[index:])


@pytest.mark.parametrize("action", [*FORWARD, "joined", "failed", "something new"])
def test_nothing_is_late_at_first_and_after_a_failure(action: str) -> None:
    assert not is_late("", action)
    assert not is_late("failed", action)


@pytest.mark.parametrize("before", [*FORWARD, "joined"])
def test_a_failure_always_counts(before: str) -> None:
    assert not is_late(before, "failed")


def test_waiting_and_joined_are_one_place() -> None:
    assert not is_late("waiting", "joined")
    assert not is_late("joined", "waiting")


@pytest.mark.parametrize(("before", "late"), [("downloading", False), ("complete", True), ("registered", True), ("other", False)])
def test_an_unknown_action_counts_until_the_layer_is_complete(before: str, late: bool) -> None:  # noqa: FBT001
    assert is_late(before, "something new") is late


def test_fetched_is_from_complete_on() -> None:
    assert [action for action in [*FORWARD, "joined", "failed", "", "other"] if is_fetched(action)] == FORWARD[3:]
