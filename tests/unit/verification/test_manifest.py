"""One manifest judged alone: by tag and by digest, under both policies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest
from support.certificates import self_signed

from toolkit.digests import sha256
from toolkit.manifests.base64_text import encode_url
from toolkit.manifests.raw import RawManifest
from toolkit.records import Check
from toolkit.references import Reference
from toolkit.simulator.images import LayerRecipe, SimulatedImage, build_image
from toolkit.simulator.signing import SigningKey, signature_entry, wrap
from toolkit.verification.manifest import ManifestVerdict, names_digest, verify_manifest
from toolkit.verification.policy import Policy
from toolkit.verification.rules import of_stage

IMAGE: Final = build_image("teach/unit", "1", [LayerRecipe("ADD a", {"a": b"1"}), LayerRecipe("ADD b", {"b": b"2"})])
BY_TAG: Final = Reference.parse("registry.example/teach/unit:1")
BY_DIGEST: Final = Reference.parse(f"registry.example/teach/unit@{IMAGE.digest}")
OTHER: Final = "sha256:" + "0" * 64
RULES: Final = [rule.slug for rule in of_stage("manifest")]
LENGTH: Final = len(IMAGE.payload) - 2


def judged(
    body: bytes, reference: Reference = BY_TAG, policy: str = "strict", **claims: Any
) -> tuple[ManifestVerdict, dict[str, Check]]:
    verdict = verify_manifest(RawManifest(body=body, **claims), reference, Policy.of(policy))
    rows = {check.rule: check for check in verdict.checks}
    assert sorted(rows) == sorted(RULES)
    assert len(rows) == len(verdict.checks)
    return verdict, rows


def failed(rows: dict[str, Check]) -> list[str]:
    return [rule for rule, check in rows.items() if check.outcome == "failed"]


def skipped(rows: dict[str, Check]) -> list[str]:
    return sorted(rule for rule, check in rows.items() if check.outcome == "skipped")


def seed(asked: str) -> Reference:
    return Reference.parse(f"registry.example/teach/unit@{asked}", seed_grammar=True)


def extra(members: str, image: SimulatedImage = IMAGE) -> bytes:
    """Put members behind the signatures, outside the signed payload."""
    return image.body[:-2] + f",\n   {members}\n}}".encode()


def entry(**changes: Any) -> dict[str, Any]:
    return {**signature_entry(IMAGE.payload, SigningKey("somebody"), LENGTH, b"\n}"), **changes}


@pytest.mark.parametrize("policy", ["strict", "docker-1.9"])
def test_a_signed_manifest_asked_by_tag_is_good(policy: str) -> None:
    verdict, rows = judged(IMAGE.body, policy=policy)
    assert failed(rows) == []
    assert skipped(rows) == ["header-digest", "manifest-digest", "reference-digest", "signature-certificate"]
    value = verdict.require()
    assert value.reference is BY_TAG
    assert value.manifest.blob_sums == tuple(layer["blobSum"] for layer in IMAGE.document["fsLayers"])
    assert value.payload.data == IMAGE.payload
    assert [signature.status for signature in verdict.signatures] == ["valid-self-asserted"]


def test_a_signed_manifest_asked_by_its_digest_is_good() -> None:
    verdict, rows = judged(IMAGE.body, BY_DIGEST)
    assert failed(rows) == []
    assert (rows["manifest-digest"].expected, rows["manifest-digest"].actual) == (IMAGE.digest, IMAGE.digest)
    assert rows["manifest-tag"].message == "asked by digest: no tag to compare with"
    assert verdict.refusal is None


def test_the_record_tells_what_came_and_what_it_claims() -> None:
    verdict, _ = judged(
        IMAGE.body, BY_DIGEST, header_digest=IMAGE.digest, content_type="application/json", accept="application/vnd.x"
    )
    record = verdict.record
    assert (record.requested, record.body_digest, record.size) == (IMAGE.digest, sha256(IMAGE.body), len(IMAGE.body))
    assert (record.digest, record.digest_basis, record.payload_size) == (IMAGE.digest, "payload", len(IMAGE.payload))
    assert (record.header_digest, record.content_type, record.accept) == (
        IMAGE.digest,
        "application/json",
        "application/vnd.x",
    )
    assert (record.schema_version, record.name, record.tag, record.architecture) == (1, "teach/unit", "1", "amd64")
    assert (record.layers, record.history, record.signatures, record.evidence) == (2, 2, 1, sha256(IMAGE.body))


@pytest.mark.parametrize(
    ("body", "message", "subject"),
    [
        (b"", "EOF", "the body, byte 0"),
        (b"<html>", "invalid character '<' looking for beginning of value", "the body, byte 0"),
        (b"[]", "json: cannot unmarshal array into Go value of type manifest.Manifest", "the body, byte 0"),
        (b' {"tag":1}', "json: cannot unmarshal number into Go value of type string", "the body, byte 7"),
    ],
)
def test_a_body_that_cannot_be_read_leaves_nothing_to_ask(body: bytes, message: str, subject: str) -> None:
    verdict, rows = judged(body)
    assert failed(rows) == ["manifest-json"]
    assert (rows["manifest-json"].message, verdict.value) == (message, None)
    assert rows["manifest-json"].subject.startswith(subject.partition(",")[0])
    assert {check.message for check in verdict.checks[1:]} == {"the manifest could not be read that far"}
    record = verdict.record
    assert (record.digest, record.digest_basis, record.schema_version, record.layers) == (sha256(body), "none", None, None)
    assert verdict.signatures == ()


def test_a_manifest_that_crashed_docker_1_9_is_refused_under_every_policy() -> None:
    """W3."""
    header = encode_url(b'{"formatLength":-1,"formatTail":"Cn0"}')
    for policy in ("strict", "docker-1.9"):
        verdict, rows = judged(wrap(IMAGE.payload, [entry(protected=header)]), policy=policy)
        assert failed(rows) == ["seed-panic"]
        assert verdict.value is None
        assert verdict.refusal is rows["seed-panic"]
        assert rows["seed-panic"].subject == "formatLength of a signature's protected header"
        assert (verdict.record.name, verdict.record.digest_basis) == ("teach/unit", "none")


@pytest.mark.parametrize(("policy", "refuses"), [("strict", True), ("docker-1.9", False)])
def test_an_unsigned_manifest_by_tag(policy: str, *, refuses: bool) -> None:
    verdict, rows = judged(IMAGE.payload, policy=policy)
    assert failed(rows) == ["signature-present"]
    assert rows["signature-present"].actual == "missing signature key"
    assert rows["signature-format"].message == "there is no signature"
    assert rows["unsigned-data"].message == "there is no signed payload to compare with"
    assert (verdict.refusal is not None) is refuses
    assert (verdict.record.digest, verdict.record.digest_basis) == (IMAGE.digest, "body")


def test_an_unsigned_manifest_by_digest_is_as_good_as_a_signed_one() -> None:
    verdict, rows = judged(IMAGE.payload, BY_DIGEST)
    assert failed(rows) == ["signature-present"]
    assert verdict.refusal is None


def test_an_empty_list_of_signatures_leaves_an_empty_payload() -> None:
    """W4: strict then has nothing to read, Docker 1.9 read the whole body."""
    body = wrap(IMAGE.payload, [])
    verdict, rows = judged(body)
    assert failed(rows) == ["signature-present", "manifest-json"]
    assert rows["signature-present"].actual == "an empty list"
    assert rows["manifest-json"].message == "unexpected end of JSON input"
    assert rows["signature-wrapper"].message == "the signed payload cannot be read"
    assert verdict.value is None
    seed_verdict, seed_rows = judged(body, policy="docker-1.9")
    assert failed(seed_rows) == ["signature-present", "json-unambiguous"]
    assert seed_verdict.refusal is None
    assert seed_verdict.require().manifest.name == "teach/unit"
    assert seed_verdict.record.digest == sha256(b"")


def test_a_signatures_block_that_cannot_be_read_makes_the_whole_body_count() -> None:
    body = wrap(IMAGE.payload, [entry(protected="AAAAA")])
    verdict, rows = judged(body)
    assert failed(rows) == ["signature-format"]
    assert rows["signature-format"].message == "base64 decode error: illegal base64url string"
    assert rows["signature-valid"].message == "there is no signature that can be read"
    assert [signature.status for signature in verdict.signatures] == ["malformed"]
    assert (verdict.record.digest, verdict.record.digest_basis) == (sha256(body), "body")
    assert verdict.refusal is rows["signature-format"]


def test_a_signature_that_does_not_verify_is_a_finding_and_strict_refuses() -> None:
    body = wrap(IMAGE.payload, [entry(signature=encode_url(bytes(64)))])
    verdict, rows = judged(body)
    assert failed(rows) == ["signature-valid"]
    assert (rows["signature-valid"].message, rows["signature-valid"].enforced) == ("invalid signature", True)
    assert judged(body, policy="docker-1.9")[0].refusal is None
    assert verdict.value is not None


@pytest.mark.parametrize(
    ("certificate_of", "outcome", "message"),
    [("somebody", "passed", ""), ("stranger", "failed", "the jwk and the first certificate are two different keys")],
)
def test_certificates_are_judged_where_they_came(certificate_of: str, outcome: str, message: str) -> None:
    header = {"jwk": SigningKey("somebody").jwk(), "alg": "ES256", "x5c": [self_signed(SigningKey(certificate_of))]}
    _, rows = judged(wrap(IMAGE.payload, [entry(header=header)]))
    assert (rows["signature-certificate"].outcome, rows["signature-certificate"].message) == (outcome, message)


def test_another_manifest_than_the_one_asked_for_is_refused_by_both() -> None:
    for policy in ("strict", "docker-1.9"):
        verdict, rows = judged(IMAGE.body, replace(BY_DIGEST, digest=OTHER), policy)
        assert failed(rows) == ["manifest-digest"]
        assert rows["manifest-digest"].message == f"image verification failed for digest {OTHER}"
        assert (rows["manifest-digest"].expected, rows["manifest-digest"].actual) == (OTHER, IMAGE.digest)
        assert verdict.refusal is rows["manifest-digest"]


def test_the_digest_of_the_body_with_its_signatures_is_not_the_manifest_s() -> None:
    _, rows = judged(IMAGE.body, replace(BY_DIGEST, digest=sha256(IMAGE.body)))
    assert failed(rows) == ["manifest-digest"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("xx tarsum+sha256:ab", "string does not include a TarSum Version"),
        ("tarsum.v9+sha256:ab", "string does not include a TarSum Version"),
        ("tarsum.v1+sha256:ab", "image verification failed for digest tarsum.v1+sha256:ab"),
        ("sha256:b", "image verification failed for digest sha256:b"),
    ],
)
def test_digests_that_only_docker_1_9_took_for_digests(asked: str, message: str) -> None:
    verdict, rows = judged(IMAGE.body, seed(asked), "docker-1.9")
    assert failed(rows) == ["manifest-digest"]
    assert verdict.refusal is not None
    assert verdict.refusal.message == message


@pytest.mark.parametrize(
    ("asked", "message"),
    [("md5:ab", "unsupported digest algorithm"), ("sha256:xyz", "invalid checksum digest format")],
)
def test_a_colon_that_makes_no_digest_is_not_verified_by_docker_1_9(asked: str, message: str) -> None:
    """W12."""
    verdict, rows = judged(IMAGE.body, seed(asked), "docker-1.9")
    assert failed(rows) == ["reference-digest"]
    assert rows["reference-digest"].message == message
    assert verdict.refusal is None
    assert not names_digest(asked)
    strict, strict_rows = judged(IMAGE.body, seed(asked))
    assert strict.refusal is strict_rows["reference-digest"]


def test_data_behind_the_signatures_is_what_docker_1_9_read_by_tag() -> None:
    """CVE-2014-8179, W2."""
    body = extra(f'"fsLayers": [{{"blobSum": "{OTHER}"}}, {{"blobSum": "{OTHER}"}}]')
    strict, rows = judged(body)
    assert failed(rows) == ["unsigned-data"]
    unsigned = rows["unsigned-data"]
    assert unsigned.message == "the body says something else than the signed payload in fsLayers"
    assert (unsigned.subject, unsigned.actual) == ("fsLayers", str((OTHER, OTHER)))
    assert rows["signature-wrapper"].message == "the rule unsigned-data tells what else stands there"
    assert strict.value is not None
    assert OTHER not in strict.value.manifest.blob_sums
    docker, _ = judged(body, policy="docker-1.9")
    assert docker.require().manifest.blob_sums == (OTHER, OTHER)
    by_digest, _ = judged(body, BY_DIGEST, "docker-1.9")
    assert by_digest.require().manifest.blob_sums == strict.value.manifest.blob_sums


def test_several_members_that_differ_are_all_named() -> None:
    _, rows = judged(extra('"tag": "2", "name": "other"'))
    assert rows["unsigned-data"].subject == "name, tag"
    assert (rows["unsigned-data"].expected, rows["unsigned-data"].actual) == ("teach/unit", "other")


def test_harmless_data_behind_the_signatures_is_irregular_all_the_same() -> None:
    _, rows = judged(extra('"more": 1'))
    assert failed(rows) == ["signature-wrapper"]
    assert rows["signature-wrapper"].expected == "as libtrust writes it"


def test_a_payload_that_cannot_be_read_differs_in_everything() -> None:
    """Docker 1.9 read the whole body by tag and never looked at the payload."""
    body = wrap(IMAGE.payload, [entry(protected=encode_url(b'{"formatLength":8,"formatTail":"Cn0"}'))])
    _, rows = judged(body, policy="docker-1.9")
    assert failed(rows) == ["signature-valid", "json-unambiguous", "unsigned-data"]
    assert rows["unsigned-data"].subject == "schemaVersion, name, tag, architecture, fsLayers, history"
    assert (rows["unsigned-data"].expected, rows["unsigned-data"].actual) == ("nothing that can be read", "1")


@pytest.mark.parametrize(
    ("body", "message", "actual"),
    [
        (b"\n " + IMAGE.body, "2 bytes before the manifest", "2 bytes before the manifest"),
        (IMAGE.body + b"\n\n", "2 bytes after the manifest", "2 bytes after the manifest"),
        (
            b" " + IMAGE.body + b" {}",
            "1 bytes before the manifest; and 1 more",
            "1 bytes before the manifest; 3 bytes after the manifest",
        ),
    ],
)
def test_bytes_around_the_manifest_are_ambiguous(body: bytes, message: str, actual: str) -> None:
    verdict, rows = judged(body)
    assert failed(rows) == ["json-unambiguous"]
    assert (rows["json-unambiguous"].message, rows["json-unambiguous"].actual) == (message, actual)
    assert verdict.record.digest == IMAGE.digest


def test_one_line_end_after_the_manifest_is_fine() -> None:
    assert failed(judged(IMAGE.body + b"\n")[1]) == []


def test_a_name_twice_in_the_payload_is_ambiguous() -> None:
    payload = IMAGE.payload.replace(b'"tag": "1"', b'"tag": "2",\n   "tag": "1"')
    body = wrap(payload, [signature_entry(payload, SigningKey("somebody"), len(payload) - 2, b"\n}")])
    _, rows = judged(body)
    assert failed(rows) == ["json-unambiguous"]
    assert rows["json-unambiguous"].message == "the name 'tag' stands twice, in the document"


@pytest.mark.parametrize("version", [0, 2, -1])
def test_another_schema_version_is_refused_and_its_layers_not_counted(version: int) -> None:
    verdict, rows = judged(IMAGE.changed(schemaVersion=version).body)
    assert failed(rows) == ["schema-version"]
    assert rows["schema-version"].message == f'unsupported schema version {version} for tag "1"'
    assert rows["history-length"].message == rows["layers-present"].message == "the manifest is of another schema version"
    assert verdict.refusal is rows["schema-version"]


def test_a_digest_is_called_a_tag_in_docker_s_words() -> None:
    image = IMAGE.changed(schemaVersion=2)
    _, rows = judged(image.body, replace(BY_DIGEST, digest=image.digest))
    assert rows["schema-version"].message == f'unsupported schema version 2 for tag "{image.digest}"'


def test_as_many_history_entries_as_layers_and_at_least_one() -> None:
    _, rows = judged(IMAGE.changed(history=IMAGE.document["history"][:1]).body)
    assert failed(rows) == ["history-length"]
    assert rows["history-length"].message == 'length of history not equal to number of layers for tag "1"'
    assert (rows["history-length"].expected, rows["history-length"].actual) == ("2", "1")
    _, rows = judged(IMAGE.changed(history=[], fsLayers=[]).body)
    assert failed(rows) == ["layers-present"]
    assert rows["layers-present"].message == 'no FSLayers in manifest for tag "1"'
    verdict, rows = judged(IMAGE.changed(fsLayers=[]).body)
    assert failed(rows) == ["history-length", "layers-present"]
    assert verdict.refusal is rows["history-length"]


def test_a_manifest_of_another_repository_or_tag_is_a_finding() -> None:
    """W15."""
    body = IMAGE.changed(name='o"ther', tag="2").body
    verdict, rows = judged(body)
    assert failed(rows) == ["manifest-name", "manifest-tag"]
    assert rows["manifest-name"].message == 'the manifest says its name is "o\\"ther", asked was "teach/unit"'
    assert rows["manifest-tag"].message == 'the manifest says its tag is "2", asked was "1"'
    assert verdict.refusal is rows["manifest-name"]
    assert judged(body, policy="docker-1.9")[0].refusal is None


def test_a_manifest_judged_without_a_name_is_not_asked_for_one() -> None:
    _, rows = judged(IMAGE.body, Reference.bare(IMAGE.digest))
    assert failed(rows) == []
    assert rows["manifest-name"].message == rows["manifest-tag"].message == "judged by digest alone, without a name"


@pytest.mark.parametrize(
    ("claimed", "outcome"),
    [(IMAGE.digest, "passed"), (sha256(IMAGE.body), "passed"), (OTHER, "failed"), ("", "skipped"), ("0" * 64, "skipped")],
)
def test_a_header_that_lies_refuses_by_tag_and_is_a_finding_by_digest(claimed: str, outcome: str) -> None:
    verdict, rows = judged(IMAGE.body, header_digest=claimed)
    assert rows["header-digest"].outcome == outcome
    assert verdict.refusal is (rows["header-digest"] if outcome == "failed" else None)
    verdict, rows = judged(IMAGE.body, Reference.bare(IMAGE.digest), header_digest=claimed)
    assert (rows["header-digest"].outcome, verdict.refusal) == (outcome, None)


@pytest.mark.parametrize("member", ["made_from", "unsigned_because"])
def test_a_source_that_keeps_no_signatures_is_not_asked_for_them(member: str) -> None:
    claims: dict[str, Any] = {member: "the graph of a docker root"}
    verdict, rows = judged(IMAGE.payload, **claims)
    assert verdict.refusal is None
    assert rows["signature-present"].message == "the source keeps no signatures: the graph of a docker root"
    name = "the manifest was put together from the graph of a docker root" if member == "made_from" else ""
    assert rows["manifest-name"].message == rows["manifest-tag"].message == name


def test_what_came_by_a_protocol_without_proof_refuses_by_tag() -> None:
    claims: dict[str, Any] = {"made_from": "the v1 protocol", "unsigned_because": "nothing is signed", "unverified": True}
    verdict, rows = judged(IMAGE.payload, **claims)
    assert verdict.refusal is rows["signature-present"]
    assert rows["signature-present"].message == "nothing in this image can be verified: the v1 protocol"
