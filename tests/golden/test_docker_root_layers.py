"""The graphs Docker 1.9 left in the model's scenarios, opened as a daemon's folder: chains, strong IDs and layers agree."""

from __future__ import annotations

import functools
import gzip
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
from support.places import CORPUS, needs_corpus, needs_vectors, oracle, truth
from support.seed_pulls import BLOBS
from support.trees import write

import toolkit as tk
from toolkit.digests import sha256
from toolkit.errors import LayerError
from toolkit.layers.streams import decompress
from toolkit.layers.tar_split import split
from toolkit.sources.docker_root import DockerRoot
from toolkit.sources.files import FileSource
from toolkit.sources.legacy_review import LegacyImage

NOT_NAMED = {
    "corrupt-checksum-after-pull": "the scenario writes another checksum into an image that is there",
    "digest-conflict-after-permutation": "the scenario takes a checksum away",
}


@functools.cache
def tars() -> dict[str, bytes]:
    """Every layer of the scenarios, by the metadata of its tar."""
    found: dict[str, bytes] = {}
    for blob in BLOBS.values():
        lines: list[bytes] = []
        try:
            tar = b"".join(decompress([blob])[1])
            split([tar], lines.append)
        except LayerError:
            continue  # a blob that no layer can be made of
        found[b"".join(lines).decode()] = tar
    return found


def scenarios() -> list[Any]:
    """Those that leave images behind."""
    last = [(one["name"], one["steps"][-1]["expected"]["after"]) for one in oracle("e2e_pulls.json")]
    return [pytest.param(name, after, id=name) for name, after in last if after["graph"].keys() - {"_tmp"}]


def reviewed(root: Path) -> dict[str, LegacyImage]:
    source = tk.open_source(root)
    assert isinstance(source, FileSource)
    assert isinstance(source.images, DockerRoot)
    return {one.id: one for one in source.images.review()}


def rootfs(image_id: str, parents: dict[str, str], layers: dict[str, bytes]) -> dict[str, bytes]:
    """The files of an image and of those below it, as the scenarios' driver copied them."""
    below = parents.get(image_id, "")
    files = rootfs(below, parents, layers) if below in layers else {}
    with tarfile.open(fileobj=io.BytesIO(layers[image_id])) as archive:
        for member in archive:
            content = archive.extractfile(member)
            files[member.name.replace("../", "")] = b"" if content is None else content.read()
    return files


@needs_vectors
@pytest.mark.parametrize(("name", "after"), scenarios())
def test_a_graph_docker_left_is_read_as_docker_read_it(name: str, after: dict[str, Any], tmp_path: Path) -> None:
    graph = {image_id: files for image_id, files in after["graph"].items() if image_id != "_tmp"}
    layers = {image_id: tars()[files["tar-data.json.gz"]["text"]] for image_id, files in graph.items()}
    for image_id, files in graph.items():
        texts = {file: content["text"].encode() for file, content in files.items()}
        texts["tar-data.json.gz"] = gzip.compress(texts["tar-data.json.gz"])
        write(tmp_path / "graph" / image_id, texts)
    write(tmp_path, {"repositories-vfs": after["repositories"].encode()})
    parents = {image_id: one.parent for image_id, one in reviewed(tmp_path).items()}
    for image_id in graph:
        contents = rootfs(image_id, parents, layers)
        assert set(after["driver_files"][image_id] or ()) <= contents.keys()
        write(tmp_path / "vfs" / "dir" / image_id, contents)
        (tmp_path / "vfs" / "dir" / image_id).mkdir(parents=True, exist_ok=True)
    found = reviewed(tmp_path)
    assert {image_id: one.tar_digest for image_id, one in found.items()} == {
        image_id: sha256(tar) for image_id, tar in layers.items()
    }
    named = {one.named_by for one in found.values()}
    assert ("nothing" in named) == (name in NOT_NAMED)


@needs_corpus
def test_a_real_daemon_s_folder_without_its_files_gives_the_layer_that_needs_none(tmp_path: Path) -> None:
    with tarfile.open(CORPUS / truth()["root-meta-aufs-v1"]["file"]) as archive:
        archive.extractall(tmp_path, filter="data")
    graph = truth()["root-meta-aufs-v1"]["truth"]["graph_v1"]
    found = reviewed(tmp_path / "docker")
    assert found.keys() == graph.keys()
    for image_id, one in found.items():
        assert (one.parent or None, one.checksum) == (graph[image_id]["parent"], graph[image_id]["file_checksum"])
        assert (one.named_by, one.strong_id is None) == ("compatibility-id", False)
    (empty,) = [one for one in found.values() if one.parent]
    (full,) = [one for one in found.values() if not one.parent]
    assert (empty.tar_digest, empty.tar_size, empty.findings) == (sha256(bytes(1024)), 1024, ())
    assert full.tar_digest is None
    assert "of the layer is not there" in full.findings[0]
