"""Decisions taken again, from what was kept alone."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from support.routes import routes_of
from support.scripted_server import Route, ScriptedServer

import toolkit as tk
from toolkit.digests import sha256
from toolkit.ledger.lines import Evidence
from toolkit.pulling import evidence
from toolkit.pulling.consulted import ConsultedGraph
from toolkit.simulator.images import layer_blob, stored_gzip
from toolkit.simulator.teaching import clean_image, prepare_graph
from toolkit.sources.protocol import Source

IMAGE = clean_image()
TOP = IMAGE.document["fsLayers"][0]["blobSum"]
DECIDED = ("manifests", "signatures", "checks", "layers", "strong_ids", "reuse", "tags")


def same_decisions(first: tk.Report, again: tk.Report) -> None:
    for table in DECIDED:
        left, right = (one.frame(table).drop(columns=["pull", "seq", "at"]) for one in (first, again))
        assert left.equals(right), table
    assert (again.outcome, again.error, again.image_id) == (first.outcome, first.error, first.image_id)


@pytest.mark.parametrize("name", ["legacy", "legacy-base-only", "legacy-without-checksums", "damaged"])
@pytest.mark.parametrize("policy", ["strict", "docker-1.9"])
def test_a_graph_that_has_changed_since_is_remembered_as_it_was(
    graph: tk.Graph, teaching: Source, name: str, policy: str
) -> None:
    prepare_graph(graph, name)
    reference = "teach/clean:1" if name == "damaged" else "teach/legacy:1"
    first = tk.pull(reference, graph, source=teaching, policy=policy)
    second = tk.pull(reference, graph, source=teaching, policy=policy)
    later = tk.Ledger.load(graph.layout.ledger)
    for report in (first, second):
        same_decisions(report, tk.rejudge(tk.Report(later, report.call, graph=graph)))


@pytest.mark.parametrize("policy", ["strict", "docker-1.9"])
@pytest.mark.parametrize(
    "changed",
    [
        Route(path=f"/v2/teach/clean/blobs/{TOP}", status=503),
        Route(path=f"/v2/teach/clean/blobs/{TOP}", status=404),
        Route(path=f"/v2/teach/clean/blobs/{TOP}", headers={"Content-Length": "99999"}, body=b"cut"),
        Route(path=f"/v2/teach/clean/blobs/{TOP}", body=b"another"),
    ],
    ids=["503", "404", "cut", "another"],
)
def test_what_went_wrong_on_the_wire_goes_wrong_again(graph: tk.Graph, policy: str, changed: Route) -> None:
    with ScriptedServer() as server:
        server.routes = [changed, *routes_of(IMAGE)]
        with pytest.raises(tk.ToolkitError) as caught:
            tk.pull(f"{server.host}/teach/clean:1", graph, policy=policy)
        inspected = tk.inspect(f"{server.host}/teach/clean:1", graph=graph, policy=policy)
    later = tk.Ledger.load(graph.layout.ledger)
    for report in (caught.value.report, inspected):
        again = tk.rejudge(tk.Report(later, report.call, graph=graph))
        for table in DECIDED:
            left, right = (one.frame(table).drop(columns=["pull", "seq", "at"]) for one in (report, again))
            assert left.equals(right), table
        assert again.outcome == report.outcome


def test_a_rotten_blob_of_the_graph_is_remembered(graph: tk.Graph, teaching: Source) -> None:
    tk.pull("teach/clean:1", graph, source=teaching)
    path = graph.blobs.path(TOP)
    assert path is not None
    path.chmod(0o600)
    path.write_bytes(b"rotten")
    report = tk.pull("teach/clean:1", graph, source=teaching)
    assert report.mismatches["rule"].tolist() == ["graph-blob-intact"]
    same_decisions(report, tk.rejudge(report))


@pytest.mark.parametrize("name", ["layer-unreadable", "blob-missing", "layer-dropped", "base-with-parent-id"])
@pytest.mark.parametrize("policy", ["strict", "docker-1.9"])
def test_what_was_found_inside_a_layer_is_found_again(graph: tk.Graph, teaching: Source, name: str, policy: str) -> None:
    report = tk.inspect(f"teach/tampered:{name}", graph=graph, source=teaching, policy=policy)
    later = tk.Report(tk.Ledger.load(graph.layout.ledger), report.call, graph=graph)
    same_decisions(report, tk.rejudge(later))


def test_a_path_that_stands_twice_is_found_again_without_the_bytes() -> None:
    tar = layer_blob({"a": b"1"}, gzip=False)[:1024] + layer_blob({"a": b"2"}, gzip=False)
    blob = stored_gzip(tar)
    layers = [{"blobSum": sha256(blob)}, *IMAGE.document["fsLayers"][1:]]
    image = replace(IMAGE.changed(fsLayers=layers), blobs={**IMAGE.blobs, sha256(blob): blob})
    with ScriptedServer() as server:
        server.routes = routes_of(image)
        report = tk.inspect(f"{server.host}/teach/clean:1")
    assert report.mismatches["rule"].tolist() == ["layer-paths-unique"]
    same_decisions(report, tk.rejudge(report))


@pytest.mark.parametrize("policy", ["strict", "docker-1.9"])
def test_an_image_of_the_graph_that_was_not_the_one_meant_is_refused_again(
    graph: tk.Graph, teaching: Source, policy: str
) -> None:
    """A legacy image without its parents makes Docker leave every parent out; the images above then do not fit."""
    top = tk.pull("teach/clean:1", graph, source=teaching, policy=policy).image_id or ""
    base = json.loads(IMAGE.document["history"][-1]["v1Compatibility"])
    graph.register_legacy(json.dumps({**base, "parent": "9" * 64}).encode())
    (graph.layout.image(top) / "checksum").write_text("sha256:" + "0" * 64)
    try:
        report = tk.pull("teach/clean:1", graph, source=teaching, policy=policy)
    except tk.VerificationError as error:
        report = error.report
    assert report.outcome == {"strict": "accepted", "docker-1.9": "rejected"}[policy]
    same_decisions(report, tk.rejudge(report))


def test_all_tags_are_judged_again_each_under_its_own_name(graph: tk.Graph, teaching: Source) -> None:
    report = tk.pull("teach/clean", graph, source=teaching, all_tags=True)
    same_decisions(report, tk.rejudge(report))


def test_exceptions_are_remembered(graph: tk.Graph, teaching: Source) -> None:
    report = tk.pull("teach/tampered:another-tag", graph, source=teaching, accept=["manifest-tag"])
    same_decisions(report, tk.rejudge(report))
    without = tk.rejudge(report, policy="strict")
    assert without.outcome == "rejected"
    assert without.error is not None
    assert without.error["code"] == "manifest-tag"


@pytest.mark.parametrize(("policy", "other"), [("strict", "docker-1.9"), ("docker-1.9", "strict")])
def test_a_judgement_in_hand_is_taken_again(policy: str, other: str) -> None:
    report = tk.judge(IMAGE.payload, "story.example/teach/clean:1", policy)
    same_decisions(report, tk.rejudge(report))
    assert tk.rejudge(report, policy=other).outcome != report.outcome


def test_evidence_that_was_not_kept_is_said_to_be_missing(graph: tk.Graph, teaching: Source) -> None:
    report = tk.pull("teach/clean:1", graph, source=teaching)
    with pytest.raises(tk.errors.LedgerError):
        tk.rejudge(tk.Report(tk.Ledger.load(graph.layout.ledger), report.call))


def test_evidence_without_a_manifest_is_no_evidence(teaching: Source) -> None:
    ledger = tk.Ledger()
    report = tk.inspect("teach/clean:1", source=teaching)
    call = ledger.open_call()
    call.note(report.pull, Evidence(evidence.BLOB, {}))
    with pytest.raises(tk.errors.LedgerError, match="evidence without a manifest"):
        tk.rejudge(tk.Report(ledger, call.name))


def test_a_call_that_got_no_manifest_is_as_undecided_as_before(graph: tk.Graph, teaching: Source) -> None:
    with pytest.raises(tk.errors.NotFoundError) as caught:
        tk.pull("teach/clean:none", graph, source=teaching)
    again = tk.rejudge(caught.value.report)
    assert again.outcome == "undecided"
    assert len(again.checks) == 0


def test_bytes_that_changed_since_are_judged_as_they_are_now(graph: tk.Graph, teaching: Source) -> None:
    report = tk.pull("teach/clean:1", graph, source=teaching)
    path = graph.blobs.path(TOP)
    assert path is not None
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    again = tk.rejudge(report)
    assert again.outcome == "rejected"
    assert again.mismatches["rule"].tolist() == ["blob-digest"]


# -- the graph that remembers ------------------------------------------------------------------------------------


def test_every_answer_of_the_graph_is_kept_once(graph: tk.Graph) -> None:
    there, absent = "a" * 64, "b" * 64
    graph.register_legacy(b'{"id":"' + there.encode() + b'"}')
    view = ConsultedGraph(graph)
    assert (there in view, absent in view) == (True, False)
    assert view[there] == graph[there]
    with pytest.raises(KeyError):
        _ = view[absent]
    assert view.consulted == {there: graph[there], absent: None}
    (graph.layout.image(there) / "json").write_text("changed since")
    assert view[there] != graph[there]


def test_a_question_about_all_images_makes_every_one_count(graph: tk.Graph) -> None:
    ids = ["a" * 64, "b" * 64]
    for image_id in ids:
        graph.register_legacy(b'{"id":"' + image_id.encode() + b'"}')
    view = ConsultedGraph(graph)
    assert len(view) == 2
    assert view.consulted == {}
    assert list(view) == ids
    assert list(view.consulted) == ids
