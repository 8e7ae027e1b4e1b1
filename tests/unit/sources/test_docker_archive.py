"""What ``docker save`` writes, of every age, whole and damaged."""

from __future__ import annotations

import gzip
import itertools
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from support.trees import CONFIG, LAYER, as_json, member, opened, read, saved, tar, tar_of, visit, write

import toolkit as tk
from toolkit.digests import Digest, sha256
from toolkit.layers.zstd import MAGIC
from toolkit.manifests.media_types import DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST, SCHEMA1
from toolkit.manifests.raw import RawManifest
from toolkit.references import Reference
from toolkit.sources.files import FileSource
from toolkit.sources.protocol import MANIFEST_LIMIT

CONFIG_NAME = f"{sha256(CONFIG)[7:]}.json"
TWO_LAYERS = as_json({"rootfs": {"diff_ids": ["sha256:2", "sha256:3"]}})
TOP, BASE = "b" * 64, "a" * 64


def archive(*entries: object, **files: bytes) -> dict[str, bytes]:
    """An archive with one layer; files by their names with ``__`` for a slash."""
    given = {name.replace("__", "/"): data for name, data in files.items()}
    return {CONFIG_NAME: CONFIG, "one/layer.tar": LAYER, **given, "manifest.json": as_json(list(entries))}


def entry(*tags: str, **more: Any) -> dict[str, Any]:
    return {"Config": CONFIG_NAME, "RepoTags": list(tags), "Layers": ["one/layer.tar"], **more}


def manifest(source: FileSource, text: str | None = None) -> tuple[RawManifest, dict[str, Any]]:
    raw = visit(source).manifest(source.resolve(text, seed_grammar=False))
    return raw, json.loads(raw.body)


def test_a_manifest_is_put_together(tmp_path: Path) -> None:
    source = opened(saved(tmp_path / "x", tar_of(archive(entry("busybox:1.24", "busybox:old")))))
    assert (source.kind, source.holds()) == ("docker-archive", ["busybox:1.24", "busybox:old"])
    raw, document = manifest(source)
    assert (raw.content_type, raw.made_from) == (DOCKER_MANIFEST, "manifest.json of the archive")
    assert document == {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": {"mediaType": DOCKER_CONFIG, "size": len(CONFIG), "digest": sha256(CONFIG)},
        "layers": [{"mediaType": DOCKER_LAYER, "size": len(LAYER), "digest": sha256(LAYER)}],
    }
    assert raw.body == as_json(document)
    connection = visit(source, "busybox")
    assert connection.tags() == ["1.24", "old"]
    assert [read(connection, sha256(data)) for data in (CONFIG, LAYER)] == [CONFIG, LAYER]
    assert connection.referrers(raw.body_digest).way == "none"


def test_a_blob_may_be_the_first_that_is_asked_for(tmp_path: Path) -> None:
    connection = visit(opened(write(tmp_path, archive(entry("a:1")))))
    assert read(connection, sha256(LAYER)) == LAYER
    with pytest.raises(tk.errors.NotFoundError, match="unknown blob"):
        connection.blob(sha256(b"elsewhere"))


def test_an_unpacked_archive_gives_the_same_manifest(tmp_path: Path) -> None:
    files = archive(entry("busybox:1.24"))
    bodies = [manifest(opened(path))[0].body for path in (write(tmp_path / "a", files), saved(tmp_path / "b", tar_of(files)))]
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize(
    ("data", "suffix"), [(gzip.compress(LAYER), ".gzip"), (MAGIC + b"frame", ".zstd"), (b"BZh9", ""), (b"", "")]
)
def test_a_layer_s_type_is_told_by_its_bytes(tmp_path: Path, data: bytes, suffix: str) -> None:
    _, document = manifest(opened(write(tmp_path, archive(entry("a:1"), one__layer__tar=b"") | {"one/layer.tar": data})))
    assert document["layers"] == [{"mediaType": DOCKER_LAYER + suffix, "size": len(data), "digest": sha256(data)}]


@pytest.mark.parametrize(
    "name", ["{HEX}.json", "blobs/sha256/{HEX}", "sha256:{HEX}", "{HEX}", "folder/{HEX}.json"], ids=lambda name: name[:12]
)
def test_a_digest_the_archive_claims_is_passed_on_untested(tmp_path: Path, name: str) -> None:
    """Whether the bytes keep the promise is judged where every blob is."""
    config, layer = "c" * 64, "blobs/sha256/" + "d" * 64
    name = name.format(HEX=config)
    files = archive(entry("a:1", Config=name, Layers=[layer])) | {name: b"another config", layer: LAYER}
    source = opened(write(tmp_path, files))
    _, document = manifest(source)
    assert document["config"]["digest"] == f"sha256:{config}"
    assert document["layers"][0]["digest"] == "sha256:" + "d" * 64
    assert read(visit(source), f"sha256:{config}") == b"another config"


def test_a_config_of_another_name_is_hashed(tmp_path: Path) -> None:
    source = opened(write(tmp_path, archive(entry("a:1", Config="config.json")) | {"config.json": b"x"}))
    assert manifest(source)[1]["config"]["digest"] == sha256(b"x")


def test_an_image_without_a_name_is_asked_for_by_the_digest_of_its_manifest(tmp_path: Path) -> None:
    source = opened(write(tmp_path, archive(entry(RepoTags=None))))
    raw, _ = manifest(source)
    assert source.holds() == [f"@{raw.body_digest}"]
    assert manifest(source, f"@{raw.body_digest}")[0] == raw
    assert visit(source).manifest(Reference.bare(str(Digest.of(raw.body, "sha512")))) == raw
    with pytest.raises(tk.errors.NotFoundError):
        manifest(source, sha256(b"elsewhere"))


def test_two_images_of_one_archive(tmp_path: Path) -> None:
    files = archive(entry("a:1"), entry("b:1", Config="config", Layers=["one/layer.tar"] * 2)) | {"config": b"2"}
    source = opened(write(tmp_path, files))
    with pytest.raises(tk.errors.UsageError, match="several images"):
        manifest(source)
    assert [len(manifest(source, text)[1]["layers"]) for text in ("a:1", "b:1")] == [1, 2]


def test_a_layer_that_is_elsewhere_is_described_as_the_archive_does(tmp_path: Path) -> None:
    foreign = {"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "size": 9, "digest": sha256(b"foreign")}
    config = as_json({"rootfs": {"diff_ids": ["sha256:1", "sha256:2"]}})
    sources = {"sha256:2": foreign | {"urls": ["https://example.com/x"], "else": 1}}
    files = archive(entry("a:1", Config="c", Layers=["one/layer.tar", "gone"], LayerSources=sources)) | {"c": config}
    layers = manifest(opened(write(tmp_path, files)))[1]["layers"]
    assert [layers[0]["digest"], layers[1]] == [sha256(LAYER), foreign | {"urls": ["https://example.com/x"]}]


@pytest.mark.parametrize("config", [b"no JSON", b"[]", b'{"rootfs":{"diff_ids":1}}', b"[" * 100_000, TWO_LAYERS])
@pytest.mark.parametrize("source", [{"sha256:2": 1}, {"sha256:2": {"size": 1}}, {"sha256:2": {"size": "1"}}])
def test_what_describes_no_layer_helps_no_missing_one(tmp_path: Path, config: bytes, source: dict[str, Any]) -> None:
    files = archive(entry("a:1", Config="c", Layers=["gone"], LayerSources=source)) | {"c": config}
    with pytest.raises(tk.errors.NotFoundError, match="a layer is not there"):
        manifest(opened(write(tmp_path, files)))


def test_a_described_layer_that_is_there_keeps_its_description(tmp_path: Path) -> None:
    given = {"mediaType": "foreign", "size": len(LAYER), "digest": sha256(LAYER)}
    config = as_json({"rootfs": {"diff_ids": ["sha256:1"]}})
    files = archive(entry("a:1", Config="c", LayerSources={"sha256:1": given})) | {"c": config}
    assert manifest(opened(write(tmp_path, files)))[1]["layers"] == [given]


def test_a_layer_that_is_a_link_is_the_layer_it_leads_to(tmp_path: Path) -> None:
    members = [member(name, data) for name, data in archive(entry("a:1", Layers=["two/layer.tar"])).items()]
    members.append(member("two/layer.tar", kind=tarfile.SYMTYPE, target="../one/layer.tar"))
    assert manifest(opened(saved(tmp_path / "x", tar(members))))[1]["layers"][0]["digest"] == sha256(LAYER)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "is not JSON"),
        (b"null", "is not an array"),
        (b"[1]", "an entry is not an object"),
        (b"[{}]", "names no config"),
        (b'[{"Config":1}]', "names no config"),
        (b'[{"Config":"c","Layers":{}}]', "Layers is not a list of texts"),
        (b'[{"Config":"c","RepoTags":[1]}]', "RepoTags is not a list of texts"),
        (b"[" * 100_000, "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b" " * (MANIFEST_LIMIT + 1), "larger than"),
    ],
)
def test_a_damaged_manifest_json_is_a_typed_error(tmp_path: Path, text: bytes, message: str) -> None:
    source = opened(saved(tmp_path / "x", tar_of(archive() | {"manifest.json": text})))
    assert source.holds() == []
    with pytest.raises(tk.errors.SourceError, match=message):
        source.resolve(None, seed_grammar=False)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"Config": "gone"}, "the image's config is not there"),
        ({"Config": "../../etc/passwd"}, "leads out of the source"),
        ({"Config": "/etc/passwd"}, "leads out of the source"),
        ({"Layers": ["gone"]}, "a layer is not there"),
        ({"Layers": ["../../etc/passwd"]}, "leads out of the source"),
        ({"Layers": ["one"]}, "no regular file"),
        ({"Layers": ["\ud800"]}, "(cannot follow|is not there)"),
        ({"Config": "\0"}, "leads out of the source"),
    ],
)
@pytest.mark.parametrize("form", ["folder", "tar"])
def test_names_in_manifest_json_lead_nowhere_else(tmp_path: Path, more: dict[str, Any], message: str, form: str) -> None:
    files = archive(entry("a:1", **more))
    path = write(tmp_path / "x", files) if form == "folder" else saved(tmp_path / "x", tar_of(files))
    with pytest.raises(tk.errors.SourceError, match=message):
        manifest(opened(path), "a:1")


# -- before Docker 1.10 ------------------------------------------------------------------------------------------


def legacy(**more: bytes) -> dict[str, bytes]:
    """Two layers, as ``docker save`` wrote them up to Docker 1.9."""
    given = {name.replace("__", "/").replace("TOP", TOP).replace("BASE", BASE): data for name, data in more.items()}
    return {
        "repositories": as_json({"busybox": {"1": TOP}}),
        f"{TOP}/VERSION": b"1.0",
        f"{TOP}/json": as_json({"id": TOP, "parent": BASE, "architecture": "arm"}),
        f"{TOP}/layer.tar": LAYER,
        f"{BASE}/json": b'{ "id": "' + BASE.encode() + b'" }',
        f"{BASE}/layer.tar": b"base",
        **given,
    }


def test_the_first_format_becomes_an_unsigned_manifest(tmp_path: Path) -> None:
    source = opened(saved(tmp_path / "x", tar_of(legacy())))
    assert (source.kind, source.holds()) == ("docker-archive", ["busybox:1"])
    raw, document = manifest(source)
    assert (raw.content_type, raw.made_from) == (SCHEMA1, "the json files of the archive")
    files = legacy()
    assert document == {
        "schemaVersion": 1,
        "name": "busybox",
        "tag": "1",
        "architecture": "arm",
        "fsLayers": [{"blobSum": sha256(LAYER)}, {"blobSum": sha256(b"base")}],
        "history": [{"v1Compatibility": files[f"{one}/json"].decode()} for one in (TOP, BASE)],
    }
    assert read(visit(source), sha256(b"base")) == b"base"
    assert manifest(source, raw.body_digest)[0] == raw


def test_without_names_the_image_nobody_builds_on_is_the_one(tmp_path: Path) -> None:
    source = opened(write(tmp_path, legacy() | {"repositories": b"{}", "folder/x": b"", f"{'c' * 64}/x": b""}))
    _, document = manifest(source)
    assert (document["name"], document["tag"], len(document["history"])) == ("", "", 2)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"repositories": b"[]"}, "is not an object"),
        ({"repositories": b'{"a":1}'}, "names to tags to image IDs"),
        ({"repositories": b'{"a":{"1":"../../x"}}'}, "is not an image ID"),
        ({"repositories": b'{"a":{"1":1}}'}, "is not an image ID"),
        ({"TOP__json": b"no JSON"}, "is not JSON"),
        ({"TOP__json": b"\xff"}, "is not JSON"),
        ({"TOP__json": b"[]"}, "is not an object"),
        ({"TOP__json": as_json({"parent": "../../x"})}, "is not an image ID"),
        ({"TOP__json": as_json({"parent": 1})}, "is not an image ID"),
        ({"TOP__json": as_json({"parent": "c" * 64})}, "the description of cccc"),
        ({"BASE__json": as_json({"parent": TOP})}, "is its own ancestor"),
        ({"TOP__json": as_json({"parent": TOP})}, "is its own ancestor"),
    ],
)
def test_a_damaged_chain_is_a_typed_error(tmp_path: Path, more: dict[str, bytes], message: str) -> None:
    source = opened(write(tmp_path, legacy(**more)))
    with pytest.raises(tk.errors.SourceError) as caught:
        manifest(source, "busybox:1")
    assert message in f"{caught.value.message} {caught.value.expected}"


def test_a_chain_has_an_end(tmp_path: Path) -> None:
    ids = [f"{number:064x}" for number in range(1100)]
    files = {f"{one}/json": as_json({"parent": before}) for before, one in itertools.pairwise(ids)}
    files |= {"repositories": as_json({"a": {"1": ids[-1]}})}
    with pytest.raises(tk.errors.LimitError, match="more than 1024 layers"):
        manifest(opened(write(tmp_path, files)))


def test_two_layers_may_have_the_same_bytes(tmp_path: Path) -> None:
    source = opened(write(tmp_path, legacy(BASE__layer=b"", **{"BASE__layer.tar": LAYER})))
    assert [one["blobSum"] for one in manifest(source)[1]["fsLayers"]] == [sha256(LAYER)] * 2


def test_a_missing_layer_is_not_found(tmp_path: Path) -> None:
    files = legacy()
    del files[f"{BASE}/layer.tar"]
    with pytest.raises(tk.errors.NotFoundError, match=f"the layer of {BASE} is not there"):
        manifest(opened(write(tmp_path, files)))
