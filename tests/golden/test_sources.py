"""The public corpus: every place images come from opens as what it is, says what its truth says, and stays as it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from support.places import CORPUS, needs_corpus, truth

import toolkit as tk
from toolkit.digests import Digest, sha256
from toolkit.manifests.raw import RawManifest
from toolkit.references import Reference
from toolkit.sources.files import FileConnection, FileSource

pytestmark = needs_corpus

KINDS: Final = {
    "oci-layout": "oci-layout",
    "oci-archive": "oci-layout",
    "docker-archive": "docker-archive",
    "dir-image": "dir",
    "registry-tree": "registry-tree",
    "docker-root": "docker-root",
}
REF_NAME: Final = "org.opencontainers.image.ref.name"
NO_SOURCE: Final = {"oa-snyk-unsupported": "a tar with two texts and no image"}
BROKEN: Final = {
    "da-gcr-null-manifest": "manifest.json is not an array",
    "ol-rules-index2": "index is not there",
    "ol-stereoscope-no-manifests": "index cannot be read: manifests is not",
    "ol-zot-invalid-test": "index cannot be read: invalid character",
    "do-pub-layout-version-2": "layout of an unknown version",
}
"""Items of which nothing can be read, and what is said of them."""


def items(*kinds: str) -> list[Any]:
    return [
        pytest.param(name, item, id=name)
        for name, item in truth().items()
        if item["kind"] in kinds and name not in {**NO_SOURCE, **BROKEN}
    ]


def opened(item: dict[str, Any]) -> FileSource:
    source = tk.open_source(CORPUS / item["file"])
    assert isinstance(source, FileSource)
    assert source.kind == KINDS[item["kind"]]
    return source


def visit(source: FileSource) -> FileConnection:
    return source.connect(Reference.bare("latest").repository)


def data_of(connection: FileConnection, digest: str) -> bytes:
    """A blob, whose announced size must be the one that comes."""
    stream = connection.blob(digest)
    data = b"".join(stream.chunks)
    assert stream.announced == len(data)
    return data


def document(raw: RawManifest) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(raw.body)
    return value


def state(path: Path) -> Iterator[tuple[str, int, int, int, str]]:
    """Everything about a place that reading must not change."""
    for one in sorted([path, *path.rglob("*")]):
        status = one.lstat()
        content = hashlib.sha256(one.read_bytes()).hexdigest() if one.is_file() else ""
        yield str(one), status.st_mode, status.st_size, status.st_mtime_ns, content


@pytest.mark.parametrize(("name", "item"), items(*KINDS))
def test_it_opens_as_its_kind_and_reading_changes_nothing(name: str, item: dict[str, Any]) -> None:
    before = list(state(CORPUS / item["file"]))
    source = opened(item)
    assert source.holds(), name
    troubles = []
    with visit(source) as connection:
        for image in source.images.images():
            try:
                raw = source.images.manifest(image.key)
                for digest in pointed_at(raw):
                    data_of(connection, digest)
            except tk.errors.SourceError as error:  # a damaged item; which error, the tests below say
                troubles.append(error)
        assert all(error.where for error in troubles)
        rows = connection.drain()
        assert [(row.url, row.version, row.outcome) for row in rows] == [(source.name, source.kind, "used")]  # type: ignore[union-attr]
        assert connection.drain() == ()
    assert list(state(CORPUS / item["file"])) == before


def pointed_at(raw: RawManifest) -> list[str]:
    try:
        value = document(raw)
    except ValueError:
        return []
    found = [*value.get("layers", ()), *value.get("manifests", ()), *([value["config"]] if "config" in value else ())]
    return [one["digest"] for one in found] + [one["blobSum"] for one in value.get("fsLayers", ())]


@pytest.mark.parametrize(("name", "message"), BROKEN.items())
def test_of_what_is_broken_the_error_tells(name: str, message: str) -> None:
    source = opened(truth()[name])
    assert source.holds() == []
    with pytest.raises(tk.errors.SourceError, match=message):
        source.resolve(None, seed_grammar=False)


@pytest.mark.parametrize("name", NO_SOURCE)
def test_what_holds_no_image_says_what_would(name: str) -> None:
    with pytest.raises(tk.errors.SourceError) as caught:
        tk.open_source(CORPUS / truth()[name]["file"])
    assert "index.json" in str(caught.value.expected)
    assert caught.value.actual == "notes.txt, readme.txt"


@pytest.mark.parametrize(("name", "item"), items("oci-layout", "oci-archive"))
def test_an_oci_layout_agrees(name: str, item: dict[str, Any]) -> None:
    expected = item["truth"].get("oci", item["truth"])
    source = opened(item)
    with visit(source) as connection:
        top = [one for one in expected["descriptors"] if one["path"].count("/") == 1]
        assert list(dict.fromkeys(image.key for image in source.images.images())) == list(
            dict.fromkeys(one["digest"] for one in top)
        )
        for tag in dict.fromkeys(expected["tags"]):
            same = [one["digest"] for one in top if (one.get("annotations") or {}).get(REF_NAME) == tag]
            if tag is not None and len(set(same)) == 1 and present(expected, same[0]):
                raw = connection.manifest(source.resolve(tag, seed_grammar=False))
                assert len(raw.body) == size_of(expected, same[0])
        for one in expected["descriptors"]:
            check_blob(connection, one)
        for image in expected["images"]:
            types = {one["mediaType"] for one in top if one["digest"] == image["manifest_digest"]}
            check_image(connection, image, types or {None})
    assert name


def present(expected: dict[str, Any], digest: str) -> bool:
    return any(one["digest"] == digest and one["present"] for one in expected["descriptors"])


def size_of(expected: dict[str, Any], digest: str) -> int:
    return next(int(one["actual_size"]) for one in expected["descriptors"] if one["digest"] == digest)


def check_blob(connection: FileConnection, descriptor: dict[str, Any]) -> None:
    """A blob is there with its size, or the error says that it is not, or that its digest is none."""
    digest = descriptor["digest"]
    if not descriptor["present"]:
        with pytest.raises(tk.errors.SourceError) as caught:
            connection.blob(digest)
        assert isinstance(caught.value, tk.errors.NotFoundError) == Digest.is_exact(digest)
        return
    assert len(data_of(connection, digest)) == descriptor["actual_size"]


def check_image(connection: FileConnection, image: dict[str, Any], types: set[str | None]) -> None:
    """The document is as it lies there, and its type as the index claims it: nobody claims one elsewhere."""
    raw = connection.manifest(Reference.bare(image["manifest_digest"]))
    value = document(raw)
    assert raw.made_from is None
    assert raw.descriptor is None or raw.descriptor.media_type in types
    assert value["config"]["digest"] == image["config_digest"]
    listed = [(one["digest"], one["mediaType"]) for one in value["layers"]]
    assert listed == [(one["digest"], one["mediaType"]) for one in image["layers"]]


@pytest.mark.parametrize(("name", "item"), items("docker-archive"))
def test_a_docker_archive_agrees(name: str, item: dict[str, Any]) -> None:
    expected = item["truth"]["docker"]
    source = opened(item)
    with visit(source) as connection:
        for image in expected["images"]:
            raws = [connection.manifest(source.resolve(tag, seed_grammar=False)) for tag in image["RepoTags"] or [None]]
            assert len({raw.body for raw in raws}) == 1
            check_archived(connection, raws[0], image, damaged=any("config file name" in one for one in expected["problems"]))
        if not expected["images"]:
            check_legacy(connection, source, expected)
    assert name


def check_archived(connection: FileConnection, raw: RawManifest, image: dict[str, Any], *, damaged: bool) -> None:
    value = document(raw)
    assert raw.made_from == "manifest.json of the archive"
    config = data_of(connection, value["config"]["digest"])
    assert value["config"]["size"] == len(config)
    assert (sha256(config) != value["config"]["digest"]) == damaged
    assert damaged or value["config"]["digest"] == image["config_digest"]
    listed = [(one["digest"], one["size"], suffix(one["mediaType"])) for one in value["layers"]]
    assert listed == [(one["blob_digest"], one["blob_size"], one["compression"]) for one in image["layers"]]
    for layer in value["layers"]:
        assert sha256(data_of(connection, layer["digest"])) == layer["digest"]


def suffix(media_type: str) -> str:
    return media_type.rpartition(".tar")[2].removeprefix(".") or "none"


def check_legacy(connection: FileConnection, source: FileSource, expected: dict[str, Any]) -> None:
    names = [f"{name}:{tag}" for name, tags in expected["repositories"].items() for tag in tags]
    assert source.holds() == names
    for name, chain in zip(names, expected["v1_chain"], strict=True):
        raw = connection.manifest(source.resolve(name, seed_grammar=True))
        value = document(raw)
        assert f"{value['name']}:{value['tag']}" == name
        assert [json.loads(one["v1Compatibility"])["id"] for one in value["history"]] == chain["top_first"]
        for layer in value["fsLayers"]:
            assert sha256(data_of(connection, layer["blobSum"])) == layer["blobSum"]
        plain = [digest for digest in chain["diff_ids"] if digest is not None]
        assert [one["blobSum"] for one in value["fsLayers"]] == plain


@pytest.mark.parametrize(("name", "item"), items("dir-image"))
def test_a_dir_image_agrees(name: str, item: dict[str, Any]) -> None:
    expected = item["truth"]
    source = opened(item)
    asked = source.resolve(None, seed_grammar=False)
    with visit(source) as connection:
        raw = connection.manifest(asked)
        assert raw.body_digest == expected["manifest_sha256"]
        own = expected["schema1"]["payload_digest"] if "schema1" in expected else raw.body_digest
        assert asked.digest == own
        for name_of_file, file in expected["files"].items():
            data = data_of(connection, f"sha256:{name_of_file}")
            assert (len(data), sha256(data) == f"sha256:{name_of_file}") == (file["size"], file["digest_ok"])
        assert connection.manifest(Reference.bare(raw.body_digest)).body == raw.body
    assert name


@pytest.mark.parametrize(("name", "item"), items("registry-tree"))
def test_a_registry_s_storage_agrees(name: str, item: dict[str, Any]) -> None:
    source = opened(item)
    for repository, expected in item["truth"]["repositories"].items():
        assert [held for held in source.holds() if held.startswith(f"{repository}:")] == [
            f"{repository}:{tag}" for tag in sorted(expected["tags"])
        ]
        with source.connect(Reference.parse(repository).repository) as connection:
            assert connection.tags() == sorted(expected["tags"])
            for tag, digest in expected["tags"].items():
                assert connection.manifest(source.resolve(f"{repository}:{tag}", seed_grammar=False)).body_digest == digest
            for revision in expected["revisions"]:
                assert connection.manifest(Reference.bare(f"sha256:{revision}")).body_digest == f"sha256:{revision}"
            for layer in expected["layers"]:
                assert sha256(data_of(connection, f"sha256:{layer}")) == f"sha256:{layer}"
    assert name


def test_a_docker_root_of_today_agrees() -> None:
    item = truth()["root-meta-overlay2-v2"]
    expected = item["truth"]
    source = opened(item)
    with visit(source) as connection:
        raw = connection.manifest(source.resolve("busybox:latest", seed_grammar=False))
        value = document(raw)
        assert value["config"]["digest"] == expected["repositories"]["Repositories"]["busybox"]["busybox:latest"]
        assert sha256(data_of(connection, value["config"]["digest"])) == value["config"]["digest"]
        diff_ids = expected["images"][value["config"]["digest"].removeprefix("sha256:")]["diff_ids"]
        assert [expected["diffid_by_digest"][one["digest"]] for one in value["layers"]] == diff_ids
        with pytest.raises(tk.errors.NotKeptError, match="no layer archives"):
            connection.blob(value["layers"][0]["digest"])


def test_a_docker_root_of_docker_1_9_agrees() -> None:
    item = truth()["root-meta-aufs-v1"]
    graph = item["truth"]["graph_v1"]
    source = opened(item)
    assert source.holds() == ["busybox:latest"]
    with visit(source) as connection:
        value = document(connection.manifest(source.resolve("busybox", seed_grammar=True)))
        ids = [json.loads(one["v1Compatibility"])["id"] for one in value["history"]]
        assert ids == [item["truth"]["repositories-aufs"]["Repositories"]["busybox"]["latest"], graph[ids[0]]["parent"]]
        assert [one["blobSum"] for one in value["fsLayers"]] == [graph[one]["file_checksum"] for one in ids]
        with pytest.raises(tk.errors.NotKeptError, match="no layer archives"):
            connection.blob(value["fsLayers"][0]["blobSum"])


def test_referrers_of_a_layout_are_found_by_subject_and_by_tag() -> None:
    """notation's layout names the signature's subject; its own tag for it holds the same signature."""
    with visit(opened(truth()["ol-notation-valid"])) as connection:
        signed = sha256(connection.manifest(Reference.bare("v1")).body)
        found = connection.referrers(signed)
        assert found.way == "api"
        assert found.manifest is not None
        by_subject = [one["digest"] for one in document(found.manifest)["manifests"]]
        by_tag = document(connection.manifest(Reference.bare(signed.replace(":", "-"))))["manifests"]
        assert by_subject == [one["digest"] for one in by_tag]
        assert connection.referrers(by_subject[0]).way == "none"
