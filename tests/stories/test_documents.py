"""Images of today's formats, from an index down to the layers: pulled, inspected, judged again."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
import zstandard
from support.shop import Shop, gzipped, tar_of

import toolkit as tk
from toolkit.digests import sha256
from toolkit.manifests.media_types import OCI_EMPTY, OCI_FOREIGN_LAYER, OCI_INDEX, OCI_LAYER, OCI_MANIFEST
from toolkit.records import Check, Descriptor, Layer, Manifest, Reuse
from toolkit.verification.rules import DOCUMENT_STAGES, of_stage

TABLES: Final = ("manifests", "descriptors", "checks", "layers", "reuse", "tags")
NAME: Final = "shop/app"
ATTESTATION: Final = {
    "platform": {"os": "unknown", "architecture": "unknown"},
    "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
}


def inspect(shop: Shop, asked: str = "1", **options: Any) -> tk.Report:
    separator = "@" if ":" in asked else ":"
    return tk.inspect(f"{NAME}{separator}{asked}", source=shop.transport(), **options)


def pull(shop: Shop, graph: tk.Graph, asked: str = "1", **options: Any) -> tk.Report:
    separator = "@" if ":" in asked else ":"
    return tk.pull(f"{NAME}{separator}{asked}", graph, source=shop.transport(), **options)


def refused(shop: Shop, graph: tk.Graph, **options: Any) -> tk.Report:
    with pytest.raises(tk.ToolkitError) as caught:
        pull(shop, graph, **options)
    report: tk.Report = caught.value.report
    return report


def findings(report: tk.Report) -> list[str]:
    return sorted({check.rule for check in report.findings})


def assert_rejudged_alike(report: tk.Report) -> None:
    again = tk.rejudge(report)
    assert again.outcome == report.outcome
    for table in TABLES:
        first, second = (one.frame(table).drop(columns=["pull", "seq", "at"]) for one in (report, again))
        assert first.equals(second), table


def index_of_all_kinds() -> Shop:
    shop = Shop()
    amd64, arm64 = shop.image(), shop.image(architecture="arm64", salt="arm")
    in_toto = shop.blob(b'{"_type":"https://in-toto.io/Statement/v0.1"}', "application/vnd.in-toto+json")
    config = {"os": "unknown", "architecture": "unknown", "rootfs": {"type": "layers", "diff_ids": [in_toto["digest"]]}}
    about = shop.blob(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json")
    proof = shop.document({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": about, "layers": [in_toto]})
    marked = {**proof, **ATTESTATION}
    marked["annotations"] = {**ATTESTATION["annotations"], "vnd.docker.reference.digest": amd64["digest"]}
    inner = shop.index(shop.image(os="windows", salt="win", layers=1), tag="inner")
    shop.index(amd64, arm64, marked, inner)
    return shop


def test_a_platform_is_chosen_and_every_manifest_of_the_index_is_accounted_for(graph: tk.Graph) -> None:
    shop = index_of_all_kinds()
    report = pull(shop, graph)
    assert (report.outcome, report.findings, report.pull.platform) == ("accepted", [], "linux/amd64")
    offered = [one for one in report.records(Descriptor) if one.role == "manifest"]
    assert [one.followed for one in offered] == [True, False, False, False]
    assert offered[2].reason == f"an attestation of {offered[0].digest}"
    manifests: list[Manifest] = report.records(Manifest)
    assert [(one.kind, one.parent) for one in manifests] == [("index", None), ("image", manifests[0].digest)]
    assert report.image_id == manifests[1].config_digest
    assert report.digest == manifests[0].digest
    layers: list[Layer] = report.records(Layer)
    assert [layer.disposition for layer in layers] == ["downloaded", "downloaded"]
    assert all(layer.diff_id == layer.claimed_diff_id for layer in layers)
    assert [layer.created_by for layer in layers] == ["step 0", "step 1"]
    assert "linux/arm64" in repr(report)
    assert_rejudged_alike(report)


def test_another_platform_and_all_of_them() -> None:
    shop = index_of_all_kinds()
    assert inspect(shop, platform="linux/arm64").records(Manifest)[1].digest == shop.manifest("1")["manifests"][1]["digest"]
    report = inspect(shop, platform="all")
    assert (report.outcome, report.findings) == ("accepted", [])
    assert [one.kind for one in report.records(Manifest)] == ["index", "image", "image", "artifact", "index", "image"]
    assert set(report.layers["image"]) == {f"localhost/{NAME}@{one['digest']}" for one in shop.manifest("1")["manifests"][:3]} | {
        f"localhost/{NAME}@{shop.manifest('inner')['manifests'][0]['digest']}"
    }
    assert {check.rule for check in report.records(Check)} == {rule.slug for rule in of_stage(*DOCUMENT_STAGES)}
    assert_rejudged_alike(report)


def test_a_platform_that_is_not_there_cannot_be_decided(graph: tk.Graph) -> None:
    report = inspect(index_of_all_kinds(), platform="plan9/mips")
    assert (report.outcome, findings(report)) == ("undecided", ["platform-available"])
    assert report.findings[0].actual == "windows/amd64"  # of the index within, which names no platform itself
    assert refused(index_of_all_kinds(), graph, platform="plan9/mips").outcome == "undecided"
    with pytest.raises(tk.errors.UsageError, match="is not a platform"):
        inspect(index_of_all_kinds(), platform="linux")


def test_layers_that_are_here_are_found_by_chain_id_and_verified(graph: tk.Graph) -> None:
    shop = Shop()
    shop.image("1")
    shop.image("2", layers=3)
    first, again = pull(shop, graph), pull(shop, graph)
    assert [one.outcome for one in first.records(Reuse)] == ["missing", "missing"]
    assert [one.outcome for one in again.records(Reuse)] == ["reused", "reused"]
    assert [layer.disposition for layer in again.records(Layer)] == ["present", "present"]
    assert (first.pull.status, again.pull.status) == (
        f"Downloaded newer image for localhost/{NAME}:1",
        f"Image is up to date for localhost/{NAME}:1",
    )
    other = pull(shop, graph, "2")
    assert [one.outcome for one in other.records(Reuse)] == ["reused", "reused", "missing"]
    for report in (first, again, other):
        assert_rejudged_alike(report)


def test_a_layer_that_rotted_in_the_graph_is_fetched_again(graph: tk.Graph) -> None:
    shop = Shop()
    shop.image("1")
    digest = pull(shop, graph).records(Layer)[0].blob_digest
    path = graph.blobs.path(digest)
    assert path is not None
    path.chmod(0o644)
    path.write_bytes(b"rotten")
    report = pull(shop, graph)
    decision: Reuse = report.records(Reuse)[0]
    assert (decision.outcome, sha256(b"rotten") in decision.reason) == ("invalid", True)
    assert [layer.disposition for layer in report.records(Layer)] == ["downloaded", "present"]
    assert graph.blobs.is_intact(digest)
    assert_rejudged_alike(report)


def test_the_same_content_in_other_bytes_is_not_taken_for_the_bytes_that_are_named(graph: tk.Graph) -> None:
    shop = Shop()
    shop.image("1", layers=1)
    pull(shop, graph)
    manifest = shop.manifest("1")
    layer = shop.blob(zstandard.ZstdCompressor().compress(tar_of("0")), f"{OCI_LAYER}+zstd")
    shop.document({**manifest, "layers": [layer]}, "2")
    report = pull(shop, graph, "2")
    decision: Reuse = report.records(Reuse)[0]
    assert (decision.outcome, decision.found) == ("not-considered", True)
    assert report.records(Layer)[0].compression == "zstd"


def test_a_schema1_pull_brings_blobs_that_are_known_later(graph: tk.Graph) -> None:
    shop = Shop()
    shop.image("1", layers=1)
    graph.prepare()
    graph.blobs.add(gzipped(tar_of("0")))
    decision: Reuse = pull(shop, graph).records(Reuse)[0]
    assert (decision.outcome, decision.found) == ("reused", False)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_the_digest_may_be_either_of_two(graph: tk.Graph, algorithm: str) -> None:
    shop = Shop(algorithm=algorithm)
    asked = shop.image()["digest"]
    report = pull(shop, graph, asked)
    assert (report.outcome, report.findings, report.digest) == ("accepted", [], asked)
    assert graph.blobs.path(asked) is not None
    assert_rejudged_alike(report)


def test_diff_ids_may_be_sha512() -> None:
    shop = Shop()
    shop.image("1", layers=1)
    manifest = shop.manifest("1")
    config = json.loads(shop.blobs[manifest["config"]["digest"]])
    config["rootfs"]["diff_ids"] = ["sha512:" + __import__("hashlib").sha512(tar_of("0")).hexdigest()]
    shop.document({**manifest, "config": shop.blob(json.dumps(config).encode(), manifest["config"]["mediaType"])}, "1")
    report = inspect(shop)
    assert (report.outcome, report.findings) == ("accepted", [])


def test_an_artifact_is_no_image(graph: tk.Graph) -> None:
    shop = Shop()
    empty = shop.blob(b"{}", OCI_EMPTY)
    content = shop.blob(b"anything", "text/x-anything")
    shop.document(
        {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "a/b", "config": empty, "layers": [content]}, "1"
    )
    report = pull(shop, graph)
    assert (report.outcome, report.findings) == ("accepted", [])
    assert (report.records(Manifest)[0].kind, report.image_id) == ("artifact", report.digest)
    assert {check.outcome for check in report.records(Check) if check.rule in ("diff-id", "config-json")} == {"skipped"}
    assert_rejudged_alike(report)


def test_a_manifest_without_configuration_is_an_artifact_of_before() -> None:
    shop = Shop()
    shop.document({"schemaVersion": 2, "artifactType": "a/b", "blobs": [shop.blob(b"anything", "text/x-anything")]}, "1")
    report = inspect(shop)
    assert (report.outcome, report.records(Manifest)[0].kind) == ("accepted", "artifact")


def test_a_foreign_layer_is_not_fetched(graph: tk.Graph) -> None:
    shop = Shop()
    shop.image("1", layers=1)
    manifest = shop.manifest("1")
    foreign = {**manifest["layers"][0], "mediaType": f"{OCI_FOREIGN_LAYER}+gzip", "urls": ["https://example.test/layer"]}
    shop.document({**manifest, "layers": [foreign]}, "1")
    report = pull(shop, graph)
    assert (report.outcome, report.findings) == ("accepted", [])
    assert [layer.disposition for layer in report.records(Layer)] == ["foreign"]
    assert report.records(Descriptor)[1].urls == "https://example.test/layer"
    assert not any("/blobs/" + foreign["digest"] in path for path in shop.asked)
    assert_rejudged_alike(report)


def test_a_child_that_is_missing_is_a_finding_and_one_that_cannot_be_had_is_trouble(graph: tk.Graph) -> None:
    shop = index_of_all_kinds()
    child = shop.manifest("1")["manifests"][0]["digest"]
    shop.status[child] = 404
    report = inspect(shop)
    assert (report.outcome, findings(report)) == ("rejected", ["blob-present"])
    assert_rejudged_alike(report)
    shop.status[child] = 500
    report = inspect(shop)
    assert (report.outcome, findings(report)) == ("undecided", [])
    assert_rejudged_alike(report)
    assert refused(shop, graph).outcome == "undecided"


def test_a_layer_and_a_configuration_that_cannot_be_had_are_trouble(graph: tk.Graph) -> None:
    shop = Shop()
    shop.image("1")
    for digest in (shop.manifest("1")["layers"][0]["digest"], shop.manifest("1")["config"]["digest"]):
        shop.status = {digest: 500}
        report = refused(shop, graph)
        assert (report.outcome, findings(report)) == ("undecided", [])
        assert_rejudged_alike(report)


def test_an_index_that_leads_to_itself_or_too_deep_ends() -> None:
    shop = Shop()
    inner = shop.image()
    for level in range(6):
        inner = {key: value for key, value in shop.index(inner, tag=str(level)).items() if key != "platform"}
    report = inspect(shop, "5")
    assert (report.outcome, findings(report)) == ("undecided", ["descriptor-limits"])
    body = json.dumps({"schemaVersion": 2, "manifests": [{"mediaType": OCI_INDEX, "digest": "sha256:" + "a" * 64, "size": 1}]})
    shop.documents["sha256:" + "a" * 64] = (body.encode(), {})
    shop.documents["cycle"] = (body.encode(), {})
    report = inspect(shop, "cycle", platform="all")
    assert (report.outcome, findings(report)) == ("rejected", ["descriptor-size", "manifest-digest"])
    assert len(report.manifests) == 2


def test_a_refused_document_stops_a_pull_and_not_an_audit(graph: tk.Graph) -> None:
    shop = Shop()
    shop.image("1", config={"mediaType": OCI_EMPTY})
    report = refused(shop, graph)
    assert (report.outcome, findings(report)) == ("rejected", ["descriptors-readable"])
    assert {check.outcome for check in report.records(Check) if check.rule == "layer-readable"} == {"skipped"}
    assert [layer.disposition for layer in report.records(Layer)] == ["not-needed", "not-needed"]
    audit = inspect(shop)
    assert [layer.disposition for layer in audit.records(Layer)] == ["downloaded", "downloaded"]
    for one in (report, audit):
        assert_rejudged_alike(one)


def test_a_refused_configuration_stops_a_pull_before_the_layers(graph: tk.Graph) -> None:
    shop = Shop()
    shop.image("1")
    shop.blobs[shop.manifest("1")["config"]["digest"]] += b" "
    report = refused(shop, graph)
    assert (report.outcome, findings(report)) == ("rejected", ["descriptor-size"])
    assert not any(layer["digest"] in path for path in shop.asked for layer in shop.manifest("1")["layers"])
    assert graph.tags.all() == {}
    assert_rejudged_alike(report)


def test_a_manifest_in_hand_is_judged_alone() -> None:
    shop = Shop()
    shop.image("1")
    body = shop.documents["1"][0]
    report = tk.judge(body, sha256(body))
    assert (report.outcome, report.findings) == ("accepted", [])
    assert len(report.layers) == 2
    assert {check.rule for check in report.records(Check)} == {rule.slug for rule in of_stage(*DOCUMENT_STAGES)}
    assert_rejudged_alike(report)
    report = tk.judge(body + b" ", sha256(body))
    assert (report.outcome, findings(report)) == ("rejected", ["manifest-digest"])
    index = index_of_all_kinds().documents["1"][0]
    assert len(tk.judge(index, "x:1").descriptors) == 4


@pytest.mark.parametrize("part", ["manifest", "config", "layer"])
def test_no_single_byte_can_be_changed(part: str) -> None:
    shop = Shop()
    digest = shop.image("1", layers=1)["digest"]
    manifest = shop.manifest("1")
    accepted = []
    original = {
        "manifest": shop.documents[digest][0],
        "config": shop.blobs[manifest["config"]["digest"]],
        "layer": shop.blobs[manifest["layers"][0]["digest"]],
    }[part]
    for position in range(0, len(original), 7):
        changed = bytearray(original)
        changed[position] ^= 1
        if part == "manifest":
            shop.documents[digest] = (bytes(changed), shop.documents[digest][1])
        else:
            name = manifest["config"] if part == "config" else manifest["layers"][0]
            shop.blobs[name["digest"]] = bytes(changed)
        if inspect(shop, digest).outcome == "accepted":
            accepted.append(position)
    assert accepted == []


def test_what_refers_to_an_image_is_listed_and_how_it_was_found() -> None:
    shop = Shop()
    image = shop.image("1")
    about = {key: value for key, value in image.items() if key != "platform"}
    empty = shop.blob(b"{}", OCI_EMPTY)
    signature = shop.document(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": "application/vnd.example.signature",
            "config": empty,
            "layers": [shop.blob(b"signed", "text/x-signature")],
            "subject": about,
        }
    )
    assert [one for one in inspect(shop, referrers=True).records(Descriptor) if one.role == "referrer"] == []
    shop.index({**signature, "artifactType": "application/vnd.example.signature"}, tag=image["digest"].replace(":", "-"))
    report = inspect(shop, referrers=True)
    [referrer] = [one for one in report.records(Descriptor) if one.role == "referrer"]
    assert (referrer.digest, referrer.document, referrer.reason) == (
        signature["digest"],
        image["digest"],
        "found under the fallback tag",
    )
    assert "referrer" in repr(report)
    source = tk.open_source(tk.simulator.serve([tk.simulator.CASES["oci-with-referrer"]]))
    report = tk.inspect("lab/oci-with-referrer:1", source=source, referrers=True)
    assert [one.reason for one in report.records(Descriptor) if one.role == "referrer"] == ["found by the referrers API"]


def test_the_ages_of_an_image_are_asked_of_one_image() -> None:
    shop = index_of_all_kinds()
    ages = tk.analysis.identity_ages(inspect(shop))
    assert ages["created_by"].tolist() == ["step 0", "step 1"]
    assert not ages["empty"].any()
    assert ages["chain_id"].tolist() == inspect(shop).layers["chain_id"].tolist()
    assert tk.plots.identity_ages(ages).get_title() == ""
    assert "2 steps" in repr(tk.plots.picture(tk.plots.identity_ages(ages)))
    with pytest.raises(tk.errors.UsageError, match="the ages of what"):
        tk.analysis.identity_ages(inspect(shop, platform="all"))
    with pytest.raises(tk.errors.ToolkitError):
        tk.analysis.identity_ages(inspect(shop, platform="plan9/mips"))


def test_a_chain_entry_that_cannot_be_read_is_no_entry(graph: tk.Graph) -> None:
    shop = Shop()
    shop.image("1", layers=1)
    chain_id = pull(shop, graph).records(Layer)[0].chain_id
    assert chain_id is not None
    path = graph.layout.root / "chains" / "sha256" / chain_id[7:]
    assert json.loads(path.read_text())["diff_id"] == chain_id
    path.write_text("{")
    assert graph.chains.get(chain_id) is None
    assert pull(shop, graph).records(Reuse)[0].found is False
    assert graph.chains.get(chain_id) is not None


def test_a_source_without_names_pulls_into_the_index_only(graph: tk.Graph, tmp_path: Any) -> None:
    folder = tmp_path / "layout"
    shop = Shop()
    about = {key: value for key, value in shop.image("1").items() if key != "platform"}
    for digest, data in {**shop.blobs, about["digest"]: shop.documents["1"][0]}.items():
        path = folder / "blobs" / digest.replace(":", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [about]}))
    report = tk.pull(None, graph, source=folder)
    assert (report.outcome, report.findings, len(report.tags)) == ("accepted", [], 0)
    assert graph.tags.all() == {}
    assert_rejudged_alike(report)
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [{**about, "size": 3}]}))
    assert findings(tk.inspect(source=folder)) == ["descriptor-size"]
