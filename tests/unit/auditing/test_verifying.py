"""Verify: everything is compared, what rotted is named with both values and moved away, and the rest goes on."""

from __future__ import annotations

import contextlib
import errno
import gzip
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from support.tiny import files_of, index_of, oci_shop, schema1_registry, tiny_graph

import toolkit as tk
from toolkit import fsops
from toolkit.auditing.verifying import verify
from toolkit.simulator import teaching_registry
from toolkit.simulator.teaching import prepare_graph
from toolkit.sources.protocol import Source

OCI, SCHEMA1 = "localhost/o", "r.example/s"


@pytest.fixture
def full(tmp_path: Path) -> tk.Graph:
    """A graph with one of everything."""
    return tiny_graph(tmp_path / "graph")


def wrong(report: tk.Report) -> pd.DataFrame:
    holdings = report.holdings
    return holdings[~holdings["outcome"].isin(["intact", "unknown"])].reset_index(drop=True)


def spoil(path: Path, data: bytes = b"spoilt") -> None:
    path.chmod(0o600)
    path.write_bytes(data)


def blob_of(graph: tk.Graph, digest: str) -> Path:
    path = graph.blobs.path(digest)
    assert path is not None
    return path


def layer_of(graph: tk.Graph, reference: str) -> str:
    layers = tk.Ledger.load(graph.layout.ledger).layers
    return str(layers[layers["image"] == reference]["blob_digest"].iloc[0])


def document_of(graph: tk.Graph, name: str) -> str:
    return next(str(one["digest"]) for one in index_of(graph) if name in str(one["annotations"]))


def images_of(graph: tk.Graph) -> tuple[str, str]:
    """Base and top."""
    top = graph.tags.all()[SCHEMA1]["1"]
    (base,) = set(graph) - {top}
    return base, top


# -- nothing wrong -----------------------------------------------------------------------------------------------


def test_a_graph_as_it_was_pulled_is_intact_to_the_last_row(full: tk.Graph) -> None:
    before = {path: path.read_bytes() for path in files_of(full)}
    report = verify(full)
    assert report.outcome == "accepted"
    assert set(report.holdings["outcome"]) == {"intact"}
    assert set(report.holdings["disposition"]) == {"left"}
    assert set(report.holdings["path"]) >= {str(path.relative_to(full.layout.root)) for path in before}
    assert report.pull.verb == "verify"
    assert {path: path.read_bytes() for path in files_of(full)} == before


def test_everything_the_teaching_registry_has_is_pulled_and_found_intact(graph: tk.Graph) -> None:
    registry = teaching_registry()
    for repository, tags in registry.manifests.items():
        for tag in tags:
            with contextlib.suppress(tk.ToolkitError):
                tk.pull(f"{repository}:{tag}", graph, source=registry)
            tk.inspect(f"{repository}:{tag}", graph=graph, source=registry)
    report = verify(graph)
    assert report.outcome == "accepted"
    assert set(report.holdings["outcome"]) == {"intact"}


def test_an_empty_graph_is_intact(graph: tk.Graph) -> None:
    graph.prepare()
    assert verify(graph).outcome == "accepted"


def test_no_graph_is_an_error_and_makes_none(tmp_path: Path) -> None:
    with pytest.raises(tk.errors.GraphError, match="there is no graph"):
        verify(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_images_of_before_strong_ids_are_unknown_and_no_finding(graph: tk.Graph) -> None:
    graph.register_legacy(b'{"id":"' + b"a" * 64 + b'"}')
    report = verify(graph)
    assert report.outcome == "accepted"
    assert set(report.holdings.query("kind == 'image'")["outcome"]) == {"unknown"}
    assert "before strong IDs" in report.holdings.query("compared == 'strong-id'")["reason"].iloc[0]


@pytest.mark.parametrize("legacy", ["legacy", "legacy-base-only"])
def test_reused_images_of_before_strong_ids_are_followed_to_their_parents(graph: tk.Graph, teaching: Source, legacy: str) -> None:
    prepare_graph(graph, legacy)
    tk.pull("teach/legacy:1", graph, source=teaching)
    report = verify(graph)
    assert report.outcome == "accepted"
    assert set(wrong(report)["outcome"]) == set()


# -- blobs -------------------------------------------------------------------------------------------------------


def test_a_blob_that_rotted_is_named_with_both_digests_and_lies_in_quarantine(full: tk.Graph) -> None:
    digest = layer_of(full, "o:1")
    spoil(blob_of(full, digest))
    own = str(tk.Digest.of(b"spoilt"))
    report = verify(full)
    row = wrong(report).query("kind == 'blob'").iloc[0]
    assert (row["subject"], row["expected"], row["actual"]) == (digest, digest, own)
    assert (row["outcome"], row["disposition"], row["size"]) == ("rotten", "quarantined", 6)
    assert report.outcome == "rejected"
    assert report.error is not None
    assert report.error["code"] == "graph-rotten"
    assert full.blobs.path(digest) is None
    assert full.blobs.evidence(own) is not None
    assert tk.pull("o:1", full, source=oci_shop().transport()).outcome == "accepted"
    assert verify(full).outcome == "accepted"


def test_without_quarantine_it_is_only_named(full: tk.Graph) -> None:
    digest = layer_of(full, "o:1")
    spoil(blob_of(full, digest))
    before = {path: path.read_bytes() for path in full.layout.root.rglob("*") if path.is_file()}
    report = verify(full, quarantine=False)
    assert wrong(report).query("compared == 'digest'")["disposition"].tolist() == ["left"]
    assert {path: path.read_bytes() for path in full.layout.root.rglob("*") if path.is_file()} == before
    assert report.ledger.directory is None


def test_what_an_image_needs_and_is_not_there_is_absent(full: tk.Graph) -> None:
    digest = layer_of(full, "o:1")
    blob_of(full, digest).unlink()
    report = verify(full)
    assert wrong(report)[["subject", "compared", "outcome"]].to_numpy().tolist() == [[digest, "needed", "absent"]]
    assert report.outcome == "rejected"


def test_a_layer_that_expands_to_something_else_than_its_configuration_says_stays_and_is_named(graph: tk.Graph) -> None:
    shop = oci_shop()
    manifest = shop.manifest("1")
    config = json.loads(shop.blobs[manifest["config"]["digest"]])
    config["rootfs"]["diff_ids"] = ["sha256:" + "1" * 64]
    shop.document({**manifest, "config": shop.blob(json.dumps(config).encode(), manifest["config"]["mediaType"])}, "1")
    tk.pull("o:1", graph, source=shop.transport(), diff_ids=False)
    report = verify(graph)
    row = wrong(report).iloc[0]
    assert (row["compared"], row["outcome"], row["disposition"]) == ("diff-id", "rotten", "left")
    assert row["expected"] == "sha256:" + "1" * 64
    assert "the configuration" in row["reason"]
    assert graph.blobs.path(row["subject"]) is not None


def test_a_size_a_manifest_is_wrong_about_is_named(graph: tk.Graph) -> None:
    shop = oci_shop()
    manifest = shop.manifest("1")
    manifest["layers"][0]["size"] += 1
    shop.document(manifest, "1")
    tk.pull("o:1", graph, source=shop.transport(), accept=["descriptor-size", "blob-size"])
    row = wrong(verify(graph)).iloc[0]
    assert (row["compared"], int(row["expected"]) - int(row["actual"])) == ("size", 1)


def test_a_blob_that_cannot_be_read_is_a_row_and_the_rest_goes_on(full: tk.Graph) -> None:
    digest = layer_of(full, "o:1")
    path = blob_of(full, digest)

    class Failing(fsops.System):
        def open(self, opened: fsops.system.AnyPath, flags: int, mode: int = 0o777, *, folder: int | None = None) -> int:
            if Path(opened) == path:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return super().open(opened, flags, mode, folder=folder)

    with fsops.under(Failing()):
        report = verify(full, quarantine=False)
    row = report.holdings.query("compared == 'read'").iloc[0]
    assert (row["subject"], row["outcome"], row["actual"]) == (digest, "unknown", "EIO")
    assert report.outcome == "undecided"
    assert report.error is not None
    assert report.error["code"] == "graph-unreadable"
    assert len(report.holdings) > 20


def test_a_stray_file_is_unknown(full: tk.Graph) -> None:
    for name in ("blobs/sha256/readme", "blobs/file", "images/readme", "chains/sha256/readme", "readme"):
        (full.layout.root / name).write_bytes(b"?")
    report = verify(full)
    found = report.holdings.query("outcome == 'unknown'")
    assert set(found["path"]) == {"blobs/sha256/readme", "blobs/file", "images/readme", "chains/sha256/readme", "readme"}
    assert report.outcome == "accepted"


# -- images ------------------------------------------------------------------------------------------------------

SPOILS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "strong-id": ("json", lambda data: data.replace(b"linux", b"linus")),
    "checksum": ("checksum", lambda data: b"sha256:" + b"1" * 64),
    "layersize": ("layersize", lambda _: b"17"),
    "config": ("v1Compatibility", lambda data: data.replace(b"linux", b"linus")),
    "history": ("v1Compatibility", lambda data: data.replace(b'"id":"', b'"id":"0')),
    "parent": ("parent", lambda _: b"2" * 64),
    "tar-data": ("tar-data.json.gz", lambda data: gzip.compress(gzip.decompress(data).replace(b'"type":1', b'"type":3'))),
}


@pytest.mark.parametrize("compared", SPOILS)
def test_an_image_whose_files_do_not_agree_is_named_and_set_aside_whole(full: tk.Graph, compared: str) -> None:
    _, top = images_of(full)
    name, change = SPOILS[compared]
    path = full.layout.image(top) / name
    if not path.exists():
        path.touch()
    spoil(path, change(path.read_bytes()))
    rows = wrong(verify(full))
    row = rows[rows["compared"] == compared].iloc[0]
    assert row["subject"] == top
    assert row["expected"] != row["actual"]
    if compared == "parent":
        assert row["outcome"] in ("absent", "rotten")
        return
    assert (row["outcome"], row["disposition"]) == ("rotten", "quarantined")
    assert top not in full
    aside = full.layout.quarantined_image(top, 0)
    assert {one.name for one in aside.iterdir()} >= {"checksum", "json", "layersize", "v1Compatibility"}
    tk.pull("s:1", full, source=schema1_registry())
    again = verify(full)
    assert again.outcome == "accepted"
    assert again.holdings.query("kind == 'quarantined' and compared == 'content'")["outcome"].tolist() == ["unknown"]


@pytest.mark.parametrize(
    ("name", "compared"), [("checksum", "checksum"), ("layersize", "layersize"), ("v1Compatibility", "config")]
)
def test_a_file_an_image_has_lost_is_absent(full: tk.Graph, name: str, compared: str) -> None:
    _, top = images_of(full)
    (full.layout.image(top) / name).unlink()
    report = verify(full)
    assert [compared, "absent"] in wrong(report)[["compared", "outcome"]].to_numpy().tolist()
    assert report.outcome == "rejected"


def test_an_image_without_its_json_or_its_parent_is_named(full: tk.Graph) -> None:
    base, top = images_of(full)
    shutil.rmtree(full.layout.image(base))
    rows = wrong(verify(full))
    assert rows[["subject", "compared", "outcome"]].to_numpy().tolist() == [
        [top, "parent", "absent"],
        [f"{SCHEMA1}:1", "image", "rotten"],
    ]
    (full.layout.image(top) / "json").unlink()
    rows = wrong(verify(full))
    assert ["strong-id", "absent"] in rows[["compared", "outcome"]].to_numpy().tolist()


def test_an_image_under_an_id_that_was_hashed_again_is_intact(graph: tk.Graph) -> None:
    """The place of the strong ID was taken by something else, so the image was given the next one."""
    registry = schema1_registry()
    probe = tk.pull("s:1", tk.Graph.temporary(), source=registry)
    strong = probe.strong_ids["strong_id"].iloc[-1][7:]
    graph.prepare()
    graph.layout.image(strong).mkdir()
    (graph.layout.image(strong) / "json").write_bytes(b'{"id":"' + strong.encode() + b'"}')
    report = tk.pull("s:1", graph, source=registry)
    assert report.image_id == tk.next_id(strong)
    again = verify(graph)
    assert again.outcome == "accepted"
    assert again.holdings.query("outcome == 'unknown'")["subject"].unique().tolist() == [strong]


# -- names -------------------------------------------------------------------------------------------------------


def test_a_tag_moved_to_another_image_that_is_there_is_caught_by_the_ledger(full: tk.Graph) -> None:
    base, top = images_of(full)
    full.layout.repositories.write_bytes(full.layout.repositories.read_bytes().replace(top.encode(), base.encode()))
    report = verify(full)
    row = wrong(report).iloc[0]
    assert (row["subject"], row["compared"], row["expected"], row["actual"]) == (f"{SCHEMA1}:1", "ledger", top, base)
    assert report.outcome == "rejected"


def test_a_tag_moved_by_a_pull_is_no_finding(graph: tk.Graph) -> None:
    """Steps are followed, not times: there and back, twice."""
    shops = [oci_shop(), oci_shop()]
    shops[1].image("1", layers=1, salt="other")
    for shop in (*shops, *shops, shops[0]):
        tk.pull("o:1", graph, source=shop.transport())
        assert verify(graph).outcome == "accepted"


def test_a_tag_set_by_a_call_that_did_not_end_is_no_finding(graph: tk.Graph) -> None:
    shops = [oci_shop(), oci_shop()]
    shops[1].image("1", layers=1, salt="other")
    tk.pull("o:1", graph, source=shops[0].transport())

    class Stopped(BaseException):
        pass

    def stop(message: object) -> None:
        if str(getattr(message, "text", "")).startswith("Digest:"):
            raise Stopped

    with pytest.raises(Stopped):
        tk.pull("o:1", graph, source=shops[1].transport(), progress=stop)
    assert verify(graph).outcome == "accepted"


def test_a_tag_nobody_tells_of_is_unknown_and_one_that_is_gone_is_absent(full: tk.Graph) -> None:
    base, _ = images_of(full)
    full.set_reference("mine", "1", base)
    report = verify(full)
    assert report.holdings.query("outcome == 'unknown'")["subject"].tolist() == ["mine:1"]
    assert report.outcome == "accepted"
    full.layout.repositories.write_bytes(b'{"Repositories":{}}')
    full.layout.index.write_bytes(b'{"schemaVersion":2,"manifests":[]}')
    rows = wrong(verify(full))
    assert sorted(rows[["path", "subject", "outcome"]].to_numpy().tolist()) == [
        [path, subject, "absent"] for path in ("index.json", "repositories.json") for subject in (f"{OCI}:1", f"{SCHEMA1}:1")
    ]


def test_an_entry_of_the_index_that_others_wrote_is_compared_with_its_manifest(full: tk.Graph) -> None:
    document = json.loads(full.layout.index.read_bytes())
    right = {key: value for key, value in document["manifests"][0].items() if key != "annotations"}
    for entry, expected in (
        (right, {"unknown"}),
        ({**right, "size": 1}, {"unknown", "size"}),
        ({**right, "mediaType": "text/plain"}, {"unknown", "media-type"}),
        ({**right, "digest": "sha256:" + "3" * 64}, {"manifest"}),
        ({**right, "digest": "nonsense"}, {"manifest"}),
    ):
        full.layout.index.write_text(json.dumps({**document, "manifests": [*document["manifests"], entry]}))
        rows = verify(full, quarantine=False).holdings.query("subject == 'entry 2'")
        found = set(rows[rows["outcome"].isin(["rotten", "absent"])]["compared"]) | set(
            rows[rows["outcome"] == "unknown"]["outcome"]
        )
        assert found == expected, entry


def test_an_index_that_is_damaged_is_named_either_way(full: tk.Graph) -> None:
    for path in (full.layout.oci_layout, full.layout.index, full.layout.repositories):
        before = path.read_bytes()
        path.write_bytes(b"{")
        looked, mended = wrong(verify(full, quarantine=False)), wrong(verify(full))
        assert [path.name, "format", "left"] in looked[["path", "compared", "disposition"]].to_numpy().tolist()
        assert [path.name, "format", "rebuilt"] in mended[["path", "compared", "disposition"]].to_numpy().tolist()
        assert len(path.read_bytes()) == len(before)
        assert verify(full).outcome == "accepted"


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"diff_id":"x","blob":"sha256:0"}', b'{"diff_id":"x","blob":"sha256:' + b"0" * 64 + b'"}']
)
def test_a_chain_id_that_is_wrong_is_made_anew(full: tk.Graph, content: bytes) -> None:
    (path,) = (full.layout.root / "chains" / "sha256").iterdir()
    before = path.read_bytes()
    path.write_bytes(content)
    row = wrong(verify(full)).iloc[0]
    assert (row["kind"], row["outcome"], row["disposition"]) == ("chain", "rotten", "rebuilt")
    assert path.read_bytes() == before
    assert full.blobs.evidence(tk.Digest.of(content)) is not None
    assert verify(full).outcome == "accepted"


def test_a_chain_id_no_image_here_has_is_unknown_and_gibberish_in_it_goes_to_quarantine(full: tk.Graph) -> None:
    full.chains.add("sha256:" + "4" * 64, "sha256:" + "5" * 64, "sha256:" + "6" * 64)
    report = verify(full)
    assert report.outcome == "accepted"
    assert report.holdings.query("outcome == 'unknown'")["kind"].tolist() == ["chain"]
    path = full.layout.chain(tk.Digest.parse("sha256:" + "4" * 64))
    path.write_bytes(b"{")
    assert wrong(verify(full))["disposition"].tolist() == ["quarantined"]
    assert not path.exists()


# -- quarantine, downloads, parts --------------------------------------------------------------------------------


def test_what_changed_in_quarantine_moves_on_under_its_new_digest(full: tk.Graph) -> None:
    path = full.blobs.evidence(tk.Digest.of(b"rejected"))
    assert path is not None
    spoil(path)
    row = wrong(verify(full)).iloc[0]
    assert (row["kind"], row["disposition"], row["actual"]) == ("quarantined", "quarantined", str(tk.Digest.of(b"spoilt")))
    assert not path.exists()
    assert verify(full).outcome == "accepted"


def test_an_unfinished_download_is_a_row_and_no_finding(full: tk.Graph) -> None:
    full.layout.partial(tk.Digest.of(b"whole")).write_bytes(b"who")
    report = verify(full)
    assert set(report.holdings.query("kind == 'partial'")["size"]) == {3}
    assert report.outcome == "accepted"


def test_the_parts_together_are_everything_and_each_thing_is_in_one(full: tk.Graph) -> None:
    spoil(blob_of(full, layer_of(full, "o:1")))
    columns = ["kind", "subject", "path", "compared", "outcome"]
    whole = sorted(verify(full, quarantine=False).holdings[columns].to_numpy().tolist())
    parts = [verify(full, quarantine=False, subset=f"{number}/5").holdings[columns].to_numpy().tolist() for number in range(1, 6)]
    assert max(map(len, parts)) < len(whole)
    names = [{tuple(row[:4]) for row in part} for part in parts]
    assert sum(map(len, names)) == len(set().union(*names)) == len(whole)
    blobs = [row for part in parts for row in part if row[3] == "digest"]
    assert sorted(blobs) == [row for row in whole if row[3] == "digest"]


def test_a_ledger_that_cannot_be_read_is_a_row_and_the_rest_goes_on(full: tk.Graph) -> None:
    for path in full.layout.ledger.glob("*.jsonl"):
        spoil(path, b"nonsense\n")
    report = verify(full, quarantine=False)
    assert report.outcome == "rejected"
    assert set(report.holdings.query("kind == 'ledger' and compared == 'line'")["outcome"]) == {"rotten"}
    assert set(report.holdings.query("compared == 'ledger'")["outcome"]) == {"unknown"}
    assert len(report.holdings) > 20
    assert set(report.holdings.query("kind == 'blob'")["outcome"]) == {"intact"}


def test_somebody_at_work_on_a_blob_is_left_in_peace(full: tk.Graph) -> None:
    digest = layer_of(full, "o:1")
    spoil(blob_of(full, digest))
    with full.turns.take(f"blob {digest}", lambda _: None):
        row = wrong(verify(full)).query("compared == 'digest'").iloc[0]
    assert row["disposition"] == "left"
    assert "at this moment" in row["reason"]


def test_what_cannot_be_moved_is_still_named(full: tk.Graph) -> None:
    digest = layer_of(full, "o:1")
    spoil(blob_of(full, digest))

    class Full(fsops.System):
        def link(self, source: fsops.system.AnyPath, target: fsops.system.AnyPath) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with fsops.under(Full()):
        row = wrong(verify(full)).query("compared == 'digest'").iloc[0]
    assert row["disposition"] == "left"
    assert "cannot be moved" in row["reason"]


def test_the_card_says_what_is_wrong(full: tk.Graph) -> None:
    assert "everything was read again" in repr(verify(full))
    digest = layer_of(full, "o:1")
    spoil(blob_of(full, digest))
    text = repr(verify(full))
    assert "rejected" in text
    assert digest[7:] in text
    assert "quarantined" in text
