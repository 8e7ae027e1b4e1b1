"""A manifest in hand is judged as far as a manifest alone can tell."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

import toolkit as tk
from toolkit.manifests.raw import RawManifest
from toolkit.records import Check, Layer, StrongID
from toolkit.simulator.tampering import TAMPERINGS
from toolkit.simulator.teaching import clean_image, duplicate_image
from toolkit.verification.rules import SCHEMA1_STAGES, of_stage

IMAGE = clean_image()
BODY = IMAGE.body
SHA512 = "sha512:" + hashlib.sha512(IMAGE.payload).hexdigest()


def outcomes(report: tk.Report, rule: str) -> list[tuple[str, str]]:
    return [(check.outcome, check.message) for check in report.records(Check) if check.rule == rule]


@pytest.mark.parametrize("policy", ["strict", "docker-1.9"])
@pytest.mark.parametrize("asked", [IMAGE.digest, SHA512])
def test_a_digest_alone_is_enough_and_no_name_is_judged(asked: str, policy: str) -> None:
    report = tk.judge(BODY, asked, policy)
    assert report.outcome == "accepted"
    assert outcomes(report, "manifest-digest") == [("passed", "")]
    for rule in ("manifest-name", "manifest-tag"):
        assert outcomes(report, rule) == [("skipped", "judged by digest alone, without a name")]
    assert report.manifests["requested"].tolist() == [asked]
    assert report.reference == asked


@pytest.mark.parametrize("policy", ["strict", "docker-1.9"])
@pytest.mark.parametrize("asked", ["sha256:" + "0" * 64, SHA512[:-1] + ("0" if SHA512[-1] != "0" else "1")])
def test_another_digest_refuses(asked: str, policy: str) -> None:
    report = tk.judge(BODY, asked, policy)
    assert report.outcome == "rejected"
    assert report.error == {"code": "manifest-digest", "message": f"image verification failed for digest {asked}"}
    (row,) = [check for check in report.findings if check.rule == "manifest-digest"]
    assert row.expected == asked


def test_docker_took_bare_hex_for_a_tag() -> None:
    report = tk.judge(BODY, IMAGE.digest.partition(":")[2], "docker-1.9")
    assert report.outcome == "accepted"
    assert outcomes(report, "manifest-digest") == [("skipped", "asked by tag: there is no digest to compare with")]


def test_by_digest_a_missing_signature_is_a_finding_only() -> None:
    by_digest = tk.judge(IMAGE.payload, IMAGE.digest)
    assert (by_digest.outcome, [check.rule for check in by_digest.findings]) == ("accepted", ["signature-present"])
    by_tag = tk.judge(IMAGE.payload, "teach/clean:1")
    assert by_tag.outcome == "rejected"
    assert by_tag.error == {"code": "signature-present", "message": "the manifest is not signed"}


def test_the_body_s_own_digest_is_not_the_manifest_s() -> None:
    """What a registry names is the signed part; the whole body hashes to something else, and is refused under it."""
    body_digest = str(tk.Digest.of(BODY))
    assert tk.judge(BODY, body_digest).outcome == "rejected"
    row = tk.judge(BODY, IMAGE.digest).manifests.iloc[0]
    assert (row["digest"], row["body_digest"], row["digest_basis"]) == (IMAGE.digest, body_digest, "payload")
    assert (row["size"], row["payload_size"]) == (len(BODY), len(IMAGE.payload))


@pytest.mark.parametrize("reference", ["teach/clean:1", f"teach/clean@{IMAGE.digest}", f"teach/clean:1@{IMAGE.digest}"])
def test_a_name_is_judged_where_there_is_one(reference: str) -> None:
    report = tk.judge(BODY, f"story.example/{reference}")
    assert report.outcome == "accepted"
    assert outcomes(report, "manifest-name") == [("passed", "")]


@pytest.mark.parametrize("reference", ["", "UPPER/case:1", "a:b:c", "a@sha256:short", "a@", "a b"])
def test_a_reference_that_is_none_is_refused(reference: str) -> None:
    with pytest.raises(tk.errors.ReferenceSyntaxError):
        tk.judge(BODY, reference)


@pytest.mark.parametrize("name", TAMPERINGS)
def test_no_finding_is_raised_and_no_rule_is_left_out(name: str) -> None:
    case = TAMPERINGS[name]
    body = case.tamper(IMAGE).body
    told = not {"manifest", "chain", "identity"}.isdisjoint(tk.RULES[case.rule].stages)
    for policy, accepts in (("strict", not told), ("docker-1.9", case.docker_accepts)):
        report = tk.judge(body, "story.example/teach/clean:1", policy)
        assert report.outcome == "accepted" or not accepts
        assert policy == "docker-1.9" or report.outcome != "accepted" or accepts
        assert (case.rule in {check.rule for check in report.findings}) == told
        assert {check.rule for check in report.records(Check)} == {rule.slug for rule in of_stage(*SCHEMA1_STAGES)}
        for rule in of_stage("graph", "blob", "tag"):
            assert outcomes(report, rule.slug) == [("skipped", "a manifest alone was judged")]


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b"\xff\xfe", b"{}" * 2, b"[" * 10_000])
@pytest.mark.parametrize("policy", ["strict", "docker-1.9"])
def test_whatever_the_body_is_there_is_a_report(body: bytes, policy: str) -> None:
    report = tk.judge(body, "story.example/teach/clean:1", policy)
    assert report.outcome == "rejected"
    assert report.manifests["size"].tolist() == [len(body)]
    assert len(report.layers) == 0
    assert report.body() == body


def test_layers_and_names_are_rows_though_nothing_was_fetched() -> None:
    image = duplicate_image()
    report = tk.judge(image.body, "story.example/teach/duplicates:1")
    layers: list[Layer] = report.records(Layer)
    assert [layer.disposition for layer in layers] == ["not-needed"] * 4 + ["duplicate-removed"]
    assert [layer.position for layer in layers] == list(range(5))
    assert all(layer.actual_digest is None and layer.size is None for layer in layers)
    named: list[StrongID] = report.records(StrongID)
    assert [one.position for one in named] == [0, 1, 2, 3]
    assert all(one.final_id is None for one in named)
    assert report.image_id == (named[-1].strong_id or "").partition(":")[2]


def test_what_a_header_claimed_is_compared_and_decides_only_where_no_digest_was_asked() -> None:
    honest = RawManifest(body=BODY, header_digest=IMAGE.digest, content_type="application/json", accept="*/*")
    report = tk.judge(honest, "story.example/teach/clean:1")
    assert outcomes(report, "header-digest") == [("passed", "")]
    row = report.manifests.iloc[0]
    assert (row["header_digest"], row["content_type"], row["accept"]) == (IMAGE.digest, "application/json", "*/*")
    lying = tk.judge(replace(honest, header_digest="sha256:" + "0" * 64), "story.example/teach/clean:1")
    assert [check.rule for check in lying.findings] == ["header-digest"]
    assert lying.outcome == "rejected"
    by_digest = tk.judge(replace(honest, header_digest="sha256:" + "0" * 64), IMAGE.digest)
    assert ([check.rule for check in by_digest.findings], by_digest.outcome) == (["header-digest"], "accepted")


def test_a_trusted_key_makes_a_signature_more_than_self_asserted() -> None:
    key = IMAGE.keys[0].public.key_id
    policy = tk.Policy("strict", (), [key])
    for used, status in (("strict", "valid-self-asserted"), (policy, "valid-trusted")):
        assert tk.judge(BODY, IMAGE.digest, used).signatures["status"].tolist() == [status]


def test_a_judgement_goes_into_the_ledger_that_is_given(tmp_path: Path) -> None:
    ledger = tk.Ledger(tmp_path)
    report = tk.judge(BODY, IMAGE.digest, ledger=ledger)
    assert tk.Ledger.load(tmp_path).pulls["verb"].tolist() == ["judge"]
    assert ledger.pulls["source"].tolist() == ["bytes in hand"]
    assert report.ledger is ledger


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_bytes_will_do(kind: type) -> None:
    assert tk.judge(kind(BODY), IMAGE.digest).outcome == "accepted"


def test_an_exception_holds_for_a_judgement_too() -> None:
    report = tk.judge(BODY, "story.example/teach/clean:other", accept=["manifest-tag"])
    assert report.outcome == "accepted"
    assert report.checks.query("excepted")["rule"].tolist() == ["manifest-tag"]
