"""One real image in every form there is: the same diff IDs and chain IDs, and those of skopeo, umoci and container-inspector."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from container_inspector.image import Image
from support.places import PROJECT
from support.real import docker_registry, need, public_image, run

import toolkit as tk
from toolkit.digests import sha256
from toolkit.records import Layer, Manifest, StrongID

pytestmark = pytest.mark.real

FORMS: Final = ("schema2", "oci", "zstd", "layout", "docker-archive", "dir")


@pytest.fixture(scope="module")
def layout() -> Path:
    """python:3-alpine, as it came."""
    need("docker-registry", "skopeo", "umoci")
    return public_image(Path(os.environ.get("LAYERPROOF_CACHE", PROJECT / ".cache")))


@pytest.fixture(scope="module")
def forms(layout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Any, Any]]]:
    """What is asked of which source, for each form: three in Debian's registry, three in files."""
    base = tmp_path_factory.mktemp("forms")
    with docker_registry(base / "registry") as host:
        plain = ("skopeo", "copy", "--quiet")
        away = (*plain, "--dest-tls-verify=false")
        run(*plain, "--dest-compress", "--dest-compress-format", "zstd", f"oci:{layout}", f"dir:{base / 'zstd'}")
        run(*away, "--format", "v2s2", f"oci:{layout}", f"docker://{host}/python:schema2")
        run(*away, "--format", "oci", f"oci:{layout}", f"docker://{host}/python:oci")
        run(*away, f"dir:{base / 'zstd'}", f"docker://{host}/python:zstd")
        run(*plain, f"oci:{layout}", f"oci:{base / 'layout'}:3-alpine")
        run(*plain, f"oci:{layout}", f"docker-archive:{base / 'saved.tar'}:library/python:3-alpine")
        run(*plain, f"oci:{layout}", f"dir:{base / 'dir'}")
        found: dict[str, tuple[Any, Any]] = {form: (f"{host}/python:{form}", None) for form in ("schema2", "oci", "zstd")}
        found["layout"] = ("3-alpine", base / "layout")
        found["docker-archive"] = ("library/python:3-alpine", base / "saved.tar")
        found["dir"] = (None, base / "dir")
        yield found


@pytest.fixture(scope="module")
def config(layout: Path) -> dict[str, Any]:
    """The configuration as skopeo reads it."""
    value: dict[str, Any] = json.loads(run("skopeo", "inspect", "--config", f"oci:{layout}"))
    return value


def chained(diff_ids: list[str]) -> list[str]:
    """Chain IDs, written out here once more."""
    chain = diff_ids[:1]
    for diff_id in diff_ids[1:]:
        chain.append(sha256(f"{chain[-1]} {diff_id}".encode()))
    return chain


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_accepted_and_gives_the_same_identities(
    forms: dict[str, tuple[Any, Any]], form: str, config: dict[str, Any], graph: tk.Graph
) -> None:
    asked, source = forms[form]
    report = tk.pull(asked, graph, source=source)
    assert (report.outcome, report.findings) == ("accepted", [])
    layers: list[Layer] = report.records(Layer)
    diff_ids = config["rootfs"]["diff_ids"]
    assert [layer.diff_id for layer in layers] == [layer.claimed_diff_id for layer in layers] == diff_ids
    assert [layer.chain_id for layer in layers] == chained(diff_ids)
    compression = {"zstd": "zstd", "docker-archive": "none"}.get(form, "gzip")
    assert {layer.compression for layer in layers} == {compression}
    again = tk.pull(asked, graph, source=source)
    assert {layer.disposition for layer in again.records(Layer)} == {"present"}


def test_umoci_unpacks_to_the_same_diff_ids(layout: Path, config: dict[str, Any], tmp_path: Path) -> None:
    """umoci verifies each layer against the diff IDs as it unpacks, and refuses to go on otherwise."""
    run("umoci", "unpack", "--rootless", "--image", f"{layout}:{tag_of(layout)}", str(tmp_path / "bundle"))
    stat = json.loads(run("umoci", "stat", "--image", f"{layout}:{tag_of(layout)}", "--json"))
    layers = [entry["layer"]["digest"] for entry in stat["history"] if entry["layer"]]
    report = tk.inspect(source=layout)
    assert [layer.blob_digest for layer in report.records(Layer)] == layers
    assert len(layers) == len(config["rootfs"]["diff_ids"])


def tag_of(layout: Path) -> str:
    index = json.loads((layout / "index.json").read_text())
    tag: str = index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"]
    return tag


def test_what_we_wrote_is_read_by_skopeo_and_umoci(forms: dict[str, tuple[Any, Any]], graph: tk.Graph) -> None:
    """skopeo finds only manifests of OCI's own type by their name in a layout; umoci lists all of them."""
    for form in ("schema2", "oci", "zstd"):
        report = tk.pull(forms[form][0], graph)
        name = forms[form][0]
        assert name in run("umoci", "ls", "--layout", str(graph.layout.root)).splitlines()
        if form == "schema2":
            continue
        seen = json.loads(run("skopeo", "inspect", f"oci:{graph.layout.root}:{name}"))
        assert seen["Digest"] == report.digest
        assert seen["Layers"] == [layer.blob_digest for layer in report.records(Layer)]


def test_container_inspector_agrees_on_a_docker_archive(forms: dict[str, tuple[Any, Any]], tmp_path: Path) -> None:
    asked, source = forms["docker-archive"]
    [image] = Image.get_images_from_tarball(str(source), str(tmp_path), verify=True)
    report = tk.inspect(asked, source=source)
    assert f"sha256:{image.image_id}" == report.image_id == report.records(Manifest)[0].config_digest
    assert [f"sha256:{layer.layer_id}" for layer in image.layers] == [layer.diff_id for layer in report.records(Layer)]


def test_the_three_ages_of_one_image(forms: dict[str, tuple[Any, Any]], layout: Path, tmp_path: Path) -> None:
    """skopeo converts to schema1 on its own: what it writes is what we say it would have been."""
    run("skopeo", "copy", "--quiet", "--format", "v2s1", f"oci:{layout}", f"dir:{tmp_path / 'old'}")
    old = tk.inspect(source=tmp_path / "old", accept=["signature-present"])
    ages = tk.analysis.identity_ages(tk.inspect(forms["oci"][0]))
    strong: list[StrongID] = old.records(StrongID)
    assert [one.compatibility_id for one in strong] == ages["v1_id"].tolist()
    assert [one.strong_id for one in strong] == ages["strong_id"].tolist()
    converted = tk.analysis.identity_ages(old)
    assert converted["strong_id"].tolist() == ages["strong_id"].tolist()
    assert converted["empty"].tolist() == ages["empty"].tolist()


def test_a_schema1_manifest_made_on_the_fly_is_recognised(forms: dict[str, tuple[Any, Any]], graph: tk.Graph) -> None:
    """Debian's registry converts a schema2 image for a client that accepts nothing else; the Accept header is evidence."""
    asked = forms["schema2"][0]
    newer = tk.inspect(asked).records(Manifest)[0]
    report = tk.pull(asked, graph, formats="schema1")
    made = report.records(Manifest)[0]
    assert (newer.kind, newer.converted_from, made.kind, made.converted_from) == ("image", None, "schema1", newer.digest)
    assert made.accept != newer.accept
    assert (report.outcome, report.findings) == ("accepted", [])
    assert tk.rejudge(report).records(Manifest)[0].converted_from == newer.digest
    with pytest.raises(tk.errors.UsageError, match="no formats are called"):
        tk.inspect(asked, formats="schema3")
