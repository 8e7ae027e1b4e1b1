"""Each rule that no tampering of the simulator trips is tripped here, alone, and named."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from support.certificates import chain, self_signed

import toolkit as tk
from toolkit.digests import sha256
from toolkit.manifests.raw import RawManifest
from toolkit.records import Check
from toolkit.simulator.images import LayerRecipe, SimulatedImage, build_image, edit_history, layer_blob, stored_gzip
from toolkit.simulator.signing import SigningKey, signature_entry, wrap
from toolkit.simulator.tampering import Served, honest
from toolkit.simulator.teaching import clean_image, duplicate_image, legacy_image
from toolkit.sources.static_registry import StaticManifest, StaticRegistry


def served(image: SimulatedImage, given: Served | None = None) -> StaticRegistry:
    registry = StaticRegistry("story.example")
    one = given or honest(image)
    registry.add(image.repository, image.tag, StaticManifest(body=one.body, digest=one.digest), one.blobs)
    return registry


def findings(report: tk.Report) -> list[str]:
    return [check.rule for check in report.findings]


def judged(body: bytes, asked: str = "teach/clean:1", policy: str = "strict") -> tk.Report:
    return tk.judge(body, f"story.example/{asked}", policy)


def test_a_body_that_is_no_manifest() -> None:
    report = judged(b"<html>")
    assert findings(report) == ["manifest-json"]
    assert report.error == {"code": "manifest-json", "message": "invalid character '<' looking for beginning of value"}
    assert all(check.outcome != "passed" for check in report.records(Check))


def test_certificates_that_do_not_belong_together() -> None:
    image = clean_image()
    payload = image.payload
    length = len(payload) - 2
    key = SigningKey("certified", "P-256")
    entry = signature_entry(payload, key, length, b"\n}")

    def with_certificates(certificates: list[str]) -> bytes:
        return wrap(payload, [{**entry, "header": {"alg": "ES256", "x5c": certificates}}])

    assert findings(judged(with_certificates([self_signed(key)]))) == []
    assert findings(judged(with_certificates(chain(key, SigningKey("issuer"))))) == []
    leaf, _ = chain(key, SigningKey("issuer"))
    assert findings(judged(with_certificates([leaf]))) == []  # its issuer is not here: nothing to compare
    report = judged(with_certificates([leaf, self_signed(SigningKey("stranger"))]))
    assert findings(report) == ["signature-certificate"]
    both = wrap(payload, [{**entry, "header": {**entry["header"], "x5c": [self_signed(SigningKey("certified two"))]}}])
    assert "signature-certificate" in findings(judged(both))


def test_a_colon_that_makes_no_digest() -> None:
    report = judged(clean_image().body, "teach/clean@md5:0123456789abcdef", "docker-1.9")
    assert findings(report) == ["reference-digest"]
    assert report.outcome == "accepted"
    with pytest.raises(tk.errors.ReferenceSyntaxError):
        judged(clean_image().body, "teach/clean@md5:0123456789abcdef")


def test_another_manifest_than_the_one_asked_for() -> None:
    image = clean_image()
    report = judged(image.body, "teach/clean@sha256:" + "0" * 64)
    assert findings(report) == ["manifest-digest"]
    assert report.error == {"code": "manifest-digest", "message": f"image verification failed for digest sha256:{'0' * 64}"}
    assert judged(image.body, f"teach/clean@{image.digest}").outcome == "accepted"


@pytest.mark.parametrize("version", [0, 2, -1])
def test_another_schema_version(version: int) -> None:
    report = judged(clean_image().changed(schemaVersion=version).body)
    assert findings(report) == ["schema-version"]
    assert report.error is not None
    assert report.error["message"] == f'unsupported schema version {version} for tag "1"'


def test_no_layers() -> None:
    assert findings(judged(clean_image().changed(fsLayers=[], history=[]).body)) == ["layers-present"]


def test_a_header_that_names_something_else() -> None:
    body = RawManifest(body=clean_image().body, header_digest="sha256:" + "1" * 64)
    report = tk.judge(body, "story.example/teach/clean:1")
    assert findings(report) == ["header-digest"]
    assert report.outcome == "rejected"
    by_digest = tk.judge(body, f"story.example/teach/clean@{clean_image().digest}")
    assert (findings(by_digest), by_digest.outcome) == (["header-digest"], "accepted")


@pytest.mark.parametrize(("text", "rule"), [("{", "history-json"), ('{"id":1}', "history-json"), ("{}", "image-id-syntax")])
def test_a_history_entry_that_is_no_image(text: str, rule: str) -> None:
    image = clean_image()
    history = [*image.document["history"]]
    history[1] = {"v1Compatibility": text}
    assert findings(judged(image.changed(history=history).body)) == [rule]


def test_a_history_entry_with_two_readings() -> None:
    image = clean_image()
    history = [*image.document["history"]]
    history[0] = {"v1Compatibility": history[0]["v1Compatibility"].replace('"os":', '"os":"plan9","os":')}
    report = judged(image.changed(history=history).body)
    assert findings(report) == ["history-unambiguous"]


def test_a_known_name_in_another_spelling() -> None:
    image = clean_image()
    report = judged(edit_history(image, 0, os=None, OS="linux").body)
    assert findings(report) == ["history-key-case"]
    assert report.outcome == "accepted"


def test_an_identity_name_in_another_spelling() -> None:
    image = clean_image()
    report = judged(edit_history(image, 0, PARENT="0" * 64).body)
    assert "history-identity-names" in findings(report)
    assert report.outcome == "rejected"


def test_a_duplicate_with_another_history() -> None:
    image = duplicate_image()
    history = [dict(entry) for entry in image.document["history"]]
    record = json.loads(history[0]["v1Compatibility"])
    history[0]["v1Compatibility"] = json.dumps({**record, "author": "somebody else"})
    report = judged(image.changed(history=history).body, "teach/duplicates:1")
    assert findings(report) == ["duplicate-same-history"]
    assert report.outcome == "accepted"


def test_a_layer_without_a_digest() -> None:
    image = clean_image()
    layers = [{"blobSum": "sha256:xyz"}, *image.document["fsLayers"][1:]]
    report = judged(image.changed(fsLayers=layers).body)
    assert findings(report) == ["image-config", "layer-digest-supported"]
    assert report.error == {"code": "image-config", "message": "invalid layerID: invalid checksum digest format"}


# -- the graph ---------------------------------------------------------------------------------------------------


def test_a_legacy_image_whose_parents_are_lost(graph: tk.Graph) -> None:
    """W1: Docker 1.9 then leaves every parent out; strict only stops the reuse."""
    image = clean_image()
    base = json.loads(image.document["history"][-1]["v1Compatibility"])
    graph.register_legacy(json.dumps({**base, "parent": "9" * 64}).encode())
    docker = tk.pull("teach/clean:1", graph, source=served(image), policy="docker-1.9")
    assert findings(docker) == ["graph-history-chain"]
    assert docker.strong_ids["final_parent"].tolist() == ["", "", ""]
    assert graph[docker.image_id or ""].parent == b""
    fresh = tk.Graph.temporary()
    fresh.register_legacy(json.dumps({**base, "parent": "9" * 64}).encode())
    strict = tk.pull("teach/clean:1", fresh, source=served(image))
    assert findings(strict) == ["graph-history-chain"]
    assert strict.strong_ids["final_parent"].tolist() == ["", *strict.strong_ids["final_id"].tolist()[:-1]]
    assert fresh[strict.image_id or ""].parent is None


def test_parents_that_go_in_a_circle(graph: tk.Graph) -> None:
    """Docker 1.9 would wait for itself for ever: a typed error instead."""
    image = clean_image()
    records = [json.loads(entry["v1Compatibility"]) for entry in image.document["history"]]
    graph.register_legacy(json.dumps({**records[2], "parent": records[1]["id"]}).encode())
    graph.register_legacy(json.dumps({**records[1], "parent": records[2]["id"]}).encode())
    with pytest.raises(tk.errors.GraphError) as caught:
        tk.pull("teach/clean:1", graph, source=served(image), policy="docker-1.9")
    assert caught.value.code == "seed-hang"
    strict = tk.pull("teach/clean:1", graph, source=served(image))
    assert findings(strict) == ["graph-history-chain"]


def test_an_image_that_lost_its_checksum(graph: tk.Graph) -> None:
    """W10: it can never be validated again, and IDs move from there up."""
    first = tk.pull("teach/clean:1", graph, source=served(clean_image()))
    base = first.strong_ids["final_id"].iloc[0]
    (graph.layout.image(base) / "checksum").unlink()
    second = tk.pull("teach/clean:1", graph, source=served(clean_image()))
    # The images above are invalid too, for the ID below them has moved; only the base has lost a file.
    assert findings(second) == ["graph-image-valid", "graph-image-complete", "graph-image-valid", "graph-image-valid"]
    assert second.outcome == "accepted"
    assert second.reuse.query("kind == 'permuted'")["outcome"].tolist() == ["free", "free", "free"]
    third = tk.pull("teach/clean:1", graph, source=served(clean_image()))
    assert third.image_id == second.image_id
    assert third.reuse.query("kind == 'permuted'")["outcome"].tolist() == ["kept", "kept", "kept"]


def test_an_image_that_is_not_the_one_meant(graph: tk.Graph) -> None:
    """After W1 an image can stand under its strong ID with another chain below it."""
    image = clean_image()
    tk.pull("teach/clean:1", graph, source=served(image), policy="docker-1.9")
    base = json.loads(image.document["history"][-1]["v1Compatibility"])
    graph.register_legacy(json.dumps({**base, "parent": "9" * 64}).encode())
    top = tk.pull("teach/clean:1", tk.Graph.temporary(), source=served(image)).image_id or ""
    (graph.layout.image(top) / "checksum").write_text("sha256:" + "0" * 64)
    with pytest.raises(tk.VerificationError) as caught:
        tk.pull("teach/clean:1", graph, source=served(image), policy="docker-1.9")
    assert caught.value.code == "image-still-valid"
    assert caught.value.message.startswith("image validation failed: digest mismatch: ")
    assert len(caught.value.report.layers) == 3


def test_a_blob_of_the_graph_that_has_changed(graph: tk.Graph) -> None:
    image = clean_image()
    tk.pull("teach/clean:1", graph, source=served(image))
    digest = image.document["fsLayers"][0]["blobSum"]
    path = graph.blobs.path(digest)
    assert path is not None
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    report = tk.pull("teach/clean:1", graph, source=served(image))
    assert findings(report) == ["graph-blob-intact"]
    assert report.outcome == "accepted"
    assert report.layers.query("position == 2")["disposition"].tolist() == ["downloaded"]
    assert graph.blobs.is_intact(digest)
    own = report.mismatches["actual"].iloc[0]
    assert sha256(report.evidence(own)) == own


# -- blobs -------------------------------------------------------------------------------------------------------


def test_fewer_bytes_than_announced(graph: tk.Graph) -> None:
    class Boasting(StaticRegistry):
        def answer(self, method: str, path: str) -> Any:
            answer = super().answer(method, path)
            if "/blobs/" in path:
                return replace(answer, headers={**answer.headers, "Content-Length": "99999"})
            return answer

    honest_one = served(clean_image())
    boasting = Boasting("story.example", honest_one.manifests, honest_one.blobs)
    report = tk.inspect("teach/clean:1", source=boasting)
    assert set(findings(report)) == {"blob-size"}
    assert report.outcome == "undecided"  # cut on the way, or never there: nobody can tell


def test_a_path_that_stands_twice() -> None:
    image = clean_image()
    tar = layer_blob({"a": b"1"}, gzip=False)[:1024] + layer_blob({"a": b"2"}, gzip=False)
    blob = stored_gzip(tar)
    layers = [{"blobSum": sha256(blob)}, *image.document["fsLayers"][1:]]
    changed = image.changed(fsLayers=layers)
    one = honest(changed)
    report = tk.inspect("teach/clean:1", source=served(changed, replace(one, blobs={**one.blobs, sha256(blob): blob})))
    assert findings(report) == ["layer-paths-unique"]
    assert report.error is not None
    assert report.error["message"] == ('ApplyLayer duplicates of file paths not supported stdout: {"layerSize":2}\n stderr: ')


# -- tags --------------------------------------------------------------------------------------------------------


def test_a_tag_that_moved_to_an_image_already_there(graph: tk.Graph) -> None:
    """W6: Docker 1.9 calls it up to date; strict says that the image is newer."""
    one, two = clean_image("1"), clean_image("2")
    for policy, newer, found in (("docker-1.9", False, ["tag-moved"]), ("strict", True, [])):
        target = tk.Graph.temporary()
        registry = served(one)
        registry.manifests["teach/clean"]["2"] = served(two).manifests["teach/clean"]["2"]
        registry.blobs.update(two.blobs)
        tk.pull("teach/clean:1", target, source=registry, policy=policy)
        tk.pull("teach/clean:2", target, source=registry, policy=policy)
        moved = two.changed(tag="1")
        registry.manifests["teach/clean"]["1"] = StaticManifest(body=moved.body, digest=moved.digest)
        report = tk.pull("teach/clean:1", target, source=registry, policy=policy)
        assert findings(report) == found
        assert report.newer is newer
        assert report.tags["newer"].tolist() == [newer]
        assert report.tags["old_id"].iloc[0] != report.tags["new_id"].iloc[0]


def test_a_base_with_a_foreign_parent_id_registers_one_more_copy_each_time(graph: tk.Graph) -> None:
    """W9: under docker-1.9 the image never validates, and every pull registers another permuted copy."""
    image = edit_history(build_image("teach/w9", "1", [LayerRecipe("ADD", {"a": b"1"})]), 0, parent_id="sha256:" + "9" * 64)
    seen: set[str] = set()
    for number in range(3):
        report = tk.pull("teach/w9:1", graph, source=served(image), policy="docker-1.9")
        assert "base-without-parent-id" in findings(report)
        seen.add(report.image_id or "")
        assert len(graph) == len(seen) == number + 1
    with pytest.raises(tk.VerificationError) as caught:
        tk.pull("teach/w9:1", graph, source=served(image))
    assert caught.value.code == "base-without-parent-id"


def test_a_reference_that_is_no_digest_dies_at_the_tag_and_leaves_its_layers(graph: tk.Graph) -> None:
    """W12: Docker 1.9 pulls fully and fails when it sets the reference."""
    image = legacy_image()
    registry = served(image)
    registry.manifests["teach/legacy"]["md5:0123456789abcdef"] = registry.manifests["teach/legacy"]["1"]
    with pytest.raises(tk.errors.TagError) as caught:
        tk.pull("teach/legacy@md5:0123456789abcdef", graph, source=registry, policy="docker-1.9")
    assert caught.value.message == "unsupported digest algorithm"
    assert len(graph) == 3
    assert findings(caught.value.report) == ["reference-digest"]
