"""An inspection judges everything, registers nothing, and raises for no finding."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.routes import nobody, routes_of
from support.scripted_server import Route, ScriptedServer

import toolkit as tk
from toolkit.records import Check
from toolkit.simulator.tampering import TAMPERINGS
from toolkit.simulator.teaching import clean_image
from toolkit.sources.protocol import Source
from toolkit.verification.rules import SCHEMA1_STAGES, of_stage

IMAGE = clean_image()
TOP = IMAGE.document["fsLayers"][0]["blobSum"]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A registry to be scripted."""
    with ScriptedServer() as started:
        yield started


@pytest.mark.parametrize("name", TAMPERINGS)
def test_every_lie_is_one_named_finding(teaching: Source, name: str) -> None:
    case = TAMPERINGS[name]
    for policy, accepts in (("strict", False), ("docker-1.9", case.docker_accepts)):
        report = tk.inspect(f"teach/tampered:{name}", source=teaching, policy=policy)
        assert (report.outcome == "accepted") == accepts
        assert case.rule in [check.rule for check in report.findings]
        assert {check.rule for check in report.records(Check)} == {rule.slug for rule in of_stage(*SCHEMA1_STAGES)}


@pytest.mark.parametrize("name", ["clean:1", "clean:2", "duplicates:1", "legacy:1"])
@pytest.mark.parametrize("policy", ["strict", "docker-1.9"])
def test_a_faultless_image_has_no_finding(teaching: Source, name: str, policy: str) -> None:
    report = tk.inspect(f"teach/{name}", source=teaching, policy=policy)
    assert (report.outcome, report.findings, report.error) == ("accepted", [], None)


def test_nothing_is_left_anywhere_without_a_graph(teaching: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tk.inspect("teach/tampered:blob-byte", source=teaching)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_registered_with_a_graph(graph: tk.Graph, teaching: Source) -> None:
    report = tk.inspect("teach/clean:1", source=teaching, graph=graph)
    assert (len(graph), graph.tags.all()) == (0, {})
    assert report.newer is None
    assert report.pull.status is None
    assert len(report.tags) == 0
    assert tk.Ledger.load(graph.layout.ledger).pulls["verb"].tolist() == ["inspect"]
    blobs = [path.name for path in (graph.layout.root / "blobs" / "sha256").iterdir()]
    assert blobs == [report.manifests["body_digest"].iloc[0].partition(":")[2]]


def test_ids_are_planned_against_the_graph_that_is_given(graph: tk.Graph, teaching: Source) -> None:
    pulled = tk.pull("teach/clean:1", graph, source=teaching)
    report = tk.inspect("teach/clean:2", source=teaching, graph=graph)
    assert report.reuse["outcome"].tolist()[0] == "kept"
    assert report.strong_ids["final_id"].tolist()[:2] == pulled.strong_ids["final_id"].tolist()[:2]
    assert report.image_id != pulled.image_id


def test_every_layer_is_looked_at_also_when_the_manifest_is_refused(server: ScriptedServer) -> None:
    server.routes = routes_of(IMAGE.changed(name="teach/other"))
    server.routes.insert(0, Route(path="/v2/teach/clean/manifests/1", body=IMAGE.changed(name="teach/other").body))
    server.routes += [Route(path=f"/v2/teach/clean/blobs/{digest}", body=data) for digest, data in IMAGE.blobs.items()]
    server.routes.insert(0, Route(path="/v2/", headers={"Docker-Distribution-Api-Version": "registry/2.0"}))
    report = tk.inspect(f"{server.host}/teach/clean:1")
    assert report.outcome == "rejected"
    assert report.error is not None
    assert report.error["code"] == "manifest-name"
    assert report.layers["disposition"].tolist() == ["downloaded"] * 3
    assert len([one for one in server.seen if "/blobs/" in one.target]) == 3


def test_a_layer_that_cannot_be_had_leaves_the_rest_judged(server: ScriptedServer) -> None:
    server.routes = [Route(path=f"/v2/teach/clean/blobs/{TOP}", status=503), *routes_of(IMAGE)]
    report = tk.inspect(f"{server.host}/teach/clean:1")
    assert report.outcome == "undecided"
    assert report.error == {
        "code": "registry-response",
        "message": "Received unexpected HTTP status: 503 Service Unavailable",
    }
    assert report.layers["disposition"].tolist() == ["downloaded", "downloaded", "failed"]


def test_a_blob_cut_short_is_undecided_and_is_no_exception(server: ScriptedServer) -> None:
    cut = Route(path=f"/v2/teach/clean/blobs/{TOP}", headers={"Content-Length": "99999"}, body=b"x")
    server.routes = [cut, *routes_of(IMAGE)]
    report = tk.inspect(f"{server.host}/teach/clean:1")
    assert report.outcome == "undecided"
    assert [(check.rule, check.undecided) for check in report.findings] == [("blob-size", True)]


def test_a_manifest_that_cannot_be_had_leaves_nothing_to_judge(teaching: Source) -> None:
    for reference, source, kind in (
        ("teach/clean:none", teaching, tk.errors.NotFoundError),
        ("teach/nobody:1", teaching, tk.errors.NotFoundError),
        (f"{nobody()}/teach/clean:1", None, tk.errors.UnreachableError),
    ):
        with pytest.raises(kind) as caught:
            tk.inspect(reference, source=source)
        assert caught.value.report.outcome == "undecided"
        assert len(caught.value.report.manifests) == 0


def test_an_exception_lets_an_inspection_accept(teaching: Source) -> None:
    report = tk.inspect("teach/tampered:another-tag", source=teaching, accept=["manifest-tag"])
    assert report.outcome == "accepted"
    assert report.checks.query("excepted")["rule"].unique().tolist() == ["manifest-tag"]
