"""Verdict: a value that carries the rows on which it rests.

The rule of this file: ``require`` is the only gate. Whoever wants to go on in spite of a refusal (``inspect`` does)
takes ``value`` and says so by doing it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from toolkit.errors import VerificationError
from toolkit.records import Check
from toolkit.verification.policy import Policy
from toolkit.verification.rules import RULES, Stage, of_stage

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Verdict(Generic[T]):
    """What a stage made of its evidence (``value``; None when nothing could be made) and its rows."""

    value: T | None
    checks: tuple[Check, ...]

    @property
    def refusal(self) -> Check | None:
        """The first row that refuses; None when the stage lets the image pass."""
        return next((check for check in self.checks if check.refuses), None)

    def require(self) -> T:
        """Return the value, or raise what refuses it."""
        refusal = self.refusal
        if refusal is not None:
            raise refusal_error(refusal)
        assert self.value is not None  # a stage without a value has a refusing row
        return self.value


def refusal_error(check: Check) -> VerificationError:
    """Make the exception for a row that refuses: what, where, both sides, the next step."""
    return VerificationError(
        check.message,
        check=check,
        where=check.subject,
        expected=check.expected,
        actual=check.actual,
        next_step=RULES[check.rule].next_step,
        code=check.rule,
    )


class Rows:
    """The rows of one stage in the making; local to the function that judges."""

    def __init__(self, policy: Policy, *, by_digest: bool) -> None:
        self._policy = policy
        self._by_digest = by_digest
        self._checks: list[Check] = []
        self._asked: set[str] = set()

    def passed(self, rule: str, subject: str, *, expected: object = None, actual: object = None) -> None:
        """Note that the rule was asked and holds."""
        self._add(rule, subject, "passed", expected, actual, "")

    def failed(
        self,
        rule: str,
        subject: str,
        message: str,
        *,
        expected: object = None,
        actual: object = None,
        undecided: bool = False,
    ) -> None:
        """Note a finding."""
        self._add(rule, subject, "failed", expected, actual, message, undecided=undecided)

    def skipped(self, rule: str, subject: str, reason: str) -> None:
        """Note that the rule could not be asked, and why."""
        self._add(rule, subject, "skipped", None, None, reason)

    def skip_rest(self, stage: Stage, subject: str, reason: str) -> None:
        """Note every rule of a stage that was not asked at all: a later rule is never left out."""
        for rule in of_stage(stage):
            if not self.asked(rule.slug):
                self.skipped(rule.slug, subject, reason)

    def asked(self, rule: str) -> bool:
        """Whether there is a row of the rule."""
        return rule in self._asked

    @property
    def checks(self) -> tuple[Check, ...]:
        """The rows so far."""
        return tuple(self._checks)

    def _add(
        self, rule: str, subject: str, outcome: str, expected: object, actual: object, message: str, *, undecided: bool = False
    ) -> None:
        self._asked.add(rule)
        self._checks.append(
            Check(
                rule=rule,
                subject=subject,
                outcome=outcome,  # type: ignore[arg-type]  # the three callers above
                enforced=self._policy.enforces(rule, by_digest=self._by_digest),
                excepted=self._policy.excepts(rule, by_digest=self._by_digest),
                expected=None if expected is None else str(expected),
                actual=None if actual is None else str(actual),
                message=message,
                undecided=undecided,
            )
        )


def skipped_stage(policy: Policy, stage: Stage, subject: str, reason: str, *, by_digest: bool) -> tuple[Check, ...]:
    """Rows for a stage that was not reached."""
    rows = Rows(policy, by_digest=by_digest)
    rows.skip_rest(stage, subject, reason)
    return rows.checks


def first_refusal(checks: Iterable[Check]) -> Check | None:
    """The first row that refuses, over several stages."""
    return next((check for check in checks if check.refuses), None)
