"""One image manifest or index, judged alone: every rule by one fault, and nothing else failing."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

import pytest

from toolkit.digests import Digest, sha256
from toolkit.manifests.descriptor import Descriptor, Platform
from toolkit.manifests.document import read_document
from toolkit.manifests.media_types import DOCKER_LIST, DOCKER_MANIFEST, OCI_CONFIG, OCI_EMPTY, OCI_INDEX, OCI_LAYER, OCI_MANIFEST
from toolkit.manifests.raw import RawManifest
from toolkit.records import Check
from toolkit.references import Reference
from toolkit.verification.document import MOST_DESCRIPTORS, DocumentVerdict, Way, choose, document_kind, verify_document
from toolkit.verification.policy import Policy
from toolkit.verification.rules import of_stage

STRICT: Final = Policy("strict")
A, B, ABOVE = "sha256:" + "a" * 64, "sha256:" + "b" * 64, "sha256:" + "c" * 64
CONFIG: Final = {"mediaType": OCI_CONFIG, "digest": A, "size": 7}
LAYER: Final = {"mediaType": OCI_LAYER, "digest": B, "size": 9}
IMAGE: Final[dict[str, Any]] = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": CONFIG, "layers": [LAYER]}
CHILD: Final = {"mediaType": OCI_MANIFEST, "digest": A, "size": 7, "platform": {"os": "linux", "architecture": "amd64"}}
INDEX: Final[dict[str, Any]] = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [CHILD]}
EMPTY: Final = {"mediaType": OCI_EMPTY, "digest": sha256(b"{}"), "size": 2}
ARTIFACT: Final[dict[str, Any]] = {"schemaVersion": 2, "config": EMPTY, "layers": [EMPTY], "artifactType": "a/b"}


def encoded(document: object) -> bytes:
    return json.dumps(document).encode()


def judged(
    document: object, *, asked: str = "1", way: Way | None = None, **claims: Any
) -> tuple[DocumentVerdict, dict[str, list[Check]]]:
    body = document if isinstance(document, bytes) else encoded(document)
    reference = Reference.bare(asked)
    verdict = verify_document(RawManifest(body=body, **claims), reference, STRICT, way or Way())
    rows: dict[str, list[Check]] = {}
    for check in verdict.checks:
        rows.setdefault(check.rule, []).append(check)
    assert {rule.slug for rule in of_stage("document")} - {"platform-available"} <= set(rows)  # an index's is asked by the walk
    return verdict, rows


def failed(rows: dict[str, list[Check]]) -> list[str]:
    return [rule for rule, checks in rows.items() if any(check.outcome == "failed" for check in checks)]


def way_to(body: bytes, media_type: str = OCI_MANIFEST, size: int | None = None, above: tuple[str, ...] = (ABOVE,)) -> Way:
    named = Descriptor(where="manifests[0]", media_type=media_type, digest=sha256(body), size=len(body) if size is None else size)
    return Way(descriptor=named, above=above)


@pytest.mark.parametrize("document", [IMAGE, INDEX, ARTIFACT, {**INDEX, "mediaType": DOCKER_LIST}, {**INDEX, "manifests": []}])
def test_a_faultless_document_has_no_finding(document: dict[str, Any]) -> None:
    body = encoded(document)
    for asked in ("1", sha256(body), str(Digest.of(body, "sha512"))):
        for header in (None, sha256(body), str(Digest.of(body, "sha512")), "", "0" * 64):
            verdict, rows = judged(body, asked=asked, header_digest=header, content_type="text/plain")
            assert failed(rows) == []
            assert verdict.refusal is None
            assert verdict.require().kind == ("index" if "manifests" in document else "image")
    _, rows = judged(body, asked=sha256(body), way=way_to(body, document.get("mediaType", OCI_MANIFEST)))
    assert failed(rows) == []


def test_the_record_says_what_was_claimed() -> None:
    body = encoded({**ARTIFACT, "subject": LAYER})
    verdict, _ = judged(body, content_type=OCI_MANIFEST, accept="*/*", header_digest=sha256(body), way=way_to(body))
    record = verdict.record
    assert (record.kind, record.parent, record.digest, record.digest_basis) == ("artifact", ABOVE, sha256(body), "body")
    assert (record.layers, record.manifests, record.config_digest) == (1, None, EMPTY["digest"])
    assert (record.artifact_type, record.subject, record.accept) == ("a/b", B, "*/*")
    index, _ = judged(INDEX)
    assert (index.record.kind, index.record.layers, index.record.manifests) == ("index", None, 1)
    broken, _ = judged(b"{", content_type=OCI_INDEX)
    assert (broken.record.kind, broken.record.manifests, broken.value) == ("index", None, None)


FAULTS: Final[list[tuple[str, object, dict[str, Any]]]] = [
    ("manifest-json", b"{", {"content_type": OCI_MANIFEST}),
    ("manifest-json", b"[]", {"content_type": OCI_MANIFEST}),
    ("json-unambiguous", encoded(IMAGE)[:-1] + b',"Layers":[]}', {}),
    ("json-unambiguous", encoded(IMAGE)[:-1] + b',"x":1,"x":1,"y":"\xff"}', {}),
    ("manifest-digest", IMAGE, {"asked": A}),
    ("header-digest", IMAGE, {"header_digest": A}),
    ("media-type-agrees", IMAGE, {"content_type": OCI_INDEX}),
    ("media-type-agrees", IMAGE, {"content_type": DOCKER_MANIFEST}),
    ("media-type-agrees", {**IMAGE, "mediaType": OCI_INDEX}, {}),
    ("media-type-agrees", IMAGE, {"way": way_to(encoded(IMAGE), DOCKER_MANIFEST)}),
    ("manifest-one-kind", {**IMAGE, "manifests": []}, {}),
    ("manifest-one-kind", {**INDEX, "layers": []}, {}),
    ("manifest-one-kind", {**IMAGE, "fsLayers": []}, {}),
    ("schema-version", {**IMAGE, "schemaVersion": 3}, {}),
    ("schema-version", {**IMAGE, "schemaVersion": "2"}, {}),
    ("descriptors-readable", {**IMAGE, "layers": [{**LAYER, "size": -1}]}, {}),
    ("descriptors-readable", {**IMAGE, "config": None}, {}),
    ("descriptors-readable", {**INDEX, "manifests": {}}, {}),
    ("descriptor-digest", {**IMAGE, "layers": [{**LAYER, "digest": "sha256:AA"}]}, {}),
    ("descriptor-digest", {**IMAGE, "layers": [{**LAYER, "digest": "../../x"}]}, {}),
    ("descriptor-digest", {**IMAGE, "layers": [{**LAYER, "digest": "blake3:" + "a" * 64}]}, {}),
    ("descriptor-limits", {**IMAGE, "config": {**CONFIG, "size": 2**24}}, {}),
    ("descriptor-limits", {**IMAGE, "layers": [LAYER] * (MOST_DESCRIPTORS + 1)}, {}),
    ("descriptor-limits", INDEX, {"way": way_to(encoded(INDEX), OCI_INDEX, above=(B,) * 4)}),
    ("descriptor-consistent", {**IMAGE, "layers": [LAYER, {**LAYER, "size": 1}]}, {}),
    ("index-acyclic", INDEX, {"way": way_to(encoded(INDEX), OCI_INDEX, above=(A, B))}),
    ("descriptor-data", {**IMAGE, "config": {**CONFIG, "data": "!"}}, {}),
    ("descriptor-data", {**IMAGE, "config": {**CONFIG, "data": "YWI="}}, {}),
    ("descriptor-data", {**IMAGE, "config": {**CONFIG, "data": base64.b64encode(b"1234567").decode()}}, {}),
    ("empty-content", {**ARTIFACT, "layers": [{**EMPTY, "digest": A}]}, {}),
    ("artifact-type", {**ARTIFACT, "artifactType": None}, {}),
    ("descriptor-size", IMAGE, {"way": way_to(encoded(IMAGE), size=3)}),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "document", "how"), FAULTS, ids=[f"{index}-{one[0]}" for index, one in enumerate(FAULTS)])
def test_every_fault_is_one_finding(rule: str, document: object, how: dict[str, Any]) -> None:
    verdict, rows = judged(document, **how)
    assert failed(rows) == [rule]
    refusal = verdict.refusal
    assert refusal is not None
    assert (refusal.rule, bool(refusal.message)) == (rule, True)


def test_content_named_by_an_unknown_algorithm_cannot_be_decided() -> None:
    verdict, _ = judged({**IMAGE, "layers": [{**LAYER, "digest": "blake3:" + "a" * 64}]})
    assert verdict.refusal is not None
    assert verdict.refusal.undecided


def test_embedded_content_of_an_unreadable_digest_is_measured_only() -> None:
    _, rows = judged({**IMAGE, "config": {**CONFIG, "digest": "x", "size": 2, "data": "YWI="}})
    assert failed(rows) == ["descriptor-digest"]


def test_a_header_that_lies_is_only_a_finding_by_digest() -> None:
    verdict, rows = judged(IMAGE, asked=sha256(encoded(IMAGE)), header_digest=A)
    assert (failed(rows), verdict.refusal) == (["header-digest"], None)


def test_a_manifest_that_was_put_together_claims_nothing() -> None:
    verdict, rows = judged(IMAGE, made_from="manifest.json of the archive", content_type=OCI_INDEX, header_digest=A)
    assert failed(rows) == []
    for rule in ("reference-digest", "manifest-digest", "header-digest", "descriptor-size", "media-type-agrees"):
        assert [check.outcome for check in rows[rule]] == ["skipped"], rule
    assert (verdict.record.digest_basis, verdict.record.made_from) == ("none", "manifest.json of the archive")


def test_no_media_type_at_all_is_no_finding() -> None:
    _, rows = judged({key: value for key, value in IMAGE.items() if key != "mediaType"})
    assert rows["media-type-agrees"][0].message == "nobody claims a media type"


def test_a_way_grows_downwards() -> None:
    named = way_to(b"x").descriptor
    assert named is not None
    assert Way().into(A, named).into(B, named) == Way(descriptor=named, above=(A, B))


def test_which_rules_a_body_is_judged_by() -> None:
    assert document_kind(RawManifest(body=encoded(IMAGE)), Way()) == "image"
    assert document_kind(RawManifest(body=b"["), Way()) == "schema1"
    assert document_kind(RawManifest(body=b"[]", content_type=OCI_INDEX), Way()) == "index"


# -- the choice among the manifests of an index ------------------------------------------------------------------

ATTESTATION: Final = {
    "platform": {"os": "unknown", "architecture": "unknown"},
    "annotations": {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": A},
}


def chosen(*offered: dict[str, Any], asked: str | None = "linux/amd64") -> list[tuple[bool, str]]:
    manifests = [{"mediaType": OCI_MANIFEST, "digest": A, "size": 1, **one} for one in offered]
    document = read_document({"manifests": manifests}, "index")
    found = choose(document, None if asked is None else Platform.parse(asked))
    return [(one.followed, one.reason) for one in found]


def platform(text: str) -> dict[str, Any]:
    os, architecture, *variant = text.split("/")
    return {"platform": {"os": os, "architecture": architecture, "variant": variant[0] if variant else None}}


def test_the_first_manifest_of_the_platform_is_followed() -> None:
    found = chosen(platform("linux/arm64"), platform("linux/amd64"), platform("linux/amd64"), ATTESTATION)
    assert found == [
        (False, "for linux/arm64; asked was linux/amd64"),
        (True, "it is for linux/amd64"),
        (False, "for linux/amd64, as the one before it"),
        (False, f"an attestation of {A}"),
    ]


def test_all_means_all() -> None:
    assert chosen(platform("linux/arm64"), ATTESTATION, asked=None) == [(True, "every manifest was asked for")] * 2


def test_the_only_one_without_a_platform_will_do() -> None:
    assert chosen(platform("linux/arm64"), {}) == [
        (False, "for linux/arm64; asked was linux/amd64"),
        (True, "it names no platform, and nothing fits better"),
    ]
    assert chosen({}, {}) == [(False, "it names no platform")] * 2
    assert [followed for followed, _ in chosen({}, {"mediaType": OCI_INDEX})] == [False, True]
    assert [followed for followed, _ in chosen(platform("linux/arm64"))] == [False]
