"""The data dictionary: every column has a meaning, and a row refuses only when it failed and counts."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from toolkit.records import TABLES, Check, CheckOutcome, Stamp, column


@pytest.mark.parametrize("record", [*TABLES.values(), Stamp], ids=lambda record: record.__name__)
def test_every_column_has_a_meaning(record: type[Any]) -> None:
    for field in dataclasses.fields(record):
        assert field.metadata["meaning"]
        assert set(field.metadata) == {"meaning", "unit"}


def test_a_column_is_required_unless_it_has_a_default() -> None:
    assert column("x").default is dataclasses.MISSING
    field = column("x", unit="B", default=None)
    assert field.default is None
    assert dict(field.metadata) == {"meaning": "x", "unit": "B"}


@pytest.mark.parametrize(
    ("outcome", "enforced", "refuses"),
    [("failed", True, True), ("failed", False, False), ("passed", True, False), ("skipped", True, False)],
)
def test_a_row_refuses_only_when_it_failed_and_is_enforced(outcome: CheckOutcome, *, enforced: bool, refuses: bool) -> None:
    row = Check(rule="blob-size", subject="x", outcome=outcome, enforced=enforced, excepted=False)
    assert row.refuses is refuses


def test_a_row_cannot_be_changed() -> None:
    row = Check(rule="blob-size", subject="x", outcome="failed", enforced=True, excepted=False)
    with pytest.raises(dataclasses.FrozenInstanceError):
        row.outcome = "passed"  # type: ignore[misc]  # that is the point
