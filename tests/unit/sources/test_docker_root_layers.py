"""Layers of a daemon's folder, put together from the metadata of their tars and the files they were unpacked to."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.docker_roots import PLACES, root_of, unpack
from support.trees import as_json, opened, read, saved, visit, write

import toolkit as tk
from toolkit.digests import sha256
from toolkit.identity.image_config import image_config
from toolkit.identity.strong_id import strong_id
from toolkit.layers.tar_split import split
from toolkit.layers.tar_sum import tar_sum
from toolkit.reuse.plan import next_id
from toolkit.simulator.images import LayerRecipe, layer_blob, v1_compatibility
from toolkit.sources.docker_root import DockerRoot
from toolkit.sources.files import FileSource
from toolkit.sources.legacy_review import LegacyImage, TreeGraph
from toolkit.sources.tree import FolderTree

BASE, TOP = "a" * 64, "b" * 64
LOWER = {"etc/": b"", "etc/motd": b"welcome\n", "bin/sh": b"#!shell\n" * 40}
UPPER = {"etc/motd": b"bye\n", "empty": b""}


def tar(files: dict[str, bytes]) -> bytes:
    return layer_blob(files, gzip=False)


def named(root: Path) -> FileSource:
    return opened(root)


def review(root: Path) -> dict[str, LegacyImage]:
    images = named(root).images
    assert isinstance(images, DockerRoot)
    return {one.id: one for one in images.review()}


def old_graph() -> tk.Graph:
    """Two images from before strong IDs, without checksums: built here and never pushed."""
    graph = tk.Graph.temporary()
    for image_id, parent, files in ((BASE, "", LOWER), (TOP, BASE, UPPER)):
        text = v1_compatibility(image_id, parent, LayerRecipe("ADD", docker_version="1.7.1"))
        graph.register_legacy(text.encode(), layer=tar(files))
    return graph


def old_root(folder: Path, driver: str = "aufs") -> Path:
    return root_of(old_graph(), folder, {BASE: tar(LOWER), TOP: tar(UPPER)}, driver=driver, top=TOP)


@pytest.mark.parametrize("driver", PLACES)
def test_layers_without_a_checksum_are_named_by_their_tar_and_given(tmp_path: Path, driver: str) -> None:
    source = named(old_root(tmp_path / "docker", driver))
    connection = visit(source)
    document = json.loads(connection.manifest(source.resolve(None, seed_grammar=False)).body)
    digests = [one["blobSum"] for one in document["fsLayers"]]
    assert digests == [sha256(tar(UPPER)), sha256(tar(LOWER))]
    assert [read(connection, digest) for digest in digests] == [tar(UPPER), tar(LOWER)]
    assert connection.blob(digests[0]).announced == len(tar(UPPER))


def test_such_an_image_is_inspected_to_its_last_byte(tmp_path: Path) -> None:
    report = tk.inspect(source=old_root(tmp_path / "docker"))
    assert report.outcome == "accepted"
    assert list(report.layers["diff_id"]) == [sha256(tar(LOWER)), sha256(tar(UPPER))]


def test_a_layer_pulled_uncompressed_is_given_under_its_checksum(tmp_path: Path) -> None:
    root = old_root(tmp_path)
    for image_id, files in ((BASE, LOWER), (TOP, UPPER)):
        (root / "graph" / image_id / "checksum").write_text(sha256(tar(files)))
    connection = visit(named(root))
    assert read(connection, sha256(tar(LOWER))) == tar(LOWER)
    assert {one.compared for one in review(root).values()} == {"equal"}


def test_of_a_layer_pulled_compressed_the_tar_is_told_and_given_under_its_own_digest(tmp_path: Path) -> None:
    root = old_root(tmp_path)
    blob = gzip.compress(tar(LOWER))
    (root / "graph" / BASE / "checksum").write_text(sha256(blob))
    connection = visit(named(root))
    with pytest.raises(tk.errors.NotKeptError, match="keeps no layer archives") as caught:
        connection.blob(sha256(blob))
    assert caught.value.actual == f"the rebuilt tar {sha256(tar(LOWER))}"
    assert sha256(tar(LOWER)) in caught.value.next_step
    assert read(connection, sha256(tar(LOWER))) == tar(LOWER)
    assert review(root)[BASE].compared == "compressed"
    assert review(root)[BASE].tar_digest == sha256(tar(LOWER))


def test_that_the_tar_is_a_rebuilt_one_stands_in_the_report(tmp_path: Path) -> None:
    root = old_root(tmp_path)
    (root / "graph" / BASE / "checksum").write_text(sha256(gzip.compress(tar(LOWER))))
    report = tk.inspect(source=root)
    assert report.outcome == "undecided"
    assert report.error is not None
    assert "the rebuilt tar" in str(report.error)


@pytest.mark.parametrize(
    ("damage", "message", "place"),
    [
        (
            lambda root: (root / f"aufs/diff/{BASE}/etc/motd").unlink(),
            "the file 'etc/motd' of the layer is not there",
            "etc/motd",
        ),
        (
            lambda root: (root / f"aufs/diff/{BASE}/etc/motd").write_bytes(b"welcomE\n"),
            'file integrity checksum failed for "etc/motd"',
            "etc/motd",
        ),
        (lambda root: (root / f"graph/{BASE}/tar-data.json.gz").unlink(), "there is no metadata of its tar", "tar-data.json.gz"),
        (
            lambda root: (root / f"graph/{BASE}/tar-data.json.gz").write_bytes(b"short"),
            "EOF",
            "tar-data.json.gz",
        ),
        (
            lambda root: (root / f"graph/{BASE}/tar-data.json.gz").write_bytes(gzip.compress(b"no metadata\n")),
            "the metadata of the tar cannot be read",
            "tar-data.json.gz",
        ),
        (lambda root: shutil.rmtree(root / f"aufs/diff/{BASE}"), "its files are not where a driver", ""),
    ],
)
def test_what_is_missing_or_changed_is_a_typed_finding_with_its_path(
    tmp_path: Path, damage: Callable[[Path], Any], message: str, place: str
) -> None:
    root = old_root(tmp_path / "docker")
    (root / "graph" / BASE / "checksum").write_text(sha256(tar(LOWER)))
    damage(root)
    with pytest.raises(tk.errors.NotKeptError) as caught:
        visit(named(root)).blob(sha256(tar(LOWER)))
    assert message in str(caught.value.actual)
    assert caught.value.where.endswith(place or "docker")
    found = review(root)[BASE]
    assert (found.tar_digest, found.compared) == (None, "unknown")
    assert any(message in one and caught.value.where in one for one in found.findings)
    report = tk.inspect(source=root)
    assert report.outcome == "undecided"


def test_a_layer_that_cannot_be_named_is_named_by_its_description_and_given_by_nobody(tmp_path: Path) -> None:
    root = old_root(tmp_path)
    shutil.rmtree(root / "aufs")
    source = named(root)
    document = json.loads(visit(source).manifest(source.resolve(None, seed_grammar=False)).body)
    texts = [one["v1Compatibility"].encode() for one in document["history"]]
    assert [one["blobSum"] for one in document["fsLayers"]] == [sha256(text) for text in texts]


def test_a_path_that_leads_up_is_looked_for_below_the_layer(tmp_path: Path) -> None:
    """As Docker 1.9 unpacked it; the file outside is not read."""
    hostile = tar({"../../../secret": b"inside"})
    graph = tk.Graph.temporary()
    graph.register_legacy(as_json({"id": BASE}), layer=hostile)
    root = root_of(graph, tmp_path / "docker", {}, top=BASE)
    write(tmp_path, {"secret": b"outside", "docker/secret": b"outside", f"docker/aufs/diff/{BASE}/secret": b"inside"})
    assert read(visit(named(root)), sha256(hostile)) == hostile


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    root = old_root(tmp_path / "docker")
    secret = saved(tmp_path / "secret", b"welcome\n")
    (root / f"aufs/diff/{BASE}/etc/motd").unlink()
    (root / f"aufs/diff/{BASE}/etc/motd").symlink_to(secret)
    with pytest.raises(tk.errors.SourceError, match="outside"):
        visit(named(root)).blob(sha256(tar(LOWER)))


def test_the_graph_of_a_folder_is_one_to_look_at(tmp_path: Path) -> None:
    root = old_root(tmp_path)
    (root / "graph" / "_tmp").mkdir()
    graph = TreeGraph(FolderTree(root))
    assert (list(graph), len(graph), TOP in graph, "c" * 64 in graph) == ([BASE, TOP], 2, True, False)
    assert graph[TOP].layersize == b"4"
    with pytest.raises(KeyError):
        _ = graph["../graph/" + TOP]


# -- what the files of an image say of each other ------------------------------------------------------------------


def test_images_from_before_strong_ids_are_named_by_their_own_json(tmp_path: Path) -> None:
    found = review(old_root(tmp_path))
    assert list(found) == [BASE, TOP]
    assert (found[TOP].parent, found[TOP].named_by, found[TOP].strong_id) == (BASE, "compatibility-id", None)
    assert found[TOP].findings == ("digest is not set for layer",)
    assert (found[TOP].tar_size, found[TOP].compared, found[TOP].checksum) == (len(tar(UPPER)), "unknown", None)


def strong_graph(*, permuted: bool = False) -> tuple[tk.Graph, dict[str, bytes], str]:
    """Two images as Docker 1.9 pulled them; the layers, and the top's ID."""
    graph, layers, below, parent = tk.Graph.temporary(), {}, "", ""
    graph.prepare()
    for image_id, own_parent, files in ((BASE, "", LOWER), (TOP, BASE, UPPER)):
        blob = layer_blob(files)
        text = v1_compatibility(image_id, own_parent, LayerRecipe("ADD")).encode()
        config = image_config(text, sha256(blob), below)
        below = strong_id(config)
        own = next_id(next_id(below[7:])) if permuted else below[7:]
        graph.blobs.add(blob)
        graph.register(own, config, parent=parent, layer_size=1, checksum=sha256(blob), v1_compatibility=text, layer=sha256(blob))
        layers[own] = blob
        parent = own
    return graph, layers, parent


@pytest.mark.parametrize(("permuted", "by"), [(False, "strong-id"), (True, "permuted")])
def test_a_strong_id_is_computed_again_from_checksum_and_text(tmp_path: Path, *, permuted: bool, by: str) -> None:
    graph, layers, top = strong_graph(permuted=permuted)
    found = review(root_of(graph, tmp_path / "docker", layers, top=top))
    assert {one.named_by for one in found.values()} == {by}
    assert all((one.strong_id == f"sha256:{one.id}") != permuted for one in found.values())
    assert {one.findings for one in found.values()} == {()}
    assert {one.compared for one in found.values()} == {"compressed"}
    assert found[top].parent in found


def test_an_image_pulled_by_docker_1_9_keeps_its_identity_in_an_inspection(tmp_path: Path) -> None:
    graph, layers, top = strong_graph()
    report = tk.inspect(source=root_of(graph, tmp_path / "docker", layers, top=top))
    assert f"sha256:{top}" in list(report.strong_ids["strong_id"])


@pytest.mark.parametrize("name", ["checksum", "v1Compatibility"])
def test_a_name_that_is_not_what_the_files_hash_to_is_told(tmp_path: Path, name: str) -> None:
    graph, layers, top = strong_graph()
    root = root_of(graph, tmp_path / "docker", layers, top=top)
    file = root / "graph" / top / name
    file.write_text(sha256(b"other") if name == "checksum" else file.read_text().replace("ADD", "DEL"))
    found = review(root)[top]
    assert found.named_by == "nothing"
    assert found.findings == (f"the directory's name is not what its files hash to, {found.strong_id}",)


def test_a_text_that_is_missing_is_made_as_docker_made_it(tmp_path: Path) -> None:
    root = old_root(tmp_path)
    for image_id, files in ((BASE, LOWER), (TOP, UPPER)):
        (root / "graph" / image_id / "checksum").write_text(sha256(tar(files)))
    found = review(root)
    texts = [v1_compatibility(*one, LayerRecipe("ADD", docker_version="1.7.1")) for one in ((BASE, ""), (TOP, BASE))]
    sized = [
        json.loads(text) | {"Size": sum(map(len, files.values()))} for text, files in zip(texts, (LOWER, UPPER), strict=True)
    ]
    base = strong_id(image_config(json.dumps(sized[0]).encode(), sha256(tar(LOWER))))
    assert found[BASE].strong_id == base
    assert found[TOP].strong_id == strong_id(image_config(json.dumps(sized[1]).encode(), sha256(tar(UPPER)), base))


@pytest.mark.parametrize(
    ("files", "finding"),
    [
        ({"json": b"{"}, "unexpected EOF"),
        ({"json": as_json({"id": TOP})}, f"Image stored at '{BASE}' has wrong id '{TOP}'"),
        ({"json": as_json({"id": BASE, "parent": "c" * 64})}, f"could not find image: no such id: {'c' * 64}"),
        ({"json": as_json({"id": BASE, "parent": TOP})}, f"the parents of image {BASE} go in a circle"),
        ({"checksum": b"nonsense"}, "invalid checksum digest format"),
        ({"checksum": b"sha256:00", "v1Compatibility": b"{"}, "unexpected end of JSON input"),
        ({"layersize": b"many"}, 'strconv.ParseInt: parsing "many": invalid syntax'),
    ],
)
def test_an_image_docker_could_not_have_used_says_why_in_its_words(tmp_path: Path, files: dict[str, bytes], finding: str) -> None:
    root = old_root(tmp_path)
    write(root / "graph" / BASE, files)
    found = review(root)[BASE]
    assert finding in found.findings
    assert found.strong_id is None
    assert found.tar_digest == sha256(tar(LOWER))


@pytest.mark.parametrize(("version", "right"), [("tarsum.v1", True), ("tarsum", True), ("tarsum.v1", False)])
def test_a_tarsum_is_compared_with_that_of_the_rebuilt_tar(tmp_path: Path, version: str, *, right: bool) -> None:
    root = old_root(tmp_path)
    claimed = tar_sum([tar(LOWER if right else UPPER)], version)
    assert claimed is not None
    (root / "graph" / BASE / "checksum").write_text(claimed)
    found = review(root)[BASE]
    assert found.compared == ("equal" if right else "another")
    assert (f"the rebuilt tar has another TarSum than {claimed}" in found.findings) != right
    source = named(root)
    document = json.loads(visit(source).manifest(source.resolve(None, seed_grammar=False)).body)
    assert document["fsLayers"][1]["blobSum"] == sha256(tar(LOWER))


# -- Docker 1.10 and later ----------------------------------------------------------------------------------------


def today(folder: Path, driver: str, place: str) -> Path:
    lines: list[bytes] = []
    split([tar(LOWER)], lines.append)
    config = as_json({"rootfs": {"type": "layers", "diff_ids": [sha256(tar(LOWER))]}})
    chain = f"image/{driver}/layerdb/sha256/{'c' * 64}"
    write(
        folder,
        {
            f"image/{driver}/imagedb/content/sha256/{sha256(config)[7:]}": config,
            f"{chain}/diff": sha256(tar(LOWER)).encode(),
            f"{chain}/cache-id": b"cache",
            f"{chain}/tar-split.json.gz": gzip.compress(b"".join(lines)),
            f"image/{driver}/layerdb/sha256/{'d' * 64}/size": b"1",
        },
    )
    unpack(tar(LOWER), folder / place.format("cache"))
    return folder


@pytest.mark.parametrize(
    ("driver", "place"), [("overlay2", "overlay2/{}/diff"), *((one, PLACES[one]) for one in ("aufs", "vfs"))]
)
def test_a_layer_of_today_is_given_under_its_diff_id(tmp_path: Path, driver: str, place: str) -> None:
    report = tk.inspect(source=today(tmp_path, driver, place))
    assert report.outcome == "accepted"
    assert list(report.layers["diff_id"]) == [sha256(tar(LOWER))]


@pytest.mark.parametrize("other", ["b", "d"])
def test_of_two_layers_of_one_diff_id_the_one_with_files_is_given(tmp_path: Path, other: str) -> None:
    root = today(tmp_path, "overlay2", "overlay2/{}/diff")
    chain = f"image/overlay2/layerdb/sha256/{other * 64}"
    write(root, {f"{chain}/diff": sha256(tar(LOWER)).encode(), f"{chain}/cache-id": b"gone"})
    assert read(visit(named(root)), sha256(tar(LOWER))) == tar(LOWER)


@pytest.mark.parametrize("data", [None, b"short"])
def test_a_tar_of_today_without_readable_metadata_has_no_size_and_is_not_kept(tmp_path: Path, data: bytes | None) -> None:
    root = today(tmp_path, "vfs", "vfs/dir/{}")
    metadata = root / f"image/vfs/layerdb/sha256/{'c' * 64}/tar-split.json.gz"
    metadata.unlink() if data is None else metadata.write_bytes(data)
    source = named(root)
    document = json.loads(visit(source).manifest(source.resolve(None, seed_grammar=False)).body)
    assert [(one["digest"], one["size"]) for one in document["layers"]] == [(sha256(tar(LOWER)), 0)]
    with pytest.raises(tk.errors.NotKeptError, match="cannot be put together"):
        visit(source).blob(sha256(tar(LOWER)))


@pytest.mark.parametrize("cache_id", ["", "../cache", "elsewhere"])
def test_a_layer_of_today_whose_files_are_elsewhere_is_not_kept(tmp_path: Path, cache_id: str) -> None:
    root = today(tmp_path, "overlay2", "overlay2/{}/diff")
    (root / f"image/overlay2/layerdb/sha256/{'c' * 64}/cache-id").write_text(cache_id)
    with pytest.raises(tk.errors.NotKeptError, match="its files are not where a driver"):
        visit(named(root)).blob(sha256(tar(LOWER)))
