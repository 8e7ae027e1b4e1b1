"""The graph as a whole: a mapping to look at, verbs to write with, holds, and places where none can be."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.places import PROJECT

import toolkit as tk
from toolkit import fsops, simulator
from toolkit.sources.protocol import Source

ID, OTHER = "a" * 64, "b" * 64


def tree(graph: tk.Graph) -> list[str]:
    return sorted(str(path.relative_to(graph.layout.root)) for path in graph.layout.root.rglob("*"))


def test_looking_at_a_graph_that_is_not_there_makes_nothing(graph: tk.Graph) -> None:
    assert (len(graph), list(graph), graph.tags.all(), ID in graph) == (0, [], {}, False)
    assert graph.blobs.path("sha256:" + ID) is None
    assert repr(graph) == f"Graph({str(graph.layout.root)!r}): 0 images, 0 references"
    assert not graph.layout.root.exists()


def test_a_new_graph_is_empty_indexes_and_directories(graph: tk.Graph) -> None:
    graph.prepare()
    assert tree(graph) == [
        "blobs",
        "blobs/sha256",
        "images",
        "index.json",
        "ingest",
        "ingest/locks",
        "ledger",
        "oci-layout",
        "repositories.json",
    ]
    assert (graph.layout.root / "oci-layout").read_bytes() == b'{"imageLayoutVersion":"1.0.0"}'
    assert graph.layout.index.read_bytes() == b'{"schemaVersion":2,"manifests":[]}'
    assert graph.layout.repositories.read_bytes() == b'{"Repositories":{}}'
    for name in ("images", "ingest", "ledger", "blobs/sha256"):
        assert (graph.layout.root / name).stat().st_mode & 0o7777 == 0o700


def test_preparing_again_changes_nothing(graph: tk.Graph, teaching: Source) -> None:
    tk.pull("teach/clean:1", graph, source=teaching)
    before = {name: (graph.layout.root / name).stat() for name in tree(graph)}
    graph.prepare()
    assert {name: (graph.layout.root / name).stat() for name in tree(graph)} == before


def test_a_graph_is_taken_by_itself_or_by_its_path(graph: tk.Graph) -> None:
    assert tk.Graph.of(graph) is graph
    assert tk.Graph.of(graph.layout.root).layout == tk.Graph.of(str(graph.layout.root)).layout == graph.layout


def test_a_temporary_graph_goes_away_with_its_object() -> None:
    graph = tk.Graph.temporary()
    graph.prepare()
    root = graph.layout.root
    assert root.is_dir()
    del graph
    gc.collect()
    assert not root.exists()


def test_a_pulled_graph_says_what_is_in_it(graph: tk.Graph, teaching: Source) -> None:
    report = tk.pull("teach/clean:1", graph, source=teaching)
    tk.pull("teach/clean:2", graph, source=teaching)
    assert len(graph) == 4
    assert set(report.strong_ids["final_id"]) <= set(graph)
    assert repr(graph) == f"Graph({str(graph.layout.root)!r}): 4 images, 2 references"
    assert graph.tags.references(report.image_id or "") == ["teaching.example/teach/clean:1"]


# -- holds -------------------------------------------------------------------------------------------------------


def test_an_image_is_held_as_long_as_one_session_needs_it(graph: tk.Graph) -> None:
    graph.retain("one", [ID, OTHER])
    graph.retain("two", [ID])
    graph.retain("two", [ID])
    graph.release("one", [ID, OTHER])
    assert (graph.is_held(ID), graph.is_held(OTHER)) == (True, False)
    graph.release("two", [ID])
    assert not graph.is_held(ID)


def test_what_was_not_held_can_be_released(graph: tk.Graph) -> None:
    graph.release("nobody", [ID])
    graph.retain("one", [ID])
    graph.release("two", [ID])
    assert graph.is_held(ID)
    assert not graph.is_held(OTHER)


@pytest.mark.parametrize("tag", ["clean:1", "tampered:blob-byte"])
def test_a_pull_holds_nothing_when_it_ends(graph: tk.Graph, teaching: Source, tag: str) -> None:
    try:
        tk.pull(f"teach/{tag}", graph, source=teaching)
    except tk.VerificationError as error:
        planned = error.report.strong_ids["final_id"]
    else:
        planned = list(graph)
    assert len(planned) == 3
    assert not any(graph.is_held(image_id) for image_id in planned)


# -- the OCI index -----------------------------------------------------------------------------------------------


def index(graph: tk.Graph) -> list[dict[str, object]]:
    document = json.loads(graph.layout.index.read_bytes())
    assert document["schemaVersion"] == 2
    found: list[dict[str, object]] = document["manifests"]
    return found


def test_each_pulled_reference_points_at_its_manifest(graph: tk.Graph, teaching: Source) -> None:
    first = tk.pull("teach/clean:1", graph, source=teaching)
    unsigned = tk.pull("teach/tampered:signature-missing", graph, source=teaching, accept=["signature-present"])
    by_digest = tk.pull(f"teach/clean@{first.digest}", graph, source=teaching)
    name = "teaching.example/teach"
    signed_type = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    plain_type = "application/vnd.docker.distribution.manifest.v1+json"
    assert index(graph) == [
        {
            "mediaType": media_type,
            "digest": report.manifests["body_digest"].iloc[0],
            "size": int(report.manifests["size"].iloc[0]),
            "annotations": {"org.opencontainers.image.ref.name": reference},
        }
        for report, media_type, reference in (
            (first, signed_type, f"{name}/clean:1"),
            (unsigned, plain_type, f"{name}/tampered:signature-missing"),
            (by_digest, signed_type, f"{name}/clean@{first.digest}"),
        )
    ]
    for entry in index(graph):
        path = graph.blobs.path(str(entry["digest"]))
        assert path is not None
        assert path.stat().st_size == entry["size"]


def test_a_reference_pulled_again_stands_once(graph: tk.Graph, teaching: Source) -> None:
    for _ in range(2):
        tk.pull("teach/clean:1", graph, source=teaching)
    assert len(index(graph)) == 1
    graph.point("teaching.example/teach/clean:1", media_type="m", digest="sha256:" + ID, size=5)
    assert index(graph) == [
        {
            "mediaType": "m",
            "digest": "sha256:" + ID,
            "size": 5,
            "annotations": {"org.opencontainers.image.ref.name": "teaching.example/teach/clean:1"},
        }
    ]


def test_what_others_wrote_into_the_index_stays(graph: tk.Graph) -> None:
    graph.prepare()
    foreign = {"mediaType": "m", "digest": "sha256:" + OTHER, "size": 1, "platform": {"os": "linux"}}
    graph.layout.index.write_text(json.dumps({"schemaVersion": 2, "manifests": [foreign], "annotations": {"a": "b"}}))
    graph.point("a/b:1", media_type="m", digest="sha256:" + ID, size=5)
    assert index(graph)[0] == foreign
    assert len(index(graph)) == 2
    assert json.loads(graph.layout.index.read_bytes())["annotations"] == {"a": "b"}


DAMAGED = [b"{", b"[]", b"{}", b'{"manifests":null}', b'{"manifests":{}}', b'{"manifests":[1]}', b"\xff", b"[" * 100_000]


@pytest.mark.parametrize("content", DAMAGED)
def test_an_index_that_cannot_be_read_is_named_and_left_alone_by_who_knows_nothing(graph: tk.Graph, content: bytes) -> None:
    graph.prepare()
    graph.layout.index.write_bytes(content)
    (row,) = graph.prepare()
    assert (row.kind, row.outcome, row.disposition, row.path) == ("reference", "rotten", "left", "index.json")
    assert graph.layout.index.read_bytes() == content
    with pytest.raises(tk.errors.GraphError, match="the image index cannot be read"):
        graph.point("a/b:1", media_type="m", digest="sha256:" + ID, size=5)
    assert graph.layout.index.read_bytes() == content


def test_tags_that_cannot_be_read_are_named_and_left_alone_by_who_knows_nothing(graph: tk.Graph) -> None:
    graph.prepare()
    graph.layout.repositories.write_bytes(b"nonsense")
    (row,) = graph.prepare()
    assert (row.path, row.disposition) == ("repositories.json", "left")
    with pytest.raises(tk.errors.GraphError, match="the file of tags cannot be read"):
        graph.tags.all()
    assert graph.layout.repositories.read_bytes() == b"nonsense"


@pytest.mark.parametrize("content", DAMAGED)
def test_a_pull_makes_a_damaged_index_anew_from_the_ledger(graph: tk.Graph, teaching: Source, content: bytes) -> None:
    tk.pull("teach/clean:1", graph, source=teaching)
    before = graph.layout.index.read_bytes(), graph.layout.repositories.read_bytes()
    graph.layout.index.write_bytes(content)
    graph.layout.repositories.write_bytes(content)
    report = tk.pull("teach/clean:1", graph, source=teaching)
    assert (graph.layout.index.read_bytes(), graph.layout.repositories.read_bytes()) == before
    assert report.holdings[["path", "disposition"]].values.tolist() == [
        ["index.json", "rebuilt"],
        ["repositories.json", "rebuilt"],
    ]
    kept = graph.blobs.evidence(tk.Digest.of(content))
    assert kept is not None
    assert kept.read_bytes() == content


# -- directories that are not ours -------------------------------------------------------------------------------


def test_a_graph_everybody_may_write_into_can_be_looked_at_only(graph: tk.Graph, teaching: Source) -> None:
    tk.pull("teach/clean:1", graph, source=teaching)
    graph.layout.root.chmod(0o777)
    with pytest.raises(tk.errors.UnsafeGraphError, match="everybody may write") as caught:
        tk.pull("teach/clean:2", graph, source=teaching)
    assert caught.value.code == "graph-unsafe"
    assert "chmod o-w" in caught.value.next_step
    assert len(graph) == 3
    assert graph.tags.all()
    graph.layout.root.chmod(0o770)
    assert tk.pull("teach/clean:2", graph, source=teaching).outcome == "accepted"


class OfSomebodyElse(fsops.System):
    """A system on which everything belongs to a user who is not us; only root could give a real directory away."""

    def status(self, path: str | os.PathLike[str]) -> os.stat_result:
        found = super().status(path)
        return os.stat_result((*found[:4], os.geteuid() + 12_345, *found[5:]))


def test_a_graph_of_somebody_else_can_be_looked_at_only(graph: tk.Graph, teaching: Source) -> None:
    tk.pull("teach/clean:1", graph, source=teaching)
    with fsops.under(OfSomebodyElse()):
        with pytest.raises(tk.errors.UnsafeGraphError, match=f"belongs to user {os.geteuid() + 12_345}"):
            graph.prepare()
        assert len(graph) == 3


def test_a_graph_without_permission_to_write_is_refused_before_anything_is_asked(graph: tk.Graph) -> None:
    graph.prepare()
    graph.layout.root.chmod(0o500)
    assert graph.is_read_only
    with pytest.raises(tk.errors.GraphIOError) as caught:
        tk.pull("127.0.0.1:1/no/body:there", graph)
    assert caught.value.actual == "EROFS"
    graph.layout.root.chmod(0o700)
    assert not graph.is_read_only


# -- places where no graph can be --------------------------------------------------------------------------------


def test_a_file_is_no_graph(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here")
    with pytest.raises(tk.errors.GraphError) as caught:
        tk.Graph(tmp_path / "file")
    assert "is a file" in caught.value.message


WRITES: list[Callable[[tk.Graph], object]] = [
    lambda graph: graph.prepare(),
    lambda graph: graph.blobs.add(b"data"),
    lambda graph: graph.register_legacy(b'{"id":"' + ID.encode() + b'"}'),
    lambda graph: graph.set_reference("a/b", "1", ID),
    lambda graph: graph.point("a/b:1", media_type="m", digest="sha256:" + ID, size=1),
    lambda graph: graph.register(ID, b"{}", parent="", layer_size=1, checksum="x", v1_compatibility=b"{}"),
    lambda graph: graph.lock([ID]).__enter__(),
]


@pytest.mark.parametrize("write", WRITES)
def test_a_path_that_leads_through_a_file_is_a_typed_error(tmp_path: Path, write: Callable[[tk.Graph], object]) -> None:
    (tmp_path / "file").write_text("here")
    with pytest.raises(tk.errors.GraphIOError) as caught:
        write(tk.Graph(tmp_path / "file" / "graph"))
    assert caught.value.actual == "ENOTDIR"
    assert str(tmp_path / "file" / "graph") in caught.value.where
    assert caught.value.next_step
    assert (tmp_path / "file").read_text() == "here"


@pytest.mark.parametrize("verb", [tk.pull, lambda asked, graph, source: tk.inspect(asked, graph=graph, source=source)])
def test_pulling_into_such_a_path_is_a_typed_error(tmp_path: Path, teaching: Source, verb: Callable[..., tk.Report]) -> None:
    (tmp_path / "file").write_text("here")
    with pytest.raises(tk.errors.GraphIOError):
        verb("teach/clean:1", tmp_path / "file" / "graph", source=teaching)


@pytest.mark.parametrize("name", ["images", "ingest", "ledger", "blobs"])
def test_a_file_in_the_place_of_a_directory_is_a_typed_error(graph: tk.Graph, teaching: Source, name: str) -> None:
    graph.layout.root.mkdir()
    (graph.layout.root / name).write_text("here")
    with pytest.raises(tk.errors.GraphIOError):
        tk.pull("teach/clean:1", graph, source=teaching)
    assert (graph.layout.root / name).read_text() == "here"


# -- several processes -------------------------------------------------------------------------------------------

PULLS = """
import sys
import toolkit as tk

print(tk.pull(sys.argv[2], sys.argv[1]).outcome)
"""


def test_processes_that_pull_at_once_lose_nothing(graph: tk.Graph) -> None:
    graph.prepare()
    with simulator.LoopbackServer(simulator.teaching_registry()) as server:
        asked = [f"{server.host}/teach/{name}" for name in ("clean:1", "clean:2", "duplicates:1", "legacy:1", "clean:1")]
        running = [
            subprocess.Popen(
                [sys.executable, "-c", PULLS, str(graph.layout.root), reference],
                cwd=PROJECT,
                stdout=subprocess.PIPE,
                text=True,
            )
            for reference in asked
        ]
        said = [process.communicate(timeout=120)[0] for process in running]
        assert said == ["accepted\n"] * len(asked)
        names = {
            f"{server.host}/teach/{name}": tags
            for name, tags in (("clean", ["1", "2"]), ("duplicates", ["1"]), ("legacy", ["1"]))
        }
        assert {name: sorted(tags) for name, tags in graph.tags.all().items()} == names
    assert len(index(graph)) == 4
    assert len(tk.Ledger.load(graph.layout.ledger).pulls) == len(asked)
    for path in (graph.layout.root / "blobs" / "sha256").iterdir():
        assert graph.blobs.is_intact(f"sha256:{path.name}")
    assert [path.name for path in graph.layout.ingest.iterdir()] == ["locks"]


def test_a_download_that_was_committed_leaves_nothing_behind(graph: tk.Graph) -> None:
    graph.prepare()
    digest = graph.blobs.add(b"whole")
    left, other = graph.layout.partial(digest), graph.layout.partial(tk.Digest.of(b"another"))
    for path in (left, left.with_suffix(".json"), other):
        path.write_bytes(b"who")
    graph.prepare()
    assert [path.exists() for path in (left, left.with_suffix(".json"), other)] == [False, False, True]
