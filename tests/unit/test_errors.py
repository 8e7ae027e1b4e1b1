"""The family of errors: what a message shows, whose fault it is, and the exit status that goes with it."""

from __future__ import annotations

import inspect

import pytest

from toolkit import errors
from toolkit.errors import ToolkitError, UsageError, VerificationError
from toolkit.records import Check

FAMILY = [
    one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, ToolkitError) and one is not ToolkitError
]


def test_a_message_alone_is_one_line() -> None:
    assert str(ToolkitError("it broke")) == "it broke"


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        ({"where": "history[2]"}, "  where:    history[2]"),
        ({"expected": "a"}, "  expected: a"),
        ({"actual": "b"}, "  actual:   b"),
        ({"next_step": "try again"}, "  next:     try again"),
        ({"expected": 0}, "  expected: 0"),
        ({"actual": ""}, "  actual:   "),
    ],
)
def test_each_part_has_a_line_of_its_own(parts: dict[str, str], line: str) -> None:
    assert str(ToolkitError("it broke", **parts)) == f"it broke\n{line}"


def test_what_where_both_sides_and_the_next_step_stand_in_that_order() -> None:
    error = ToolkitError("it broke", next_step="look", actual=2, expected=1, where="here")
    assert str(error).splitlines() == ["it broke", "  where:    here", "  expected: 1", "  actual:   2", "  next:     look"]
    assert (error.message, error.where, error.expected, error.actual, error.next_step) == ("it broke", "here", 1, 2, "look")
    assert error.report is None


@pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.__name__)
def test_a_name_ends_in_error_and_a_code_is_the_class_s_own(kind: type[ToolkitError]) -> None:
    assert kind.__name__.endswith("Error")
    assert kind("x").code == kind.code
    assert sum(other.code == kind.code for other in FAMILY) == 1


def test_one_error_can_have_a_code_of_its_own() -> None:
    assert ToolkitError("x", code="seed-hang").code == "seed-hang"
    assert ToolkitError("x").code == "toolkit-error"


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.VerificationError, 1),
        (errors.GoJSONError, 1),
        (errors.LayerError, 1),
        (errors.TagError, 1),
        (errors.ReferenceSyntaxError, 2),
        (errors.DigestSyntaxError, 2),
        (errors.PolicyError, 2),
        (errors.UnreachableError, 3),
        (errors.GraphLockedError, 3),
        (errors.LedgerError, 3),
        (errors.InterruptedPullError, 3),
    ],
)
def test_the_exit_status_says_whose_fault_it_is(kind: type[ToolkitError], status: int) -> None:
    assert kind("x").exit_status == status


def test_a_wrong_call_is_a_value_error_too() -> None:
    assert isinstance(UsageError("x"), ValueError)


def test_a_refusal_carries_its_row() -> None:
    row = Check(rule="manifest-digest", subject="sha256:ab", outcome="failed", enforced=True, excepted=False)
    error = VerificationError("no", check=row, where="sha256:ab", code=row.rule)
    assert error.check is row
    assert error.code == "manifest-digest"
    assert str(error) == "no\n  where:    sha256:ab"
    assert VerificationError("no").check is None
