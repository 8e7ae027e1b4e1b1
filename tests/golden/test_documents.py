"""The public corpus: manifests, indexes and configurations of today's formats agree with their truth."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from support.places import CORPUS, needs_corpus, truth

import toolkit as tk
from toolkit.identity.chain_id import chain_ids
from toolkit.manifests.config import read_config
from toolkit.manifests.descriptor import read_object
from toolkit.records import Descriptor, Manifest

pytestmark = needs_corpus

REFUSED: Final = {
    "mj-ci-ociv1.artifact": {"descriptor-digest", "descriptors-readable"},
    "mj-ci-unknown-version": {"schema-version", "descriptors-readable"},
    "mj-ci-non-json": {"manifest-json"},
}
"""Items that are no manifests anybody should take, and the rules that say so.

``artifact``: its configuration has an empty digest and there are no layers. ``unknown-version`` is judged as schema1,
for it says nothing else; ``non-json`` likewise.
"""


def items(kind: str) -> list[Any]:
    return [pytest.param(name, item, id=name) for name, item in truth().items() if item["kind"] == kind]


def is_config(expected: dict[str, Any]) -> bool:
    return "diff_ids" in expected


@pytest.mark.parametrize(("name", "item"), [one for one in items("manifest-json") if not is_config(one.values[1]["truth"])])
def test_a_manifest_agrees(name: str, item: dict[str, Any]) -> None:
    expected = item["truth"]
    body = (CORPUS / item["file"]).read_bytes()
    by_digest, by_tag = tk.judge(body, expected["sha256"]), tk.judge(body, "corpus/item:1")
    record: Manifest = by_digest.records(Manifest)[0]
    assert (record.body_digest, record.size) == (expected["sha256"], expected["size"])
    if name in REFUSED:
        assert by_tag.outcome != "accepted"
        assert {check.rule for check in by_tag.findings} & REFUSED[name]
        return
    assert (by_tag.outcome, by_tag.findings) == ("accepted", [])
    assert (by_digest.outcome, by_digest.findings) == ("accepted", [])
    assert (record.schema_version, record.media_type) == (expected["schemaVersion"], expected.get("mediaType"))
    found: list[Descriptor] = by_digest.records(Descriptor)
    for role, member in (("layer", "layers"), ("manifest", "manifests")):
        claimed = [(one["mediaType"], one["digest"], one["size"]) for one in expected.get(member) or []]
        assert [(one.media_type, one.digest, one.size) for one in found if one.role == role] == claimed
    if expected.get("config"):
        assert record.config_digest == expected["config"]["digest"]


@pytest.mark.parametrize(("name", "item"), [one for one in items("manifest-json") if is_config(one.values[1]["truth"])])
def test_a_configuration_agrees(name: str, item: dict[str, Any]) -> None:
    expected = item["truth"]
    config = read_config(read_object((CORPUS / item["file"]).read_bytes()))
    assert config.problems == ()
    assert list(config.diff_ids or ()) == expected["diff_ids"]
    assert chain_ids(config.diff_ids or ()) == expected["chain_ids"]
    assert len(config.history or ()) == expected["history"]
    assert len(config.steps) == expected["history"] - expected["empty_layers"], json.dumps(expected)
