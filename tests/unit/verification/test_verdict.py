"""Verdicts: rows in, one gate out."""

from __future__ import annotations

import pytest

from toolkit.errors import VerificationError
from toolkit.records import Check
from toolkit.verification.policy import Policy
from toolkit.verification.rules import RULES, of_stage
from toolkit.verification.verdict import Rows, Verdict, first_refusal, refusal_error, skipped_stage

STRICT = Policy("strict")


def row(rule: str, outcome: str = "failed", *, enforced: bool = True) -> Check:
    return Check(rule=rule, subject="s", outcome=outcome, enforced=enforced, excepted=False)  # type: ignore[arg-type]  # tables


def test_a_value_is_given_out_when_no_row_refuses() -> None:
    verdict = Verdict("value", (row("blob-size", "passed"), row("blob-size", enforced=False), row("blob-size", "skipped")))
    assert verdict.refusal is None
    assert verdict.require() == "value"


def test_the_first_refusing_row_is_what_is_raised() -> None:
    rows = (row("header-digest", enforced=False), row("manifest-digest"), row("schema-version"))
    verdict = Verdict("value", rows)
    assert verdict.refusal is rows[1]
    with pytest.raises(VerificationError) as caught:
        verdict.require()
    assert caught.value.check is rows[1]
    assert first_refusal(rows) is rows[1]
    assert first_refusal(rows[:1]) is None


def test_a_refusal_says_what_where_both_sides_and_the_rule_s_next_step() -> None:
    rows = Rows(STRICT, by_digest=False)
    rows.failed("schema-version", "schemaVersion", "unsupported", expected=1, actual=2)
    error = refusal_error(rows.checks[0])
    assert (error.message, error.where, error.expected, error.actual) == ("unsupported", "schemaVersion", "1", "2")
    assert (error.code, error.next_step) == ("schema-version", RULES["schema-version"].next_step)


def test_a_row_says_whether_its_rule_counts_under_the_policy() -> None:
    rows = Rows(Policy("strict", accept=["manifest-name"]), by_digest=False)
    rows.passed("manifest-name", "name", expected="a", actual="a")
    rows.failed("history-key-case", "header", "differs", undecided=True)
    rows.skipped("signature-valid", "signatures", "there is none")
    assert rows.checks == (
        Check(rule="manifest-name", subject="name", outcome="passed", enforced=False, excepted=True, expected="a", actual="a"),
        Check(
            rule="history-key-case",
            subject="header",
            outcome="failed",
            enforced=False,
            excepted=False,
            message="differs",
            undecided=True,
        ),
        Check(
            rule="signature-valid",
            subject="signatures",
            outcome="skipped",
            enforced=True,
            excepted=False,
            message="there is none",
        ),
    )


def test_how_the_image_was_asked_for_decides_about_rules_by_tag() -> None:
    for by_digest in (False, True):
        rows = Rows(STRICT, by_digest=by_digest)
        rows.failed("signature-present", "signatures", "not signed")
        assert rows.checks[0].enforced is not by_digest


def test_what_was_not_asked_is_skipped_and_never_left_out() -> None:
    rows = Rows(STRICT, by_digest=False)
    rows.passed("blob-size", "sha256:ab")
    rows.skip_rest("blob", "sha256:ab", "no reason")
    assert sorted(check.rule for check in rows.checks) == sorted(rule.slug for rule in of_stage("blob"))
    assert {check.outcome for check in rows.checks[1:]} == {"skipped"}
    assert {check.message for check in rows.checks[1:]} == {"no reason"}


def test_a_stage_that_was_not_reached_is_all_skipped() -> None:
    rows = skipped_stage(STRICT, "chain", "latest", "the manifest refuses", by_digest=False)
    assert [check.rule for check in rows] == [rule.slug for rule in of_stage("chain")]
    assert {(check.outcome, check.subject, check.message) for check in rows} == {("skipped", "latest", "the manifest refuses")}
