"""The chain of layers: links, repeats, and what is dropped, as fixManifestLayers did it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import pytest

from toolkit.manifests.raw import RawManifest
from toolkit.records import Check
from toolkit.references import Reference
from toolkit.verification.layer_chain import LayerChain, verify_layer_chain
from toolkit.verification.manifest import verify_manifest
from toolkit.verification.policy import Policy
from toolkit.verification.rules import of_stage
from toolkit.verification.verdict import Verdict

A, B, C, D = (letter * 64 for letter in "abcd")
RULES: Final = [rule.slug for rule in of_stage("chain")]
Entry = tuple[str, str]


def entry(own: str, parent: str = "", **members: Any) -> str:
    return json.dumps({"id": own, **({"parent": parent} if parent else {}), **members})


def judged(
    history: Sequence[str], blobs: Sequence[str] | None = None, policy: str = "strict"
) -> tuple[Verdict[LayerChain], dict[str, list[Check]]]:
    """Judge a history, top first; each layer has a blob of its own unless it is given."""
    names = [f"sha256:{index}" for index in range(len(history))] if blobs is None else blobs
    document = {
        "schemaVersion": 1,
        "fsLayers": [{"blobSum": blob} for blob in names],
        "history": [{"v1Compatibility": text} for text in history],
    }
    raw = RawManifest(body=json.dumps(document).encode())
    verified = verify_manifest(raw, Reference.parse("registry.example/app:1"), Policy.of(policy)).value
    assert verified is not None
    verdict = verify_layer_chain(verified, Policy.of(policy))
    rows: dict[str, list[Check]] = {}
    for check in verdict.checks:
        rows.setdefault(check.rule, []).append(check)
    assert sorted(rows) == sorted(RULES)
    return verdict, rows


def failed(rows: dict[str, list[Check]]) -> list[str]:
    return [rule for rule, checks in rows.items() if any(check.outcome == "failed" for check in checks)]


def kept(verdict: Verdict[LayerChain]) -> list[tuple[int, str]]:
    assert verdict.value is not None
    return [(slot.manifest_index, slot.compatibility_id[0]) for slot in verdict.value.kept]


def test_a_chain_is_turned_base_first() -> None:
    command = {"Cmd": ["/bin/sh", "-c", "ADD x"]}
    history = [entry(C, B, container_config=command), entry(B, A), entry(A)]
    verdict, rows = judged(history)
    assert failed(rows) == []
    assert kept(verdict) == [(2, "a"), (1, "b"), (0, "c")]
    chain = verdict.require()
    assert [slot.position for slot in chain.slots] == [0, 1, 2]
    top = chain.slots[-1]
    assert (top.blob_digest, top.compatibility_id, top.compatibility_parent) == ("sha256:0", C, B)
    assert top.v1_compatibility == history[0].encode()
    assert [slot.created_by for slot in chain.slots] == ["", "", "/bin/sh -c ADD x"]
    assert [rows[rule][0].outcome for rule in ("duplicate-same-layer", "duplicate-same-history")] == ["skipped", "skipped"]
    assert rows["parent-link"][0].actual == "2"


def test_a_chain_of_one_is_a_chain() -> None:
    verdict, rows = judged([entry(A)])
    assert failed(rows) == []
    assert kept(verdict) == [(0, "a")]


@pytest.mark.parametrize(
    ("history", "left"),
    [
        ([entry(B, A), entry(B, A), entry(A)], [(2, "a"), (1, "b")]),
        ([entry(B, A), entry(B, A), entry(B, A), entry(A)], [(3, "a"), (2, "b")]),
        ([entry(A), entry(A)], [(1, "a")]),
        ([entry(C, B), entry(B, A), entry(B, D), entry(A)], [(3, "a"), (2, "b"), (0, "c")]),
    ],
)
def test_of_entries_with_one_id_that_follow_each_other_the_lowest_survives(
    history: list[str], left: list[tuple[int, str]]
) -> None:
    """S5: IDs are compared, nothing else, and the parents of dropped ones are not looked at."""
    verdict, rows = judged(history, ["sha256:ab"] * len(history))
    assert kept(verdict) == left
    assert verdict.value is not None
    assert len(verdict.value.slots) == len(history)
    assert rows["image-id-unique"][0].outcome == "passed"


def test_a_dropped_layer_with_another_blob_and_history_is_a_finding() -> None:
    history = [entry(B, A, author="x"), entry(B, A), entry(A)]
    verdict, rows = judged(history, ["sha256:11", "sha256:22", "sha256:33"])
    assert failed(rows) == ["duplicate-same-layer", "duplicate-same-history"]
    (layer,) = rows["duplicate-same-layer"]
    assert layer.subject == "fsLayers[0]"
    assert layer.message == "the layer is dropped as a duplicate of fsLayers[1], but its blob is another"
    assert (layer.expected, layer.actual) == ("sha256:22", "sha256:11")
    (other,) = rows["duplicate-same-history"]
    assert other.subject == "history[0].v1Compatibility"
    assert other.message == "the history entry differs from the one that is kept, history[1]"
    assert (other.expected, other.actual) == (history[1], history[0])
    assert verdict.refusal is layer
    assert judged(history, ["sha256:11", "sha256:22", "sha256:33"], "docker-1.9")[0].refusal is None


def test_a_true_duplicate_passes_both_rules_of_duplicates() -> None:
    history = [entry(B, A), entry(B, A), entry(A)]
    _, rows = judged(history, ["sha256:22", "sha256:22", "sha256:33"])
    assert failed(rows) == []
    assert rows["duplicate-same-layer"][0].outcome == rows["duplicate-same-history"][0].outcome == "passed"


@pytest.mark.parametrize(
    ("history", "rule", "message", "place"),
    [
        (
            [entry(B, A), entry(A, D)],
            "base-without-parent",
            "Invalid parent ID in the base layer of the image.",
            "history[1].v1Compatibility",
        ),
        (
            [entry(C, D), entry(B, A), entry(A)],
            "parent-link",
            f"Invalid parent ID. Expected {B}, got {D}.",
            "history[0].v1Compatibility",
        ),
        ([entry(B), entry(A)], "parent-link", f"Invalid parent ID. Expected {A}, got .", "history[0].v1Compatibility"),
        (
            [entry(A, B), entry(B, A), entry(A)],
            "image-id-unique",
            f"ID {A} appears multiple times in manifest",
            "history[2].v1Compatibility",
        ),
    ],
)
def test_a_broken_chain_is_refused_in_docker_s_words(history: list[str], rule: str, message: str, place: str) -> None:
    for policy in ("strict", "docker-1.9"):
        verdict, rows = judged(history, policy=policy)
        assert failed(rows) == [rule]
        assert verdict.refusal is rows[rule][0]
        assert (rows[rule][0].message, rows[rule][0].subject) == (message, place)
        assert verdict.value is not None


def test_every_broken_link_is_a_row() -> None:
    _, rows = judged([entry(D, A), entry(C, B), entry(B, C), entry(A)])
    assert [(check.subject, check.expected, check.actual) for check in rows["parent-link"]] == [
        ("history[2].v1Compatibility", A, C),
        ("history[0].v1Compatibility", C, A),
    ]


def test_of_ids_that_come_back_the_first_from_the_top_is_told() -> None:
    _, rows = judged([entry(A, B), entry(B, A), entry(A, B), entry(B)])
    (row,) = rows["image-id-unique"]
    assert (row.subject, row.actual) == ("history[2].v1Compatibility", A)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "unexpected end of JSON input"),
        ("[]", "json: cannot unmarshal array into Go value of type image.Image"),
        ('{"id":5}', "json: cannot unmarshal number into Go value of type string"),
        (
            '{"created":"x"}',
            'parsing time ""x"" as ""2006-01-02T15:04:05Z07:00"": cannot parse "x"" as "2006"',
        ),
    ],
)
def test_an_entry_that_is_no_image_ends_the_reading(text: str, message: str) -> None:
    verdict, rows = judged([entry(B, A), text, "also bad"])
    assert failed(rows) == ["history-json"]
    (row,) = rows["history-json"]
    assert (row.message, row.subject) == (message, "history[1].v1Compatibility")
    assert verdict.value is None
    assert rows["parent-link"][0].message == "the history does not give one image for each layer"


@pytest.mark.parametrize("own", ["", "x", "A" * 64, "a" * 63, "a" * 64 + "\n", "../" + "a" * 61])
@pytest.mark.parametrize("index", [0, 1])
def test_an_id_that_is_none_ends_the_reading(own: str, index: int) -> None:
    """CVE-2014-9358."""
    history = [entry(B, A), entry(A)]
    history[index] = entry(own)
    verdict, rows = judged(history)
    assert failed(rows) == ["image-id-syntax"]
    (row,) = rows["image-id-syntax"]
    assert row.message == f"invalidimageid: image ID '{own}' is invalid "
    assert (row.subject, row.actual) == (f"history[{index}].v1Compatibility", own)
    assert verdict.value is None
    assert rows["history-json"][0].outcome == ("passed" if index else "skipped")


@pytest.mark.parametrize(("history", "blobs"), [([], []), ([entry(A)], []), ([], ["sha256:ab"]), ([entry(A)], ["x", "y"])])
def test_without_one_entry_for_each_layer_there_is_no_chain(history: list[str], blobs: list[str]) -> None:
    verdict, rows = judged(history, blobs)
    assert verdict.value is None
    assert rows["parent-link"][0].outcome == "skipped"
    assert failed(rows) == []


def test_an_entry_with_two_readings_is_named_and_the_good_ones_are_not() -> None:
    twice = entry(B, A)[:-1] + ', "os": "linux", "os": "plan9"}'
    verdict, rows = judged([twice, entry(A)])
    assert failed(rows) == ["history-unambiguous"]
    (row,) = rows["history-unambiguous"]
    assert row.message == row.actual == "the name 'os' stands twice, in the document"
    assert verdict.refusal is row
    assert judged([twice, entry(A)], policy="docker-1.9")[0].refusal is None


def test_a_known_name_in_another_spelling_is_named_and_refuses_nobody() -> None:
    """W16."""
    verdict, rows = judged([entry(B, A, OS="linux", unKnown=1), entry(A)])
    assert failed(rows) == ["history-key-case"]
    (row,) = rows["history-key-case"]
    assert row.message == "'OS' is read as 'os' but hashed as it stands"
    assert (row.expected, row.actual) == ("os", "OS")
    assert verdict.refusal is None


def test_an_identity_name_in_another_spelling_is_refused_by_strict() -> None:
    """W9 and W16."""
    history = [entry(B, A), entry(A, PARENT_ID="sha256:22")]
    verdict, rows = judged(history)
    assert failed(rows) == ["history-identity-names", "base-without-parent-id"]
    (row,) = rows["history-identity-names"]
    assert (row.expected, row.actual) == ("parent_id", "PARENT_ID")
    assert verdict.refusal is row
    assert judged(history, policy="docker-1.9")[0].refusal is None


def test_a_base_with_a_parent_id_of_its_own_is_refused_by_strict() -> None:
    """W9."""
    history = [entry(B, A, parent_id="sha256:11"), entry(A, parent_id="sha256:22")]
    verdict, rows = judged(history)
    assert failed(rows) == ["base-without-parent-id"]
    (row,) = rows["base-without-parent-id"]
    assert (row.actual, row.subject) == ("sha256:22", "history[1].v1Compatibility")
    assert verdict.refusal is row
    assert judged(history, policy="docker-1.9")[0].refusal is None
