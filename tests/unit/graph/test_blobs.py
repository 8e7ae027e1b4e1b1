"""Blobs: committed under their own name, never overwritten; what is not what it claims goes to quarantine."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from support.faulty import Faulty

import toolkit as tk
from toolkit import fsops

DATA = b"some bytes"
NAME = tk.Digest.of(DATA)


def blob_path(graph: tk.Graph, digest: tk.Digest = NAME) -> Path:
    return graph.layout.root / "blobs" / digest.algorithm / digest.hex


def kept_aside(graph: tk.Graph, digest: tk.Digest = NAME) -> Path:
    return graph.layout.root / "quarantine" / digest.algorithm / digest.hex


def leftovers(graph: tk.Graph) -> list[str]:
    return [path.name for path in graph.layout.ingest.iterdir()]


def test_a_committed_blob_is_read_only_under_its_own_name(graph: tk.Graph) -> None:
    with graph.blobs.ingest(str(NAME)) as ingest:
        for start in range(0, len(DATA), 3):
            ingest.feed(DATA[start : start + 3])
        assert b"".join(ingest.chunks()) == DATA
        assert not blob_path(graph).exists()
        assert ingest.commit() == NAME
    assert blob_path(graph).read_bytes() == DATA
    assert blob_path(graph).stat().st_mode & 0o7777 == 0o444
    assert graph.blobs.path(NAME) == graph.blobs.path(str(NAME)) == blob_path(graph)
    assert b"".join(graph.blobs.chunks(NAME)) == DATA
    assert leftovers(graph) == []


def test_a_blob_claimed_by_sha512_lies_under_sha512(graph: tk.Graph) -> None:
    claimed = tk.Digest.of(DATA, "sha512")
    with graph.blobs.ingest(str(claimed)) as ingest:
        ingest.feed(DATA)
        assert ingest.commit() == claimed
    assert blob_path(graph, claimed).read_bytes() == DATA
    assert graph.blobs.is_intact(claimed)


@pytest.mark.parametrize("claimed", ["sha256:" + "0" * 64, "sha512:" + "0" * 128, "md5:00", "nonsense", str(NAME).upper()])
def test_bytes_never_lie_under_a_name_that_is_not_theirs(graph: tk.Graph, claimed: str) -> None:
    with graph.blobs.ingest(claimed) as ingest:
        ingest.feed(DATA)
        assert not ingest.meter.matches
        assert ingest.reject() == NAME
    assert kept_aside(graph).read_bytes() == DATA
    assert not (graph.layout.root / "blobs").exists()
    assert graph.blobs.path(NAME) is None
    assert graph.blobs.evidence(NAME) == kept_aside(graph)
    assert leftovers(graph) == []


def test_what_is_neither_committed_nor_rejected_is_gone(graph: tk.Graph) -> None:
    with graph.blobs.ingest(str(NAME)) as ingest:
        ingest.feed(DATA)
        assert len(leftovers(graph)) == 1
    assert leftovers(graph) == []
    assert graph.blobs.evidence(NAME) is None


def test_what_fails_half_way_is_gone(graph: tk.Graph) -> None:
    def fail() -> None:
        with graph.blobs.ingest(str(NAME)) as ingest:
            ingest.feed(DATA)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert leftovers(graph) == []


def test_a_second_commit_does_not_touch_the_first(graph: tk.Graph) -> None:
    graph.blobs.add(DATA)
    before = blob_path(graph).stat()
    with graph.blobs.ingest(str(NAME)) as ingest:
        ingest.feed(DATA)
        assert ingest.commit() == NAME
    graph.blobs.add(DATA)
    assert blob_path(graph).stat().st_ino == before.st_ino
    assert blob_path(graph).stat().st_mtime_ns == before.st_mtime_ns
    assert leftovers(graph) == []


@pytest.mark.parametrize("way", ["commit", "add"])
def test_rotten_bytes_are_not_taken_for_those_that_arrive_and_are_kept(graph: tk.Graph, way: str) -> None:
    graph.blobs.add(DATA)
    blob_path(graph).chmod(0o600)
    blob_path(graph).write_bytes(b"rotten")
    if way == "add":
        graph.blobs.add(DATA)
    else:
        with graph.blobs.ingest(str(NAME)) as ingest:
            ingest.feed(DATA)
            assert ingest.commit() == NAME
    assert blob_path(graph).read_bytes() == DATA
    assert graph.layout.quarantined(tk.Digest.of(b"rotten")).read_bytes() == b"rotten"
    assert leftovers(graph) == []


def test_bytes_that_could_not_be_synced_get_no_name_and_are_not_gone_on_with(graph: tk.Graph) -> None:
    graph.prepare()
    faulty = Faulty(fsops.System(), 0, errno.EIO, kinds=frozenset({"sync"}))

    def fail() -> None:
        with fsops.under(faulty), graph.blobs.ingest(str(NAME), lasting=True) as ingest:
            ingest.describe(len(DATA) + 1, '"v"')
            ingest.feed(DATA)
            ingest.keep()
            try:
                ingest.commit()
            except tk.errors.GraphIOError:
                ingest.keep()
                raise

    with pytest.raises(tk.errors.GraphIOError):
        fail()
    assert faulty.synced_again == []
    assert graph.blobs.path(NAME) is None
    assert leftovers(graph) == ["locks"]


def test_a_file_that_another_program_changed_gets_no_name(graph: tk.Graph) -> None:
    def fail() -> None:
        with graph.blobs.ingest(str(NAME)) as ingest:
            ingest.feed(DATA)
            path = next(path for path in graph.layout.ingest.iterdir() if path.suffix == ".part")
            with path.open("ab") as file:
                file.write(b"more")
            ingest.commit()

    with pytest.raises(tk.errors.GraphIOError, match="another size"):
        fail()
    assert graph.blobs.path(NAME) is None


def test_the_same_bytes_go_to_quarantine_once(graph: tk.Graph) -> None:
    for _ in range(2):
        assert graph.blobs.add(DATA, quarantine=True) == NAME
    assert kept_aside(graph).read_bytes() == DATA
    assert [path.name for path in kept_aside(graph).parent.iterdir()] == [NAME.hex]


def test_accepted_bytes_are_evidence_before_rejected_ones(graph: tk.Graph) -> None:
    graph.blobs.add(DATA, quarantine=True)
    assert graph.blobs.evidence(NAME) == kept_aside(graph)
    graph.blobs.add(DATA)
    assert graph.blobs.evidence(NAME) == blob_path(graph)
    assert kept_aside(graph).exists()


@pytest.mark.parametrize("rotten", [b"", b"some bytes!", b"Some bytes", b"some byte"])
def test_a_blob_that_changed_is_found_and_moved_under_its_own_name(graph: tk.Graph, rotten: bytes) -> None:
    graph.blobs.add(DATA)
    assert graph.blobs.is_intact(NAME)
    blob_path(graph).chmod(0o600)
    blob_path(graph).write_bytes(rotten)
    assert not graph.blobs.is_intact(NAME)
    own = graph.blobs.quarantine(NAME)
    assert own == tk.Digest.of(rotten)
    assert kept_aside(graph, own).read_bytes() == rotten
    assert graph.blobs.path(NAME) is None


def test_the_same_rot_twice_is_kept_once(graph: tk.Graph) -> None:
    for _ in range(2):
        graph.blobs.add(DATA)
        blob_path(graph).chmod(0o600)
        blob_path(graph).write_bytes(b"rotten")
        graph.blobs.quarantine(NAME)
    assert len(list(kept_aside(graph).parent.iterdir())) == 1


@pytest.mark.parametrize("text", ["", "x", "sha256:..", "sha256:" + "A" * 64, "../" + "a" * 64, "md5:" + "a" * 32])
def test_a_path_is_made_from_a_digest_only(graph: tk.Graph, text: str) -> None:
    for ask in (graph.blobs.path, graph.blobs.evidence, graph.blobs.is_intact, graph.blobs.quarantine):
        with pytest.raises(tk.errors.DigestSyntaxError):
            ask(text)


def test_a_blob_that_is_not_there_is_a_typed_error_when_read(graph: tk.Graph) -> None:
    with pytest.raises(tk.errors.GraphIOError) as caught:
        b"".join(graph.blobs.chunks(NAME))
    assert caught.value.actual == "ENOENT"
