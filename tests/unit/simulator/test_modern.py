"""Images of today's formats: the same bytes everywhere, and what they say of themselves is true."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
from typing import Any

import httpx
import pytest
import zstandard
from support.places import PROJECT

from toolkit.manifests.media_types import OCI_EMPTY
from toolkit.simulator.modern import (
    DIALECTS,
    LINUX,
    OCI,
    SCHEMA2,
    TAG,
    Dialect,
    ModernImage,
    descriptor,
    encode,
    make_artifact,
    make_attestation,
    make_config,
    make_image,
    make_index,
    make_layer,
    pack,
    publish,
    stored_zstd,
)
from toolkit.simulator.scripted import ScriptedRegistry, routes_of
from toolkit.simulator.server import LoopbackServer
from toolkit.sources.static_registry import Answer

FILES = {"etc/motd": b"welcome\n"}


def image(dialect: Dialect = OCI) -> ModernImage:
    return make_image(dialect, [make_layer(dialect, FILES), make_layer(dialect, {"a": b"1"}, "none")])


def hexed(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


# -- layers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 200_000])
def test_a_stored_zstd_is_a_zstd_that_hides_nothing(size: int) -> None:
    data = (bytes(range(256)) * (size // 256 + 1))[:size]
    packed = stored_zstd(data)
    assert zstandard.ZstdDecompressor().decompress(packed) == data
    assert zstandard.get_frame_parameters(packed).content_size == size
    assert data[:100] in packed


def test_a_layer_is_a_tar_however_it_is_wrapped() -> None:
    tar = make_layer(OCI, FILES, "none").blob
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        assert archive.getnames() == ["etc/motd"]
    assert gzip.decompress(pack(tar, "gzip")) == tar
    members = pack(tar, "gzip-members")
    assert members.count(b"\x1f\x8b\x08") == 2
    assert gzip.decompress(members) == tar
    assert zstandard.ZstdDecompressor().decompress(pack(tar, "zstd")) == tar


def test_a_layer_s_media_type_says_how_it_is_wrapped() -> None:
    assert SCHEMA2.layer_type("gzip") == "application/vnd.docker.image.rootfs.diff.tar.gzip"
    assert OCI.layer_type("gzip-members") == "application/vnd.oci.image.layer.v1.tar+gzip"
    assert OCI.layer_type("none", foreign=True) == "application/vnd.oci.image.layer.nondistributable.v1.tar"


# -- documents ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=str)
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_every_descriptor_of_an_image_is_true(dialect: Dialect, algorithm: str) -> None:
    layers = [make_layer(dialect, FILES), make_layer(dialect, {"a": b"1"}, "none")]
    made = make_image(dialect, layers, algorithm=algorithm)
    rows = [made.manifest["config"], *made.manifest["layers"]]
    assert set(made.blobs) == {row["digest"] for row in rows}
    for row in rows:
        assert row["digest"] == hexed(made.blobs[row["digest"]], algorithm)
        assert row["size"] == len(made.blobs[row["digest"]])
    assert made.config["rootfs"]["diff_ids"] == [hexed(layer.tar) for layer in layers]
    assert sum(not step.get("empty_layer") for step in made.config["history"]) == 2
    stored = made.stored()
    assert stored.root == hexed(made.body, algorithm)
    assert stored.documents[TAG] == stored.documents[stored.root]
    assert stored.documents[TAG].headers == {"Docker-Content-Digest": stored.root}


def test_a_changed_image_is_named_anew() -> None:
    first = image()
    assert first.changed(lab=1).manifest["lab"] == 1
    assert "layers" not in first.changed(layers=None).manifest
    assert first.described(1, size=None).manifest["layers"][1].keys() == {"mediaType", "digest"}
    assert first.described("config", data="*").manifest["config"]["data"] == "*"
    other = first.configured(os="plan9", history=None)
    named = other.manifest["config"]
    assert named["digest"] == hexed(other.blobs[named["digest"]]) != first.manifest["config"]["digest"]
    assert (other.config["os"], "history" in other.config) == ("plan9", False)
    assert len(other.blobs) == len(first.blobs)
    third = first.with_layer(1, b"blob", b"tar")
    assert third.layer(1) == hexed(b"blob")
    assert third.config["rootfs"]["diff_ids"][1] == hexed(b"tar")
    assert first.with_layer(1, b"blob").config == first.config
    assert first == image()


def test_an_index_is_served_with_its_children() -> None:
    inner = image().stored()
    outer = make_index(OCI, [image().descriptor(platform=LINUX)], [inner])
    assert json.loads(outer.documents[TAG].body)["manifests"][0]["digest"] == inner.root
    assert set(outer.documents) == {TAG, outer.root, inner.root}
    assert outer.documents[inner.root].body == image().body
    assert outer.blobs == inner.blobs


def test_an_artifact_is_about_its_subject_and_found_through_it() -> None:
    about = image().descriptor()
    made = make_artifact(b"signed", "text/plain", artifact_type="application/x-lab", subject=about)
    manifest = json.loads(made.documents[TAG].body)
    assert (manifest["config"]["mediaType"], manifest["subject"]) == (OCI_EMPTY, about)
    routes = routes_of("a/b", image().stored().including(made))
    listed = json.loads(routes[f"/v2/a/b/referrers/{about['digest']}"].body)
    assert [(one["digest"], one["artifactType"]) for one in listed["manifests"]] == [(made.root, "application/x-lab")]


def test_an_attestation_names_its_image() -> None:
    stored, row = make_attestation(image(), b"{}")
    assert row["digest"] == stored.root
    assert row["annotations"]["vnd.docker.reference.digest"] == hexed(image().body)
    assert row["platform"] == {"architecture": "unknown", "os": "unknown"}


def test_what_is_served_can_be_changed_in_one_place() -> None:
    stored = publish(b"{}", OCI.manifest, {"sha256:a": b"1"})
    assert stored.serving_root(content_type=None).documents[TAG].content_type is None
    assert stored.serving(TAG, body=b"[]").documents[stored.root].body == b"{}"
    assert stored.with_blob("sha256:a", b"2").blobs == {"sha256:a": b"2"}
    assert stored.with_blob("sha256:a", None).blobs == {}
    assert descriptor(b"{}", "a/b", note=1) == {"mediaType": "a/b", "digest": stored.root, "size": 2, "note": 1}
    assert make_config([], history=None).keys() == {"created", "architecture", "os", "config", "rootfs"}


def test_two_processes_make_the_same_bytes() -> None:
    code = (
        "import hashlib; from toolkit.simulator.catalogue import CASES, serve\n"
        "routes = serve(CASES.values()).routes\n"
        "print(hashlib.sha256(repr([(path, sorted(one.headers.items()), one.body) for path, one in routes.items()])"
        ".encode()).hexdigest())"
    )
    shown = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(PROJECT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(shown) == 1


# -- answers -----------------------------------------------------------------------------------------------------


def test_a_script_is_answered_over_both_ways() -> None:
    answer = Answer(200, {"Content-Type": "a/b", "Content-Length": "4"}, b"text")
    stored = image().stored().answering("blobs/odd", answer)
    registry = ScriptedRegistry(routes_of("lab/x", stored))

    def ask(client: httpx.Client) -> list[Any]:
        paths = ("/v2/", "/v2/lab/x/manifests/1", "/v2/lab/x/blobs/odd", "/v2/lab/x/blobs/none", "/v2/lab/x/tags/list?n=1")
        found = [client.request(method, path) for path in paths for method in ("GET", "HEAD")]
        return [(one.status_code, one.headers.get("Content-Length"), one.headers["Content-Type"], one.content) for one in found]

    with LoopbackServer(registry.answer) as server, httpx.Client(base_url=f"http://{server.host}") as real:
        over_the_wire = ask(real)
    with httpx.Client(transport=registry, base_url="http://lab.example") as scripted:
        assert ask(scripted) == over_the_wire
    assert [one[0] for one in over_the_wire] == [200, 200, 200, 200, 200, 200, 404, 404, 200, 200]
    assert over_the_wire[2][3] == image().body
    assert over_the_wire[3][3] == b""
    assert over_the_wire[4] == (200, "4", "a/b", b"text")
    assert json.loads(over_the_wire[6][3])["errors"][0]["code"] == "BLOB_UNKNOWN"
    assert json.loads(over_the_wire[8][3]) == {"name": "lab/x", "tags": ["1"]}


def test_a_document_without_a_type_or_an_object_is_served_all_the_same() -> None:
    routes = routes_of("x", publish(encode([1]), OCI.manifest).serving(TAG, content_type=None))
    assert "Content-Type" not in routes["/v2/x/manifests/1"].headers
    assert not any("referrers" in path for path in routes)
