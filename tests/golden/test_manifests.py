"""Manifest verdicts of Docker 1.9's own code: payload, signatures, order of layers, strong IDs, every error text."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, Final

import pytest
from support.places import VECTORS, needs_vectors, oracle

import toolkit as tk
from toolkit.records import Check, Layer, Manifest, Signature, StrongID

pytestmark = needs_vectors

STANDARD_LIBRARY: Final = {
    "sigmut/header/y-not-on-curve": "Go 1.19's crypto/elliptic panics on a point off the curve; Go 1.4, Docker 1.9's, did not",
}


def body(case: dict[str, Any]) -> bytes:
    if "raw_b64" in case:
        return base64.b64decode(case["raw_b64"])
    name = Path(case["source_file"])
    places = [VECTORS / name, VECTORS / "docker_validate_manifest" / name, VECTORS / "oracle" / name]
    return next(place for place in places if place.is_file()).read_bytes()


def cases() -> list[Any]:
    return [pytest.param(case, id=f"{case['name'][:60]}-{number}") for number, case in enumerate(oracle("verify_manifest.json"))]


@pytest.mark.parametrize("case", cases())
def test_the_verdict_is_docker_s(case: dict[str, Any]) -> None:
    expected = case["result"]
    report = tk.judge(body(case), _reference(case["ref"]), "docker-1.9")
    if expected.get("panic") and case["name"] not in STANDARD_LIBRARY:
        assert report.error is not None
        assert report.error["code"] == "seed-panic"
        return
    if case["name"] in STANDARD_LIBRARY:
        assert report.records(Signature)[0].reason == "invalid signature"
        return
    errors = [expected.get(name) for name in ("decode_error", "verify_error", "fix_error", "image_error")]
    wanted = next((error for error in errors if error), None)
    assert (report.error or {}).get("message") == wanted
    assert report.outcome == ("rejected" if wanted else "accepted")
    if not expected.get("decode_error"):
        _same_payload(report, expected)
    if wanted is None:
        _same_chain(report, expected["layers_top_first"])


def _reference(asked: str) -> str:
    return f"user/repo@{asked}" if ":" in asked else f"user/repo:{asked}"


def _same_payload(report: tk.Report, expected: dict[str, Any]) -> None:
    manifest: Manifest = report.records(Manifest)[0]
    assert manifest.digest == expected["digest_from_manifest"]
    assert manifest.payload_size == expected["payload_len"]
    signatures: list[Signature] = report.records(Signature)
    if expected["signature_error"]:
        assert expected["signature_error"] in [signature.reason for signature in signatures]
    elif expected.get("signature_key_ids"):
        assert [signature.key_id for signature in signatures] == expected["signature_key_ids"]
        assert {signature.status for signature in signatures} == {"valid-self-asserted"}


def _same_chain(report: tk.Report, expected: list[dict[str, str]]) -> None:
    named: list[StrongID] = report.records(StrongID)
    layers = {layer.position: layer for layer in report.records(Layer)}
    assert len(named) == len(expected)
    for record, wanted in zip(reversed(named), expected, strict=True):
        assert record.compatibility_id == wanted["compatibility_id"]
        assert record.layer_digest == wanted["blob_sum"] == layers[record.position].blob_digest
        assert record.strong_id == wanted["strong_id"]
        assert record.config == base64.b64decode(wanted["config_sha_input"])


def test_every_slot_of_a_manifest_is_a_row() -> None:
    for case in oracle("verify_manifest.json"):
        report = tk.judge(body(case), _reference(case["ref"]), "docker-1.9")
        manifest: Manifest = report.records(Manifest)[0]
        if any(check.rule == "manifest-json" and check.outcome == "passed" for check in report.records(Check)):
            assert len(report.records(Layer)) == manifest.layers


@pytest.mark.parametrize(
    ("name", "digest", "status"),
    [
        ("oracle/signed/es256.signed.json", None, "valid-self-asserted"),
        ("oracle/signed/es384.signed.json", None, "valid-self-asserted"),
        ("oracle/signed/es512.signed.json", None, "valid-self-asserted"),
        ("oracle/signed/rs256.signed.json", None, "valid-self-asserted"),
        ("oracle/signed/two-sigs.signed.json", None, "valid-self-asserted"),
        ("oracle/signed/flat.signed.json", None, "valid-self-asserted"),
        ("oracle/signed/x5c.signed.json", None, "valid-self-asserted"),
        ("docker_validate_manifest/good_manifest", "02fee8c3220b", "valid-self-asserted"),
        ("docker_validate_manifest/extra_data_manifest", "02fee8c3220b", "valid-self-asserted"),
        ("docker_validate_manifest/bad_manifest", None, "bad"),
        ("docker_validate_manifest/no_signature_manifest", "02fee8c3220b", "absent"),
        ("containers_image/v2s1.manifest.json", "7364fea9d84e", "bad"),
        ("containers_image/v2s1-unsigned.manifest.json", "7364fea9d84e", "absent"),
        ("containers_image/v2s1-invalid-signatures.manifest.json", None, "malformed"),
        ("containers_image/schema1.json", "5a26403c", "valid-self-asserted"),
        ("containers_image/schema1-for-oci-config.json", "163ac025", "valid-self-asserted"),
        ("containers_image/oci1-to-schema1.json", "6feeaff9", "valid-self-asserted"),
        ("containers_image/schema2-to-schema1-by-docker.json", "c8a08b90", "bad"),
    ],
)
def test_signed_fixtures_have_the_known_status(name: str, digest: str | None, status: str) -> None:
    report = tk.judge((VECTORS / name).read_bytes(), "user/repo:latest")
    assert {signature.status for signature in report.records(Signature)} == {status}
    if digest is not None:
        assert (report.digest or "").startswith(f"sha256:{digest}")


def test_a_named_key_is_trusted() -> None:
    text = (VECTORS / "docker_validate_manifest" / "good_manifest").read_bytes()
    key = "OIH7:HQFS:44FK:45VB:3B53:OIAG:TPL4:ATF5:6PNE:MGHN:NHQX:2GE4"
    report = tk.judge(text, "library/hello-world:latest", tk.Policy("strict", trusted_keys=[key]))
    assert report.records(Signature)[0].status == "valid-trusted"


def test_data_outside_the_payload_is_what_docker_read_by_tag_and_strict_refuses() -> None:
    text = (VECTORS / "docker_validate_manifest" / "extra_data_manifest").read_bytes()
    docker = tk.judge(text, "library/hello-world:latest", "docker-1.9")
    assert docker.records(Layer)[-1].blob_digest.startswith("sha256:ffff95ca")
    strict = tk.judge(text, "library/hello-world:latest")
    assert strict.records(Layer)[-1].blob_digest.startswith("sha256:a3ed95ca")
    assert strict.error is not None
    assert strict.error["code"] == "unsigned-data"
