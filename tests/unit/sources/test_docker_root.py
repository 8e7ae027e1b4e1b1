"""A Docker daemon's folder, before and after Docker 1.10."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.trees import as_json, opened, read, saved, tar_of, visit, write

import toolkit as tk
from toolkit.digests import sha256
from toolkit.manifests.media_types import DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST, SCHEMA1
from toolkit.sources.files import FileSource

DIFF_IDS = [sha256(b"one"), sha256(b"two")]
CONFIG = as_json({"rootfs": {"type": "layers", "diff_ids": DIFF_IDS}})
OTHER = as_json({"rootfs": {"type": "layers"}})
TOP, BASE = "b" * 64, "a" * 64


def today(**more: bytes) -> dict[str, bytes]:
    """Two images of one driver, one of them with names; of one layer it is known what it was pulled as."""
    names = {"busybox:1": sha256(CONFIG), f"busybox@{sha256(b'manifest')}": sha256(CONFIG)}
    files = {
        "repositories.json": as_json({"Repositories": {"busybox": names}}),
        **{f"imagedb/content/sha256/{sha256(one)[7:]}": one for one in (CONFIG, OTHER)},
        f"distribution/v2metadata-by-diffid/sha256/{DIFF_IDS[1][7:]}": as_json(
            [{"Digest": sha256(b"old")}, {"Digest": sha256(b"new")}, 1, {}]
        ),
    }
    return {f"image/overlay2/{name}": data for name, data in (files | more).items()}


def manifest(source: FileSource, text: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(visit(source).manifest(source.resolve(text, seed_grammar=False)).body)
    return value


def test_an_image_is_told_by_the_daemon_s_records(tmp_path: Path) -> None:
    source = opened(saved(tmp_path / "x", tar_of({f"docker/{name}": data for name, data in today().items()})))
    assert source.kind == "docker-root"
    connection = visit(source, "busybox")
    raw = connection.manifest(source.resolve("busybox:1", seed_grammar=False))
    assert (raw.content_type, raw.made_from) == (DOCKER_MANIFEST, "the records of a docker root")
    assert json.loads(raw.body) == {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": {"mediaType": DOCKER_CONFIG, "size": len(CONFIG), "digest": sha256(CONFIG)},
        "layers": [
            {"mediaType": DOCKER_LAYER, "size": 0, "digest": DIFF_IDS[0]},
            {"mediaType": f"{DOCKER_LAYER}.gzip", "size": 0, "digest": sha256(b"new")},
        ],
    }
    assert connection.tags() == ["1"]
    assert read(connection, sha256(CONFIG)) == CONFIG
    assert connection.referrers(sha256(CONFIG)).way == "none"


def test_an_image_without_a_name_is_listed_by_digest(tmp_path: Path) -> None:
    source = opened(write(tmp_path, today()))
    named, unnamed = source.holds()
    assert named == "busybox:1"
    assert manifest(source, unnamed)["config"]["digest"] == sha256(OTHER)
    assert manifest(source, unnamed)["layers"] == []
    with pytest.raises(tk.errors.NotFoundError):
        manifest(source, sha256(b"elsewhere"))


@pytest.mark.parametrize("digest", [DIFF_IDS[0], sha256(b"new"), "sha512:" + "0" * 128])
def test_layers_are_said_not_to_be_there(tmp_path: Path, digest: str) -> None:
    with pytest.raises(tk.errors.NotKeptError, match="keeps no layer archives") as caught:
        visit(opened(write(tmp_path, today()))).blob(digest)
    assert "docker save" in caught.value.next_step


def test_each_driver_has_images_of_its_own(tmp_path: Path) -> None:
    files = today()
    files |= {name.replace("overlay2", "aufs"): data for name, data in files.items() if "imagedb" in name}
    del files["image/overlay2/repositories.json"]
    assert len(opened(write(tmp_path, files)).images.images()) == 4


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("repositories.json", b"[]", "is not an object"),
        ("repositories.json", b"{}", "cannot be read"),
        ("repositories.json", b'{"Repositories":{"a":1}}', "cannot be read"),
        ("repositories.json", b'{"Repositories":{"a":{"busybox:1":"sha256:../../x"}}}', "is not a digest"),
        ("repositories.json", b'{"Repositories":{"a":{"busybox:1":1}}}', "is not a digest"),
        (f"imagedb/content/sha256/{sha256(CONFIG)[7:]}", b"no JSON", "a config cannot be read"),
        (f"imagedb/content/sha256/{sha256(CONFIG)[7:]}", b"[]", "a config cannot be read"),
        (f"imagedb/content/sha256/{sha256(CONFIG)[7:]}", b'{"rootfs":1}', "a config cannot be read"),
        (f"imagedb/content/sha256/{sha256(CONFIG)[7:]}", b'{"rootfs":{"diff_ids":1}}', "a config cannot be read"),
        (f"imagedb/content/sha256/{sha256(CONFIG)[7:]}", b'{"rootfs":{"diff_ids":["../x"]}}', "is not a digest"),
        (f"distribution/v2metadata-by-diffid/sha256/{DIFF_IDS[1][7:]}", b"{}", "is not an array"),
        (f"distribution/v2metadata-by-diffid/sha256/{DIFF_IDS[1][7:]}", b'[{"Digest":"../x"}]', "is not a digest"),
    ],
)
def test_a_damaged_record_is_a_typed_error(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    source = opened(write(tmp_path, today(**{name: data})))
    with pytest.raises(tk.errors.SourceError, match=message):
        manifest(source, "busybox:1")


def test_a_config_that_is_gone_is_not_found(tmp_path: Path) -> None:
    files = today()
    del files[f"image/overlay2/imagedb/content/sha256/{sha256(CONFIG)[7:]}"]
    with pytest.raises(tk.errors.NotFoundError, match="the config sha256:"):
        manifest(opened(write(tmp_path, files)), "busybox:1")


# -- the graph of Docker 1.9 and earlier -------------------------------------------------------------------------


def graph(**more: bytes) -> dict[str, bytes]:
    given = {name.replace("__", "/").replace("TOP", TOP).replace("BASE", BASE): data for name, data in more.items()}
    return {
        "repositories-aufs": as_json({"Repositories": {"busybox": {"1": TOP}}}),
        f"graph/{TOP}/json": as_json({"id": TOP, "parent": BASE, "architecture": 5}),
        f"graph/{TOP}/checksum": sha256(b"top").encode() + b"\n",
        f"graph/{BASE}/json": as_json({"id": BASE}),
        "graph/_tmp/x": b"",
    } | {f"graph/{name}": data for name, data in given.items()}


def test_an_old_image_is_told_by_its_graph(tmp_path: Path) -> None:
    source = opened(write(tmp_path, graph()))
    assert (source.kind, source.holds()) == ("docker-root", ["busybox:1"])
    raw = visit(source).manifest(source.resolve(None, seed_grammar=False))
    assert (raw.content_type, raw.made_from) == (SCHEMA1, "the graph of a docker root")
    document = json.loads(raw.body)
    assert (document["name"], document["tag"], document["architecture"]) == ("busybox", "1", "")
    assert [json.loads(one["v1Compatibility"])["id"] for one in document["history"]] == [TOP, BASE]
    first, second = (one["blobSum"] for one in document["fsLayers"])
    assert first == sha256(b"top")
    for digest in (first, second):
        with pytest.raises(tk.errors.NotKeptError, match="keeps no layer archives"):
            visit(source).blob(digest)


def test_an_old_image_without_a_name_is_listed_too(tmp_path: Path) -> None:
    source = opened(write(tmp_path, graph(**{"c" * 64 + "__json": as_json({"parent": BASE})})))
    assert [image.key for image in source.images.images()] == [TOP, "c" * 64]
    assert source.holds()[0] == "busybox:1"


@pytest.mark.parametrize(
    ("more", "chain"),
    [
        ({"TOP__json": as_json({"parent_id": "sha256:" + BASE})}, [TOP, BASE]),
        ({"TOP__json": as_json({"parent_id": "../x"})}, [TOP]),
        ({"TOP__json": as_json({"parent": "c" * 64}), "TOP__parent": BASE.encode()}, [TOP, BASE]),
        ({"TOP__parent": b""}, [TOP, BASE]),
    ],
)
def test_the_parent_is_found_as_docker_1_9_found_it(tmp_path: Path, more: dict[str, bytes], chain: list[str]) -> None:
    texts = {f"{one}__v1Compatibility": as_json({"id": one}) for one in ("TOP", "BASE")}
    document = manifest(opened(write(tmp_path, graph(**more, **texts))), "busybox:1")
    names = {TOP: "TOP", BASE: "BASE"}
    assert [json.loads(one["v1Compatibility"])["id"] for one in document["history"]] == [names[one] for one in chain]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"TOP__parent": b"../../x"}, "is not an image ID"),
        ({"TOP__checksum": b"../../x"}, "is not a digest"),
        ({"TOP__v1Compatibility": b"no JSON"}, "is not JSON"),
    ],
)
def test_a_damaged_graph_is_a_typed_error(tmp_path: Path, more: dict[str, bytes], message: str) -> None:
    with pytest.raises(tk.errors.SourceError, match=message):
        manifest(opened(write(tmp_path, graph(**more))), "busybox:1")


def test_an_empty_checksum_is_none(tmp_path: Path) -> None:
    document = manifest(opened(write(tmp_path, graph(TOP__checksum=b"\n"))), "busybox:1")
    assert document["fsLayers"][0]["blobSum"] == sha256(graph()[f"graph/{TOP}/json"])
