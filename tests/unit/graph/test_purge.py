"""What was committed goes only by purge: with a reason, a tombstone, and nothing that still needs it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.killed import dying
from support.tiny import index_of, oci_shop, schema1_registry, tiny_graph

import toolkit as tk
from toolkit.auditing.purging import purge
from toolkit.auditing.verifying import verify
from toolkit.errors import GraphLockedError, ImageNotFoundError, StillReferencedError, UsageError

SCHEMA1, OCI = "r.example/s:1", "localhost/o:1"


@pytest.fixture
def full(tmp_path: Path) -> tk.Graph:
    """A graph with one of everything."""
    return tiny_graph(tmp_path / "graph")


def references(graph: tk.Graph) -> set[str]:
    return {f"{name}:{tag}" for name, tags in graph.tags.all().items() for tag in tags}


def manifest_of(graph: tk.Graph, reference: str) -> str:
    return next(str(one["digest"]) for one in index_of(graph) if reference in str(one["annotations"]))


def layers_of(graph: tk.Graph) -> set[str]:
    return set(tk.Ledger.load(graph.layout.ledger).layers["blob_digest"])


def everything_a_reference_reaches(graph: tk.Graph) -> set[str]:
    ids = {image_id for tags in graph.tags.all().values() for image_id in tags.values()}
    return {*graph, *ids, *layers_of(graph), *(str(one["digest"]) for one in index_of(graph))}


def test_what_a_reference_reaches_is_refused(full: tk.Graph) -> None:
    reached = everything_a_reference_reaches(full)
    assert len(reached) == 8
    for one in reached:
        with pytest.raises(StillReferencedError) as caught:
            purge(full, one, reason="why not")
        assert caught.value.code == "still-referenced"
        assert caught.value.report.outcome == "rejected"
        assert str(caught.value.actual) in {SCHEMA1, OCI, f"{SCHEMA1}, {OCI}"}
    assert verify(full).outcome == "accepted"


def test_what_no_reference_reaches_goes_and_leaves_a_tombstone(full: tk.Graph) -> None:
    digest = full.blobs.add(b"left over")
    report = purge(full, str(digest), reason="a test of mine")
    (row,) = tk.Ledger.load(full.layout.ledger).holdings.to_dict("records")
    assert (row["kind"], row["subject"], row["disposition"]) == ("blob", str(digest), "purged")
    assert (row["size"], row["reason"]) == (9, "a test of mine")
    assert report.outcome == "accepted"
    assert full.blobs.path(digest) is None
    assert verify(full).outcome == "accepted"


def test_everything_in_quarantine_goes_at_once(full: tk.Graph) -> None:
    full.images.set_aside(next(iter(full)))
    report = purge(full, "quarantine", reason="looked at")
    assert sorted(report.holdings["path"].str.split("/").str[1]) == ["images", "sha256"]
    assert [path for path in (full.layout.root / "quarantine").rglob("*") if not path.is_dir()] == []
    assert set(report.holdings["disposition"]) == {"purged"}


def test_one_thing_in_quarantine_goes_by_its_digest(full: tk.Graph) -> None:
    digest = tk.Digest.of(b"rejected")
    assert purge(full, str(digest), reason="looked at").holdings["kind"].tolist() == ["quarantined"]
    assert full.blobs.evidence(digest) is None


@pytest.mark.parametrize("way", ["untag", "force"])
def test_a_reference_goes_in_the_same_call_when_that_is_asked_for(full: tk.Graph, way: str) -> None:
    digest = manifest_of(full, OCI)
    if way == "untag":
        report = purge(full, digest, reason="withdrawn", untag=[OCI])
    else:
        report = purge(full, digest, reason="withdrawn", force=True)
    assert report.holdings[["kind", "subject"]].values.tolist() == [["reference", OCI], ["blob", digest]]
    assert references(full) == {SCHEMA1}
    assert len(index_of(full)) == 1
    again = verify(full)
    assert again.outcome == "accepted"
    assert tk.pull("o:1", full, source=oci_shop().transport()).outcome == "accepted"
    assert verify(full).outcome == "accepted"
    assert references(full) == {SCHEMA1, OCI}


def test_the_wrong_reference_does_not_help(full: tk.Graph) -> None:
    with pytest.raises(StillReferencedError):
        purge(full, manifest_of(full, OCI), reason="withdrawn", untag=[SCHEMA1])
    assert references(full) == {SCHEMA1, OCI}
    with pytest.raises(UsageError, match="is no reference"):
        purge(full, manifest_of(full, OCI), reason="withdrawn", untag=["nothing:1"])


def test_an_image_whose_parent_was_purged_is_not_called_rotten(full: tk.Graph) -> None:
    top = full.tags.all()["r.example/s"]["1"]
    (base,) = set(full) - {top}
    purge(full, base, reason="withdrawn", force=True)
    assert set(full) == {top}
    report = verify(full)
    assert report.outcome == "accepted"
    rows = report.holdings.query("disposition == 'purged'")
    assert rows["compared"].tolist() == ["parent"]
    assert rows["reason"].tolist() == ["it was purged: withdrawn"]
    tk.pull("s:1", full, source=schema1_registry())
    shutil.rmtree(full.layout.image(base))
    assert verify(full).outcome == "rejected"  # what is lost after it was pulled again was not purged


@pytest.mark.parametrize("reason", ["", "  "])
def test_without_a_reason_nothing_goes(full: tk.Graph, reason: str) -> None:
    with pytest.raises(UsageError, match="without a reason"):
        purge(full, "quarantine", reason=reason)
    assert full.blobs.evidence(tk.Digest.of(b"rejected")) is not None


def test_what_is_not_there_and_what_is_nothing_are_named(full: tk.Graph) -> None:
    for what in ("sha256:" + "0" * 64, "0" * 64):
        with pytest.raises(ImageNotFoundError, match="there is no"):
            purge(full, what, reason="x")
    for what in ("everything", "../blobs", "", "sha256:0"):
        with pytest.raises(UsageError, match="nothing that can be purged"):
            purge(full, what, reason="x")


def test_while_somebody_pulls_nothing_goes(full: tk.Graph) -> None:
    with full.turns.take("pull a/b:1", lambda _: None), pytest.raises(GraphLockedError, match="is pulling into the graph"):
        purge(full, "quarantine", reason="x")
    assert purge(full, "quarantine", reason="x").outcome == "accepted"


# -- killed in a purge -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["image", "reference"])
def test_a_purge_may_be_killed_at_every_operation(tmp_path: Path, what: str) -> None:
    """Whatever is gone has a tombstone; the next purge ends what was begun; verify calls nothing rotten or missing."""
    first = tiny_graph(tmp_path / "first")
    (base,) = set(first) - set(first.tags.all()["r.example/s"].values())
    doomed = base if what == "image" else manifest_of(first, OCI)
    with dying(0) as system:
        purge(tk.Graph(shutil.copytree(tmp_path / "first", tmp_path / "whole")), doomed, reason="x", force=True)
    outcomes: set[tuple[bool, bool]] = set()
    for at in range(1, system.count + 1):
        graph = tk.Graph(shutil.copytree(tmp_path / "first", tmp_path / str(at)))
        with dying(at) as mortal:
            purge(graph, doomed, reason="x", force=True)
        assert mortal.count >= at
        gone = graph.blobs.path(doomed) is None if ":" in doomed else doomed not in graph
        buried = doomed in set(tk.Ledger.load(graph.layout.ledger).holdings["subject"])
        assert buried or not gone, at
        outcomes.add((gone, buried))
        if not gone:
            purge(graph, doomed, reason="x", force=True)
        assert verify(graph).outcome == "accepted", at
        shutil.rmtree(graph.layout.root)
    assert {(False, False), (False, True), (True, True)} == outcomes
