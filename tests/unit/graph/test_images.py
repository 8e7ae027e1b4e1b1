"""Image directories: whole or not at all, never overwritten, damaged ones kept aside."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.places import PROJECT

import toolkit as tk
from toolkit.graph.images import parent_file
from toolkit.identity.image_config import image_config
from toolkit.layers.tar_rebuild import rebuild
from toolkit.reuse.stored_image import StoredImage
from toolkit.simulator.images import LayerRecipe, layer_blob, v1_compatibility

ID = "a" * 64
OTHER = "b" * 64
LAYER = "sha256:" + "1" * 64
TEXT = v1_compatibility(ID, "", LayerRecipe("ADD")).encode()
CONFIG = image_config(TEXT, LAYER)


def register(graph: tk.Graph, image_id: str = ID, *, config: bytes = CONFIG, parent: str = "") -> bool:
    return graph.register(image_id, config, parent=parent, layer_size=12, checksum=LAYER, v1_compatibility=TEXT)


def files(graph: tk.Graph, image_id: str = ID) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in graph.layout.image(image_id).iterdir()}


def mode(path: Path) -> str:
    return f"{path.stat().st_mode & 0o7777:04o}"


def test_an_image_is_the_files_docker_kept(graph: tk.Graph) -> None:
    graph.prepare()
    assert register(graph)
    assert files(graph) == {"json": CONFIG, "layersize": b"12", "checksum": LAYER.encode(), "v1Compatibility": TEXT}
    assert mode(graph.layout.image(ID)) == "0700"
    assert {mode(path) for path in graph.layout.image(ID).iterdir()} == {"0600"}
    assert [path.name for path in graph.layout.ingest.iterdir()] == ["locks"]
    assert graph[ID] == StoredImage(json=CONFIG, layersize=b"12", checksum=LAYER.encode(), v1_compatibility=TEXT)
    assert list(graph) == [ID]


def test_an_image_that_is_there_stays_as_it_is(graph: tk.Graph) -> None:
    graph.prepare()
    register(graph)
    before = {path: path.stat() for path in graph.layout.image(ID).iterdir()}
    assert not register(graph, config=CONFIG.replace(b"linux", b"plan9"), parent=OTHER)
    assert {path: path.stat() for path in graph.layout.image(ID).iterdir()} == before


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("json", b""),
        ("json", b"[]"),
        ("json", b'{"id":"' + OTHER.encode() + b'"}'),
        ("layersize", b"many"),
        ("layersize", b"99999999999999999999"),
    ],
)
def test_a_directory_that_cannot_be_loaded_is_moved_aside_and_not_removed(graph: tk.Graph, name: str, content: bytes) -> None:
    graph.prepare()
    register(graph)
    for number in range(2):
        (graph.layout.image(ID) / name).write_bytes(content)
        damaged = files(graph)
        assert register(graph)
        assert files(graph)["json"] == CONFIG
        aside = graph.layout.root / "quarantine" / "images" / f"{ID}.{number}"
        assert {path.name: path.read_bytes() for path in aside.iterdir()} == damaged
    assert list(graph) == [ID]


def test_a_directory_without_its_json_is_moved_aside(graph: tk.Graph) -> None:
    graph.prepare()
    register(graph)
    (graph.layout.image(ID) / "json").unlink()
    assert register(graph)
    assert not (graph.layout.root / "quarantine" / "images" / f"{ID}.0" / "json").exists()
    assert (graph.layout.root / "quarantine" / "images" / f"{ID}.0" / "checksum").exists()


DIES = """
import os, sys
from toolkit.graph.store import Graph

def die(*unused): os._exit(9)

setattr(os, sys.argv[2], die)
graph = Graph(sys.argv[1])
graph.register("a" * 64, b'{}', parent="", layer_size=1, checksum="sha256:00", v1_compatibility=b"{}")
"""


@pytest.mark.parametrize("call", ["rename", "fsync", "write", "mkdir"])
def test_a_process_that_dies_at_any_step_leaves_no_half_image(graph: tk.Graph, call: str) -> None:
    graph.prepare()
    died = subprocess.run([sys.executable, "-c", DIES, str(graph.layout.root), call], cwd=PROJECT, check=False)
    assert died.returncode == 9
    assert list(graph) == []
    assert ID not in graph
    assert register(graph)
    assert files(graph)["json"] == CONFIG


def test_two_who_register_the_same_image_commit_it_once(graph: tk.Graph) -> None:
    graph.prepare()
    assert [register(graph), register(tk.Graph(graph.layout.root))] == [True, False]


def test_names_that_are_no_ids_are_not_images(graph: tk.Graph) -> None:
    graph.prepare()
    register(graph)
    for name in ("_tmp", "A" * 64, "a" * 63, "a" * 65, ".hidden"):
        (graph.layout.images / name).mkdir()
    (graph.layout.images / OTHER).write_text("a file")
    assert ID in graph
    assert [image_id for image_id in graph if image_id in graph] == [ID]
    assert "A" * 64 not in graph
    with pytest.raises(KeyError):
        _ = graph["../" + ID]


def test_a_path_is_no_image_id(graph: tk.Graph) -> None:
    with pytest.raises(tk.errors.GraphError) as caught:
        graph.layout.image("../../etc")
    assert caught.value.message == "invalidimageid: image ID '../../etc' is invalid "


# -- the parent file ---------------------------------------------------------------------------------------------


def with_parent(parent_id: object) -> bytes:
    return json.dumps({"parent_id": parent_id}).encode()


@pytest.mark.parametrize(
    ("config", "parent", "content"),
    [
        (b"{}", "", None),
        (b"{}", OTHER, None),
        (with_parent(f"sha256:{OTHER}"), OTHER, None),
        (with_parent(f"sha256:{OTHER}"), ID, ID.encode()),
        (with_parent(f"sha256:{OTHER}"), "", b""),
        (with_parent("nonsense"), ID, None),
        (with_parent(f"md5:{OTHER}"), ID, None),
        (with_parent(""), ID, None),
        (with_parent("sha256:b"), "b", None),
    ],
)
def test_a_parent_file_is_written_when_the_parent_in_use_is_another(config: bytes, parent: str, content: bytes | None) -> None:
    assert parent_file(config, parent) == content


def test_the_parent_file_of_a_registered_image_may_be_empty(graph: tk.Graph) -> None:
    graph.prepare()
    config = image_config(TEXT, LAYER, f"sha256:{OTHER}")
    register(graph, config=config, parent="")
    assert files(graph)["parent"] == b""
    assert graph[ID].parent == b""
    register(graph, OTHER, config=config, parent=ID)
    assert files(graph, OTHER)["parent"] == ID.encode()


# -- images of before strong IDs ---------------------------------------------------------------------------------


def test_a_legacy_image_is_written_back_as_docker_did(graph: tk.Graph) -> None:
    layer = layer_blob({"a": b"12345", "b/": b"", "b/c": b"678"})
    given = json.dumps({"id": ID, "os": "linux", "unknown": 1, "created": "2015-10-20T01:02:03.40Z", "parent": OTHER})
    assert graph.register_legacy(given.encode(), layer=layer) == ID
    written = files(graph)
    assert sorted(written) == ["json", "layersize", "tar-data.json.gz"]
    assert written["layersize"] == b"8"
    record = json.loads(written["json"])
    assert list(record) == ["id", "parent", "created", "container_config", "os"]
    assert (record["parent"], record["created"]) == (OTHER, "2015-10-20T01:02:03.4Z")
    path = graph.blobs.path(tk.Digest.of(layer))
    assert path is not None
    assert path.read_bytes() == layer


def test_only_a_checksum_makes_a_legacy_image_one_that_can_be_reused(graph: tk.Graph) -> None:
    graph.register_legacy(json.dumps({"id": ID}).encode())
    graph.register_legacy(json.dumps({"id": OTHER}).encode(), checksum=LAYER)
    assert sorted(files(graph)) == ["json"]
    assert files(graph, OTHER)["checksum"] == LAYER.encode()


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (b"", tk.errors.GoJSONError),
        (b"[]", tk.errors.GoJSONError),
        (b"{}", tk.errors.GraphError),
        (b'{"id":"x"}', tk.errors.GraphError),
        (b'{"id":"../../../etc/passwd"}', tk.errors.GraphError),
    ],
)
def test_a_legacy_image_without_an_id_is_refused(graph: tk.Graph, given: bytes, kind: type[tk.ToolkitError]) -> None:
    with pytest.raises(kind):
        graph.register_legacy(given)
    assert list(graph) == []


def test_a_legacy_layer_that_cannot_be_read_is_refused(graph: tk.Graph) -> None:
    with pytest.raises(tk.errors.LayerError):
        graph.register_legacy(json.dumps({"id": ID}).encode(), layer=layer_blob({"a": b"1"})[:-300])
    assert list(graph) == []


# -- the metadata of the layer's tar -----------------------------------------------------------------------------


def with_layer(graph: tk.Graph, layer: bytes, image_id: str = ID) -> bool:
    graph.prepare()
    graph.blobs.add(layer)
    return graph.register(
        image_id, CONFIG, parent="", layer_size=12, checksum=LAYER, v1_compatibility=TEXT, layer=str(tk.Digest.of(layer))
    )


@pytest.mark.parametrize("compressed", [True, False])
def test_an_image_with_its_layer_gets_what_it_takes_to_put_the_tar_together(graph: tk.Graph, *, compressed: bool) -> None:
    contents = {"a": b"12345", "b/": b"", "b/c": b"678"}
    assert with_layer(graph, layer_blob(contents, gzip=compressed))
    assert mode(graph.layout.image(ID) / "tar-data.json.gz") == "0600"
    data = gzip.decompress(files(graph)["tar-data.json.gz"])
    assert b"".join(rebuild([data], lambda name: [contents[name.decode()]])) == layer_blob(contents, gzip=False)


def test_the_same_layer_gives_the_same_bytes(graph: tk.Graph) -> None:
    for image_id in (ID, OTHER):
        with_layer(graph, layer_blob({"a": b"12345"}), image_id)
    assert files(graph)["tar-data.json.gz"] == files(graph, OTHER)["tar-data.json.gz"]


@pytest.mark.parametrize("layer", [b"no layer at all", layer_blob({"a": b"1", "./a": b"2"})], ids=["unreadable", "duplicates"])
def test_a_layer_let_in_by_an_exception_has_no_such_file(graph: tk.Graph, layer: bytes) -> None:
    assert with_layer(graph, layer)
    assert sorted(files(graph)) == ["checksum", "json", "layersize", "v1Compatibility"]


def test_an_image_that_is_there_leaves_the_layer_unread(graph: tk.Graph) -> None:
    """As Docker 1.9: success, the stream untouched, nothing written."""
    graph.prepare()
    register(graph)
    before = files(graph)
    assert not graph.images.register(ID, graph[ID], layer=lambda: pytest.fail("the layer was asked for"))
    assert files(graph) == before


# -- what is added later -----------------------------------------------------------------------------------------


def test_a_lost_layersize_is_measured_again(graph: tk.Graph) -> None:
    layer = layer_blob({"a": b"12345"})
    digest = str(tk.Digest.of(layer))
    graph.register_legacy(json.dumps({"id": ID}).encode(), layer=layer, checksum=digest)
    (graph.layout.image(ID) / "layersize").unlink()
    graph.restore_layersize(ID)
    assert files(graph)["layersize"] == b"5"
    assert mode(graph.layout.image(ID) / "layersize") == "0600"


@pytest.mark.parametrize("checksum", [None, LAYER, "", "nonsense", "sha256:b", "tarsum.v1+sha256:ab", "\udcff"])
def test_a_layersize_that_cannot_be_measured_stays_away(graph: tk.Graph, checksum: str | None) -> None:
    graph.register_legacy(json.dumps({"id": ID}).encode())
    if checksum is not None:
        (graph.layout.image(ID) / "checksum").write_bytes(checksum.encode("utf-8", "surrogateescape"))
    graph.restore_layersize(ID)
    graph.restore_layersize(OTHER)
    assert "layersize" not in files(graph)
    assert list(graph) == [ID]


def test_what_is_there_is_not_completed_again(graph: tk.Graph) -> None:
    graph.prepare()
    register(graph)
    before = files(graph)
    graph.images.complete(ID, layersize=b"99", v1_compatibility=b"{}")
    assert files(graph) == before
    (graph.layout.image(ID) / "v1Compatibility").unlink()
    graph.images.complete(ID, layersize=b"99", v1_compatibility=b"{}")
    assert files(graph) == before | {"v1Compatibility": b"{}"}
