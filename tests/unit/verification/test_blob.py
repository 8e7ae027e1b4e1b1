"""The blob stage: facts of a transfer to rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from toolkit.errors import LayerError
from toolkit.layers.measure import LayerMeasure
from toolkit.records import Check
from toolkit.verification.blob import BlobFacts, verify_blob
from toolkit.verification.policy import Policy
from toolkit.verification.rules import of_stage
from toolkit.verification.verdict import Verdict

DIGEST = "sha256:" + "ab" * 32
GOOD = LayerMeasure(compression="gzip", diff_id="sha256:" + "cd" * 32, tar_size=2048, layer_size=5, members=3)
FACTS = BlobFacts(claimed=DIGEST, announced=9, size=9, actual=DIGEST, matches=True, measure=GOOD)
RULES = [rule.slug for rule in of_stage("blob")]


def judged(facts: BlobFacts, policy: str = "strict") -> tuple[Verdict[LayerMeasure], dict[str, Check]]:
    verdict = verify_blob(facts, Policy.of(policy), by_digest=False)
    rows = {check.rule: check for check in verdict.checks}
    assert sorted(rows) == sorted(RULES)
    assert len(verdict.checks) == len(rows)
    return verdict, rows


def outcomes(rows: dict[str, Check]) -> dict[str, str]:
    return {rule: rows[rule].outcome for rule in RULES}


@pytest.mark.parametrize("policy", ["strict", "docker-1.9"])
def test_a_good_blob_passes_every_rule(policy: str) -> None:
    verdict, rows = judged(FACTS, policy)
    assert verdict.require() is GOOD
    assert set(outcomes(rows).values()) == {"passed"}
    assert (rows["blob-digest"].expected, rows["blob-digest"].actual) == (DIGEST, DIGEST)
    assert rows["layer-paths-unique"].actual == "3"
    assert rows["layer-readable"].actual == GOOD.diff_id


def test_a_missing_blob_leaves_nothing_to_ask() -> None:
    verdict, rows = judged(BlobFacts(claimed=DIGEST, missing="blob unknown"))
    assert verdict.value is None
    assert (rows["blob-present"].outcome, rows["blob-present"].message) == ("failed", "blob unknown")
    assert {rows[rule].message for rule in RULES if rule != "blob-present"} == {"the source does not have the blob"}
    assert verdict.refusal is rows["blob-present"]


def test_without_an_announced_size_there_is_nothing_to_compare() -> None:
    verdict, rows = judged(replace(FACTS, announced=None))
    assert (rows["blob-size"].outcome, rows["blob-size"].message) == ("skipped", "the source announced no size")
    assert verdict.value is GOOD


@pytest.mark.parametrize(("policy", "enforced"), [("strict", True), ("docker-1.9", False)])
def test_another_size_than_announced_is_a_finding_though_the_digest_is_right(policy: str, *, enforced: bool) -> None:
    verdict, rows = judged(replace(FACTS, announced=10), policy)
    size = rows["blob-size"]
    assert (size.outcome, size.message) == ("failed", "10 bytes were announced and 9 came")
    assert (size.expected, size.actual, size.enforced, size.undecided) == ("10", "9", enforced, False)
    assert rows["layer-readable"].outcome == "passed"
    assert verdict.value is GOOD


def test_a_body_that_broke_off_is_undecided_and_not_looked_into() -> None:
    facts = replace(FACTS, announced=99, broken_off="connection reset", matches=False, actual="sha256:ff", measure=None)
    verdict, rows = judged(facts)
    assert verdict.value is None
    assert rows["blob-size"].message == "the body ended early: connection reset"
    assert (rows["blob-size"].undecided, rows["blob-size"].expected, rows["blob-size"].actual) == (True, "99", "9")
    assert (rows["blob-digest"].outcome, rows["blob-digest"].message) == ("skipped", "the bytes did not all come")


def test_docker_1_9_saw_a_broken_body_as_a_checksum_failure() -> None:
    """W5."""
    facts = replace(FACTS, announced=99, broken_off="connection reset", matches=False, actual="sha256:ff", measure=None)
    verdict, rows = judged(facts, "docker-1.9")
    assert (rows["blob-size"].outcome, rows["blob-size"].undecided) == ("failed", False)
    assert verdict.refusal is rows["blob-digest"]
    assert rows["blob-digest"].message == f"filesystem layer verification failed for digest {DIGEST}"


def test_docker_1_9_ignored_an_error_after_the_last_byte() -> None:
    """W5: the copy's error is dropped, so a whole body is a good one."""
    verdict, _ = judged(replace(FACTS, broken_off="connection reset"), "docker-1.9")
    assert verdict.require() is GOOD


def test_bytes_of_another_digest_are_not_looked_into() -> None:
    verdict, rows = judged(replace(FACTS, actual="sha256:ff", matches=False))
    assert verdict.value is None
    assert verdict.refusal is rows["blob-digest"]
    assert (rows["blob-digest"].expected, rows["blob-digest"].actual) == (DIGEST, "sha256:ff")
    assert rows["layer-readable"].message == "bytes of another digest are not looked into"


def test_a_layer_nobody_measured_is_not_judged() -> None:
    verdict, rows = judged(replace(FACTS, measure=None))
    assert verdict.value is None
    assert verdict.refusal is None
    assert rows["layer-readable"].message == rows["layer-paths-unique"].message == "the layer was not looked into"


def test_a_path_that_stands_twice_is_refused_in_tar_split_s_words() -> None:
    verdict, rows = judged(replace(FACTS, measure=replace(GOOD, repeated=("etc/motd", 7))))
    unique = rows["layer-paths-unique"]
    assert unique.message == 'ApplyLayer duplicates of file paths not supported stdout: {"layerSize":7}\n stderr: '
    assert unique.actual == "etc/motd"
    assert rows["layer-readable"].outcome == "passed"
    assert verdict.refusal is unique


@pytest.mark.parametrize(
    ("problem", "compression", "message", "subject", "actual"),
    [
        (
            LayerError("unexpected EOF", where="offset 512", expected="a header of 512 bytes", actual="3 bytes"),
            "none",
            "ApplyLayer exit status 1 stdout:  stderr: unexpected EOF",
            f"{DIGEST}, offset 512",
            "3 bytes",
        ),
        (
            LayerError("gzip: invalid header"),
            "gzip",
            "ApplyLayer exit status 1 stdout:  stderr: gzip: invalid header",
            DIGEST,
            "gzip: invalid header",
        ),
        (LayerError("EOF", expected="at least 10 bytes", actual="3 bytes"), None, "EOF", DIGEST, "3 bytes"),
    ],
)
def test_a_layer_that_cannot_be_read_is_refused_in_docker_s_words(
    problem: LayerError, compression: str | None, message: str, subject: str, actual: str
) -> None:
    measure = replace(GOOD, problem=problem, diff_id=None, compression=compression)  # type: ignore[arg-type]  # a table
    verdict, rows = judged(replace(FACTS, measure=measure))
    readable = rows["layer-readable"]
    assert (readable.message, readable.subject, readable.actual) == (message, subject, actual)
    assert rows["layer-paths-unique"].message == "the layer cannot be read to its end"
    assert verdict.refusal is readable


def test_a_path_twice_in_a_layer_that_breaks_later_is_told_first() -> None:
    measure = replace(GOOD, problem=LayerError("unexpected EOF"), diff_id=None, repeated=("a", 1))
    verdict, rows = judged(replace(FACTS, measure=measure))
    assert rows["layer-readable"].outcome == "failed"
    assert verdict.refusal is rows["layer-paths-unique"]
