"""The main job on real parts: a real image, in Debian's docker-registry, put there by Debian's skopeo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.places import PROJECT
from support.real import docker_registry, need, public_image, run

import toolkit as tk
from toolkit.records import Layer, Request, Signature

pytestmark = pytest.mark.real

NAME = "library/python"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry that holds python:3-alpine as a signed schema1 image."""
    need("docker-registry", "skopeo")
    layout = public_image(Path(os.environ.get("LAYERPROOF_CACHE", PROJECT / ".cache")))
    with docker_registry(tmp_path_factory.mktemp("registry")) as host:
        run("skopeo", "copy", "--dest-tls-verify=false", "--format", "v2s1", f"oci:{layout}", f"docker://{host}/{NAME}:3-alpine")
        yield host


@pytest.fixture(scope="module")
def seen_by_skopeo(registry: str) -> dict[str, object]:
    """The manifest as skopeo gets it."""
    raw = run("skopeo", "inspect", "--tls-verify=false", "--raw", f"docker://{registry}/{NAME}:3-alpine")
    document: dict[str, object] = json.loads(raw)
    return document


def test_by_tag_and_again(registry: str, seen_by_skopeo: dict[str, object], graph: tk.Graph, tmp_path: Path) -> None:
    report = tk.pull(f"{registry}/{NAME}:3-alpine", graph)
    assert report.outcome == "accepted"
    assert report.findings == []
    assert [signature.status for signature in report.records(Signature)] == ["valid-self-asserted"]
    layers: list[Layer] = report.records(Layer)
    listed = [layer["blobSum"] for layer in seen_by_skopeo["fsLayers"]]  # type: ignore[attr-defined]  # a schema1 manifest
    assert [layer.blob_digest for layer in reversed(layers)] == listed
    assert all(layer.actual_digest == layer.blob_digest for layer in layers)
    body = tmp_path / "manifest.json"
    body.write_bytes(report.body())
    assert report.digest == run("skopeo", "manifest-digest", str(body)).strip()
    again = tk.pull(f"{registry}/{NAME}:3-alpine", graph)
    assert again.pull.status == f"Image is up to date for {registry}/{NAME}:3-alpine"
    assert again.image_id == report.image_id
    assert {layer.disposition for layer in again.records(Layer)} == {"present"}
    assert not [request for request in again.records(Request) if "/blobs/" in request.url]
    assert again.body() != report.body()  # the registry signs every answer anew: same payload, other bytes
    assert again.digest == report.digest


def test_by_digest(registry: str, graph: tk.Graph) -> None:
    digest = tk.inspect(f"{registry}/{NAME}:3-alpine").digest
    report = tk.pull(f"{registry}/{NAME}@{digest}", graph)
    assert report.outcome == "accepted"
    assert report.tags["reference"].tolist() == [digest]


def test_diff_ids_are_those_of_the_image_it_was_made_from(registry: str) -> None:
    layout = public_image(Path(os.environ.get("LAYERPROOF_CACHE", PROJECT / ".cache")))
    config = json.loads(run("skopeo", "inspect", "--config", f"oci:{layout}"))
    found = tk.inspect(f"{registry}/{NAME}:3-alpine").layers
    empty = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
    assert [diff_id for diff_id in found["diff_id"] if diff_id != empty] == [
        diff_id for diff_id in config["rootfs"]["diff_ids"] if diff_id != empty
    ]


def test_docker_1_9_and_strict_give_the_same_names(registry: str) -> None:
    strict, docker = (
        tk.pull(f"{registry}/{NAME}:3-alpine", tk.Graph.temporary(), policy=policy) for policy in ("strict", "docker-1.9")
    )
    assert strict.image_id == docker.image_id
    assert strict.strong_ids["config"].tolist() == docker.strong_ids["config"].tolist()


def test_tags_are_listed(registry: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "toolkit", "tags", f"{registry}/{NAME}", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(shown.stdout) == ["3-alpine"]


def test_what_is_not_there_is_a_typed_error(registry: str) -> None:
    with pytest.raises(tk.errors.NotFoundError) as caught:
        tk.inspect(f"{registry}/{NAME}:no-such-tag")
    assert caught.value.message == "manifest unknown: manifest unknown"
    assert caught.value.report.outcome == "undecided"


def test_umoci_lists_what_was_pulled(registry: str, graph: tk.Graph) -> None:
    need("umoci")
    tk.pull(f"{registry}/{NAME}:3-alpine", graph)
    assert run("umoci", "ls", "--layout", str(graph.layout.root)).split() == [f"{registry}/{NAME}:3-alpine"]


def test_a_blob_changed_on_the_registry_s_disk_is_caught(tmp_path: Path) -> None:
    need("docker-registry", "skopeo")
    layout = public_image(Path(os.environ.get("LAYERPROOF_CACHE", PROJECT / ".cache")))
    with docker_registry(tmp_path) as host:
        run("skopeo", "copy", "--dest-tls-verify=false", "--format", "v2s1", f"oci:{layout}", f"docker://{host}/{NAME}:3-alpine")
        blobs = sorted((tmp_path / "store").rglob("data"), key=lambda path: path.stat().st_size)
        blob = blobs[-1]
        data = bytearray(blob.read_bytes())
        data[len(data) // 2] ^= 1
        blob.write_bytes(data)
        graph = tk.Graph(tmp_path / "graph")
        with pytest.raises(tk.VerificationError) as caught:
            tk.pull(f"{host}/{NAME}:3-alpine", graph)
        report = caught.value.report
        assert report.error["code"] == "blob-digest"
        kept = report.layers.query("disposition == 'failed'")["evidence"].iloc[0]
        assert report.evidence(kept) == bytes(data)
        assert len(graph) == 0
