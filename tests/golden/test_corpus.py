"""The public corpus: every schema1 manifest's verdict agrees with its truth, or the table says why not."""

from __future__ import annotations

from typing import Any, Final

import pytest
from support.places import CORPUS, needs_corpus, truth

import toolkit as tk
from toolkit import fsops
from toolkit.layers.measure import measure
from toolkit.records import Manifest, Signature

pytestmark = needs_corpus

STATUS: Final = {"valid": "valid-self-asserted", "invalid": "bad", "unsigned": "absent", "malformed": "malformed"}

EXPLAINED: Final[dict[tuple[str, str], str]] = {
    (
        "s1-docker19-no-signature",
        "payload",
    ): "the truth hashes the file; Docker's Raw ends where the JSON value does, one byte before",
    ("s1-malformed-signatures", "payload"): "as above: a line end after the value",
    ("s1-jib-v21", "payload"): "as above: a line end after the value",
    ("s1-spec-example", "payload"): "the block cannot be read (formatLength beyond the end), so the payload is all of Raw",
    ("s1-libtrust-doc", "payload"): "as above",
    ("adv-pub-formatLength-too-long", "payload"): "as above",
    ("adv-pub-kid-mismatch", "payload"): "libtrust refuses a key with another ID, so the payload is all of Raw",
    ("adv-pub-sig-list-empty", "payload"): "an empty list is no error to libtrust: the payload is empty (W4)",
    ("s1-spec-example", "signature"): "libtrust cannot read the block; the truth calls it invalid",
    ("s1-libtrust-doc", "signature"): "libtrust cannot read the block; the truth calls it invalid",
    ("adv-pub-formatLength-too-long", "signature"): "libtrust cannot read the block; the truth calls it invalid",
    ("adv-pub-formatLength-negative", "signature"): "libtrust crashes before any signature is looked at",
    ("adv-pub-kid-mismatch", "signature"): "libtrust refuses the key; the truth ignores its ID",
    ("adv-pub-formatLength-negative", "docker"): "the truth is what happens before the crash at digestFromManifest (W3)",
    ("adv-pub-malformed-blobsum", "docker"): "the truth ends at fixManifestLayers; MakeImageConfig refuses after it",
    (
        "adv-pub-case-variant-key",
        "docker",
    ): "the truth reads as Python does, Go matches keys by case folding; the Go peer agrees with us",
    ("s1-docker19-extra-data", "strict"): "refused: what stands outside the payload changes what is read",
    ("adv-pub-duplicate-json-key", "strict"): "refused: two readers may see two manifests",
    ("adv-pub-kid-mismatch", "strict"): "refused: the key is not the one its ID names",
    ("adv-pub-tarsum-blobsum", "strict"): "nobody can vouch for a tarsum: undecided",
}


def manifests() -> list[Any]:
    return [pytest.param(name, item, id=name) for name, item in truth().items() if item["kind"] == "schema1"]


@pytest.mark.parametrize(("name", "item"), manifests())
def test_schema1_verdicts_agree(name: str, item: dict[str, Any]) -> None:
    expected = item["truth"]
    body = (CORPUS / item["file"]).read_bytes()
    reference = f"registry.example/{expected.get('name') or 'none/none'}:{expected.get('tag') or 'none'}"
    docker, strict = tk.judge(body, reference, "docker-1.9"), tk.judge(body, reference)
    found = {
        "payload": docker.records(Manifest)[0].digest == expected["payload_digest"],
        "signature": {one.status for one in strict.records(Signature)} == _statuses(expected),
        "docker": (docker.outcome == "accepted") == expected["docker19_fixManifestLayers"].startswith("accept"),
        "strict": (strict.outcome == "accepted") == _sound(expected, docker),
    }
    differing = {what for what, agrees in found.items() if not agrees}
    assert differing == {what for (item_name, what) in EXPLAINED if item_name == name}


def _statuses(expected: dict[str, Any]) -> set[str]:
    if expected["signature_verdict"] == "invalid" and any(one.get("signature_valid") for one in expected["signatures"]):
        return {"valid-self-asserted", "bad"}
    return {STATUS[expected["signature_verdict"]]}


def _sound(expected: dict[str, Any], docker: tk.Report) -> bool:
    return expected["signature_verdict"] == "valid" and docker.outcome == "accepted"


def layers() -> list[Any]:
    return [pytest.param(item, id=name) for name, item in truth().items() if item["kind"] == "layer-tar"]


@pytest.mark.parametrize("item", layers())
def test_layers_are_read_as_go_reads_them(item: dict[str, Any]) -> None:
    path, expected = CORPUS / item["file"], item["truth"]
    found = measure(fsops.chunks(path))
    go = item["peers"]["go archive/tar 1.19"]
    if expected["outer_compression"] == "zstd":
        docker = measure(fsops.chunks(path), as_seed=True)
        assert docker.problem is not None  # Docker 1.9 knew no zstd and took it for a damaged tar
    if "ERR" in str(go) or go.get("error") or go.get("err"):
        assert found.problem is not None
        return
    assert found.problem is None
    assert found.diff_id == expected["tar"]["diff_id"]
    assert found.tar_size == expected["tar"]["uncompressed_size"]
    assert (found.members, found.layer_size) == (go["entries"], go["sum_sizes"])


def test_a_strong_id_of_the_corpus() -> None:
    for item in truth().values():
        if item["kind"] == "v1config-fixture":
            folder = CORPUS / item["file"]
            read = {path.name: path.read_bytes().strip() for path in folder.rglob("*") if path.is_file()}
            config = tk.image_config(read["v1compatibility"], read["layer_id"].decode(), read["parent_id"].decode())
            assert config == read["expected_config"]
