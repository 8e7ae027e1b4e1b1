"""What a graph is found like when it is opened: leftovers, unfinished downloads, damaged indexes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support.killed import dying
from support.tiny import index_of, tiny_graph

import toolkit as tk
from toolkit import fsops
from toolkit.graph.recovery import Remembered, recover
from toolkit.pulling.remembered import remembering
from toolkit.records import Holding

DEAD = "ab" * 16
DIGEST = tk.Digest.of(b"a layer that is not here yet")


def found(graph: tk.Graph) -> list[tuple[str, str, str]]:
    return [(row.kind, row.disposition, row.path) for row in recover(graph)]


def kept_of(graph: tk.Graph) -> dict[str, bytes]:
    """Every file but the locks and the ledger."""
    root = graph.layout.root
    files = [path for path in root.rglob("*") if path.is_file() and path != graph.layout.locks]
    return {str(path.relative_to(root)): path.read_bytes() for path in files if path.relative_to(root).parts[0] != "ledger"}


def test_a_graph_in_order_gives_no_row(tmp_path: Path) -> None:
    graph = tiny_graph(tmp_path / "graph")
    before = kept_of(graph)
    assert recover(graph, remembering(graph)) == ()
    assert kept_of(graph) == before


def test_what_a_dead_process_was_writing_is_taken_away_wherever_it_stands(tmp_path: Path) -> None:
    graph = tiny_graph(tmp_path / "graph")
    before = kept_of(graph)
    names = [
        f"ingest/{DEAD}.0.part",
        f".index.json.{DEAD}.1.part",
        f"chains/sha256/.{'0' * 64}.{DEAD}.2.part",
    ]
    for name in names:
        (graph.layout.root / name).write_bytes(b"half")
    assert found(graph) == [("leftover", "discarded", name) for name in [names[0], names[1], names[2]]]
    assert kept_of(graph) == before
    assert found(graph) == []


def test_a_staged_image_of_a_dead_process_is_taken_away_with_its_files(graph: tk.Graph) -> None:
    graph.prepare()
    staged = graph.layout.ingest / f"image.{DEAD}.0.part"
    staged.mkdir()
    (staged / "json").write_bytes(b"{}")
    assert found(graph) == [("leftover", "discarded", f"ingest/{staged.name}")]
    assert not staged.exists()


def test_what_a_living_process_is_writing_stays(graph: tk.Graph) -> None:
    graph.prepare()
    mine = graph.layout.ingest / fsops.fresh_name()
    mine.write_bytes(b"half")
    assert found(graph) == []
    assert mine.exists()


def test_the_last_words_of_a_dead_process_are_taken_away(graph: tk.Graph) -> None:
    graph.prepare()
    (graph.layout.ingest / f"{'c' * 64}.turn").write_bytes(b"{}\n")
    assert found(graph) == [("leftover", "discarded", f"ingest/{'c' * 64}.turn")]


# -- downloads ---------------------------------------------------------------------------------------------------


def unfinished(graph: tk.Graph, note: object) -> Path:
    graph.prepare()
    path = graph.layout.partial(DIGEST)
    path.write_bytes(b"a layer")
    if note is not None:
        path.with_suffix(".json").write_text(note if isinstance(note, str) else json.dumps(note))
    return path


def test_an_unfinished_download_can_go_on(graph: tk.Graph) -> None:
    path = unfinished(graph, {"announced": 28, "validator": '"etag"'})
    (row,) = recover(graph)
    assert (row.kind, row.disposition, row.subject) == ("partial", "resumable", str(DIGEST))
    assert (row.expected, row.actual, row.size) == ("28", "7", 7)
    assert path.exists()
    assert recover(graph) == (row,)


@pytest.mark.parametrize(
    "note", [None, "{", "[]", {"announced": 28}, {"announced": 7, "validator": "x"}, {"announced": "28", "validator": "x"}]
)
def test_a_download_nobody_can_go_on_with_stays_until_the_next_one_begins_anew(graph: tk.Graph, note: object) -> None:
    path = unfinished(graph, note)
    (row,) = recover(graph)
    assert (row.kind, row.disposition) == ("partial", "left")
    assert path.exists()


def test_a_download_that_was_committed_is_taken_away(graph: tk.Graph) -> None:
    path = unfinished(graph, {"announced": 28, "validator": "x"})
    graph.blobs.add(b"a layer that is not here yet")
    assert found(graph) == [("leftover", "discarded", f"ingest/{one}") for one in (path.name, path.with_suffix(".json").name)]
    assert found(graph) == []


def test_a_note_without_its_download_is_taken_away(graph: tk.Graph) -> None:
    path = unfinished(graph, {"announced": 28, "validator": "x"})
    path.unlink()
    assert found(graph) == [("leftover", "discarded", f"ingest/{path.with_suffix('.json').name}")]


def test_a_download_somebody_is_at_is_left_to_them(graph: tk.Graph) -> None:
    unfinished(graph, {"announced": 28, "validator": "x"})
    with graph.turns.take(f"blob {DIGEST}", lambda _: None):
        assert found(graph) == []


def test_files_of_other_names_are_left_alone(graph: tk.Graph) -> None:
    graph.prepare()
    for name in ("notes.json", "sha256-xyz.partial"):
        (graph.layout.ingest / name).write_bytes(b"?")
    assert found(graph) == []
    assert (graph.layout.ingest / "notes.json").exists()


# -- indexes -----------------------------------------------------------------------------------------------------


def test_every_damaged_index_is_made_anew_and_its_bytes_are_kept(tmp_path: Path) -> None:
    graph = tiny_graph(tmp_path / "graph")
    before, entries = kept_of(graph), sorted(map(str, index_of(graph)))
    paths = (graph.layout.oci_layout, graph.layout.index, graph.layout.repositories)
    for path in paths:
        path.write_bytes(b"\0" + path.name.encode())
    rows = recover(graph, remembering(graph))
    assert [(row.path, row.outcome, row.disposition) for row in rows] == [(path.name, "rotten", "rebuilt") for path in paths]
    assert all(row.expected and row.actual for row in rows)
    after = kept_of(graph)
    assert sorted(map(str, index_of(graph))) == entries
    assert {name: after[name] for name in before} == {**before, "index.json": after["index.json"]}
    assert {after[name] for name in set(after) - set(before)} == {b"\0" + path.name.encode() for path in paths}
    assert recover(graph, remembering(graph)) == ()


def test_the_layout_file_needs_no_memory(tmp_path: Path) -> None:
    graph = tiny_graph(tmp_path / "graph")
    graph.layout.oci_layout.write_bytes(b"")
    assert [(row.path, row.disposition) for row in recover(graph)] == [("oci-layout", "rebuilt")]


def test_an_index_another_process_has_put_right_meanwhile_is_no_row(tmp_path: Path) -> None:
    graph = tiny_graph(tmp_path / "graph")
    whole = graph.layout.index.read_bytes()
    graph.layout.index.write_bytes(b"{")

    def remember() -> Remembered:
        graph.layout.index.write_bytes(whole)
        return Remembered()

    assert recover(graph, remember) == ()
    assert graph.layout.index.read_bytes() == whole


# -- killed in recovery ------------------------------------------------------------------------------------------


def damaged(root: Path) -> tk.Graph:
    """A graph with one of every kind of trouble."""
    graph = tiny_graph(root)
    unfinished(graph, {"announced": 28, "validator": "x"})
    graph.blobs.add(b"a layer that is not here yet")
    (graph.layout.ingest / f"{DEAD}.0.part").write_bytes(b"half")
    for path in (graph.layout.oci_layout, graph.layout.index, graph.layout.repositories):
        path.write_bytes(b"\0" + path.name.encode())
    return graph


def test_recovery_may_be_killed_at_every_operation(tmp_path: Path) -> None:
    damaged(tmp_path / "damaged")
    whole = tk.Graph(shutil.copytree(tmp_path / "damaged", tmp_path / "whole"))
    with dying(0) as system:
        first = recover(whole, remembering(whole))
    expected = kept_of(whole)
    assert len(first) == 6
    assert system.count > 20
    for at in range(1, system.count + 1):
        graph = tk.Graph(shutil.copytree(tmp_path / "damaged", tmp_path / str(at)))
        rows: tuple[Holding, ...] = ()
        with dying(at):
            rows = recover(graph, remembering(graph))
        assert rows == ()
        recover(graph, remembering(graph))
        left = kept_of(graph)
        own = {name for name in left if name.endswith(".part")}  # ours: we live on, a killed process would not
        assert {name: data for name, data in left.items() if name not in own} == expected, at
