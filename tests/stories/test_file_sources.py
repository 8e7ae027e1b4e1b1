"""One real image, copied by skopeo into every place it can write: each is read, and says the same of the image."""

from __future__ import annotations

import gzip
import json
import lzma
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.places import PROJECT
from support.real import docker_registry, need, public_image, run

import toolkit as tk
from toolkit.layers.measure import measure
from toolkit.sources.files import FileSource
from toolkit.sources.protocol import Source

pytestmark = pytest.mark.real

NAME = "example.com/team/python:3-alpine"


@pytest.fixture(scope="module")
def layout() -> Path:
    need("docker-registry", "skopeo")
    return public_image(Path(os.environ.get("LAYERPROOF_CACHE", PROJECT / ".cache")))


@pytest.fixture(scope="module")
def places(layout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """The image in each of skopeo's formats, and a registry's storage, also after the registry stopped."""
    base = tmp_path_factory.mktemp("places")
    run("skopeo", "copy", f"oci:{layout}", f"oci:{base / 'oci'}:3-alpine")
    run("skopeo", "copy", f"oci:{layout}", f"oci-archive:{base / 'oci.tar'}:3-alpine")
    run("skopeo", "copy", f"oci:{layout}", f"dir:{base / 'dir'}")
    run("skopeo", "copy", f"oci:{layout}", f"docker-archive:{base / 'saved.tar'}:{NAME}")
    with docker_registry(base / "registry") as host:
        run("skopeo", "copy", "--dest-tls-verify=false", f"oci:{layout}", f"docker://{host}/team/python:3-alpine")
    found = {"oci": base / "oci", "oci-tar": base / "oci.tar", "dir": base / "dir", "docker-archive": base / "saved.tar"}
    found["registry-tree"] = base / "registry" / "store"
    for name, suffix, pack in (("gzip", "tar.gz", gzip.open), ("xz", "tar.xz", lzma.open)):
        found[f"docker-archive-{name}"] = base / f"saved.{suffix}"
        packed(found["docker-archive"], found[f"docker-archive-{name}"], pack)
    yield found
    shutil.rmtree(base)


def packed(source: Path, target: Path, pack: Callable[..., Any]) -> None:
    options: dict[str, int] = {"preset": 0} if pack is lzma.open else {"compresslevel": 1}
    with source.open("rb") as given, pack(target, "wb", **options) as made:
        shutil.copyfileobj(given, made)


@pytest.fixture(scope="module")
def config(layout: Path) -> dict[str, Any]:
    """The image's config as skopeo reads it."""
    value: dict[str, Any] = json.loads(run("skopeo", "inspect", "--config", f"oci:{layout}"))
    return value


@pytest.fixture(scope="module")
def config_digest(layout: Path) -> str:
    manifest = json.loads(run("skopeo", "inspect", "--raw", f"oci:{layout}"))
    digest: str = manifest["config"]["digest"]
    return digest


KINDS = {
    "oci": "oci-layout",
    "oci-tar": "oci-layout",
    "dir": "dir",
    "docker-archive": "docker-archive",
    "docker-archive-gzip": "docker-archive",
    "docker-archive-xz": "docker-archive",
    "registry-tree": "registry-tree",
}


@pytest.mark.parametrize("place", KINDS)
def test_each_place_holds_the_same_image(places: dict[str, Path], place: str, config: dict[str, Any], config_digest: str) -> None:
    source: Source = tk.open_source(places[place])
    assert isinstance(source, FileSource)
    assert source.kind == KINDS[place]
    asked = source.resolve(None, seed_grammar=False)
    with source.connect(asked.repository) as connection:
        document = json.loads(connection.manifest(asked).body)
        assert document["config"]["digest"] == config_digest
        read = b"".join(connection.blob(config_digest).chunks)
        assert json.loads(read)["rootfs"] == config["rootfs"]
        streams = [connection.blob(layer["digest"]) for layer in document["layers"]]
        assert [stream.announced for stream in streams] == [layer["size"] for layer in document["layers"]]
        assert [measure(stream.chunks).diff_id for stream in streams] == config["rootfs"]["diff_ids"]


@pytest.mark.parametrize(
    ("place", "asked"),
    [
        ("oci", "3-alpine"),
        ("oci-tar", "3-alpine"),
        ("docker-archive", NAME),
        ("docker-archive", "3-alpine"),
        ("registry-tree", "team/python:3-alpine"),
        ("registry-tree", "docker.io/team/python:3-alpine"),
        ("registry-tree", "3-alpine"),
    ],
)
def test_it_is_found_by_each_name_it_has(places: dict[str, Path], place: str, asked: str) -> None:
    source = tk.open_source(places[place])
    only, named = (source.resolve(text, seed_grammar=False) for text in (None, asked))
    with source.connect(named.repository, as_seed=False) as connection:
        assert connection.manifest(named).body == connection.manifest(only).body
        assert connection.tags() == ["3-alpine"]


def test_skopeo_and_we_name_a_manifest_alike(places: dict[str, Path]) -> None:
    for place in ("oci", "dir"):
        source = tk.open_source(places[place])
        asked = source.resolve(None, seed_grammar=False)
        with source.connect(asked.repository, as_seed=False) as connection:
            body = connection.manifest(asked).body
        assert body.decode() == run("skopeo", "inspect", "--raw", f"{place}:{places[place]}")


def test_a_blob_out_of_a_compressed_tar_comes_in_pieces(places: dict[str, Path]) -> None:
    source = tk.open_source(places["docker-archive-gzip"])
    asked = source.resolve(None, seed_grammar=False)
    with source.connect(asked.repository, as_seed=False) as connection:
        layers = json.loads(connection.manifest(asked).body)["layers"]
        largest = max(layers, key=lambda layer: int(layer["size"]))
        pieces = [len(piece) for piece in connection.blob(largest["digest"]).chunks]
    assert max(pieces) == 256 * 1024
    assert sum(pieces) == largest["size"]
