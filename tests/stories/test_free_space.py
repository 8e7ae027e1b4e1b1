"""Delete this tag, free X: what is said before equals, to the byte, what Debian's registry frees on its disk."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pandas as pd
import pytest
from support.places import PROJECT
from support.real import docker_registry, need, public_image, run
from support.shop import Shop, gzipped, tar_of

import toolkit as tk
from toolkit.analysis import deletions, explain_free_space, free_space, latest, lineage, reach, stored_sizes
from toolkit.digests import sha256
from toolkit.manifests.media_types import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST

pytestmark = [pytest.mark.real, pytest.mark.slow]

DERIVED: Final = ("derived/python:3-alpine", "derived/python:tool", "derived/python:labelled")

STEPS: Final[dict[tuple[str, ...], dict[str, int]]] = {
    ("plant/one:many",): {"manifest": 3, "config": 2, "layer": 2},  # one of its children has tags of its own
    ("derived/python:tool",): {"manifest": 1, "config": 1, "layer": 1},
    ("plant/one:1", "plant/one:alias"): {},  # another repository has the same manifest
    ("plant/one:2",): {"manifest": 1, "config": 1},  # its layers stand in a schema1 manifest too
    ("plant/two:same", "plant/two:old"): {"manifest": 2, "config": 1, "layer": 3},
    ("derived/python:labelled",): {"manifest": 1, "config": 1},
}
"""What is deleted, one step after the other, and what that frees."""


class Plant:
    """Debian's registry with what is put into it, and the bytes on its disk."""

    def __init__(self, client: httpx.Client, folder: Path) -> None:
        self.host = client.base_url.netloc.decode()
        self.folder = folder
        self._client = client

    def push(self, repository: str, shop: Shop, *tags: str) -> None:
        """Put documents in, with all blobs of the shop."""
        for digest, data in shop.blobs.items():
            begun = self._client.post(f"/v2/{repository}/blobs/uploads/").raise_for_status().headers["Location"]
            ended = begun + ("&" if "?" in begun else "?") + f"digest={digest}"
            self._client.put(ended, content=data, headers={"Content-Type": "application/octet-stream"}).raise_for_status()
        digests = [name for name in shop.documents if ":" in name]
        for tag in (*digests, *tags):
            body, headers = shop.documents[tag]
            self._client.put(
                f"/v2/{repository}/manifests/{tag}", content=body, headers={"Content-Type": headers["Content-Type"]}
            ).raise_for_status()

    def names(self) -> list[str]:
        """Every tag of every repository, as the registry lists them."""
        repositories = self._client.get("/v2/_catalog").raise_for_status().json()["repositories"]
        listed = {name: self._client.get(f"/v2/{name}/tags/list") for name in repositories}
        return [f"{name}:{tag}" for name, answer in listed.items() if answer.is_success for tag in answer.json()["tags"] or ()]

    def survey(self) -> tk.Ledger:
        """Look at everything the registry has a name for."""
        ledger = tk.Ledger()
        for name in self.names():
            report = tk.inspect(f"{self.host}/{name}", ledger=ledger, platform="all", accept=["signature-present"])
            assert report.outcome == "accepted", report
        return ledger

    def delete(self, listed: pd.DataFrame) -> None:
        """Delete manifests, and let the registry's own program collect what nothing refers to any more."""
        for repository, digest in zip(listed["repository"], listed["digest"], strict=True):
            path = repository.removeprefix(f"{self.host}/")
            assert self._client.delete(f"/v2/{path}/manifests/{digest}").status_code == 202
        run("docker-registry", "garbage-collect", str(self.folder / "registry.yml"))

    def stored(self) -> dict[str, int]:
        """The digests and sizes of the blobs on disk."""
        blobs = (self.folder / "store" / "docker" / "registry" / "v2" / "blobs").glob("*/*/*/data")
        return {f"{data.parents[2].name}:{data.parent.name}": data.stat().st_size for data in blobs}


def one_platform(shop: Shop, machine: str, *contents: bytes, tags: tuple[str, ...] = ()) -> dict[str, Any]:
    """An image whose layers hold what is said: equal contents are equal layers."""
    tars = [tar_of("file", content) for content in contents]
    config = {
        "os": "linux",
        "architecture": machine,
        "rootfs": {"type": "layers", "diff_ids": [sha256(tar) for tar in tars]},
        "history": [{"created_by": "a step"}] * len(tars),
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": shop.blob(json.dumps(config).encode(), OCI_CONFIG),
        "layers": [shop.blob(gzipped(tar), f"{OCI_LAYER}+gzip") for tar in tars],
    }
    return {**shop.document(manifest, *tags), "platform": {"os": "linux", "architecture": machine}}


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """Repositories that share layers, manifests and children of an index, and images derived by umoci from a real one."""
    need("docker-registry", "skopeo", "umoci")
    layout = public_image(Path(os.environ.get("LAYERPROOF_CACHE", PROJECT / ".cache")))
    base = tmp_path_factory.mktemp("plant")
    common, noise = b"common" * 999, [os.urandom(1000 + 37 * index) for index in range(8)]
    one, two = Shop(), Shop()
    first = one_platform(one, "amd64", common, noise[0], tags=("1", "alias"))
    one_platform(one, "amd64", common, noise[0], noise[1], noise[1], tags=("2",))
    arm, riscv = (one_platform(one, name, common, noise[at]) for name, at in (("arm64", 2), ("riscv64", 3)))
    one.index(first, arm, riscv, tag="many")
    one_platform(two, "amd64", common, noise[0], tags=("same",))
    with (
        docker_registry(base / "registry") as host,
        httpx.Client(base_url=f"http://{host}", trust_env=False, timeout=30) as client,
    ):
        registry = Plant(client, base / "registry")
        registry.push("plant/one", one, "1", "alias", "2", "many")
        registry.push("plant/two", two, "same")
        away = ("skopeo", "copy", "--quiet", "--dest-tls-verify=false", "--src-tls-verify=false")
        run(*away, "--format", "v2s1", f"docker://{host}/plant/one:2", f"docker://{host}/plant/two:old")
        for here, there in zip(derive(layout, base / "layout"), DERIVED, strict=True):
            run(*away, f"oci:{base / 'layout'}:{here}", f"docker://{host}/{there}")
        yield registry


def derive(layout: Path, copy: Path) -> list[str]:
    """Make two images of a real one with umoci: one with a further layer, one with further settings only."""
    shutil.copytree(layout, copy)
    tag = json.loads((copy / "index.json").read_text())["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"]
    tool = copy.parent / "tool"
    tool.write_bytes(os.urandom(106 * 512))  # whole blocks: this umoci forgets to pad the last member of a layer
    run("umoci", "insert", "--rootless", "--image", f"{copy}:{tag}", "--tag", "tool", str(tool), "/usr/bin/tool")
    run("umoci", "config", "--image", f"{copy}:{tag}", "--tag", "labelled", "--config.label", "a=b")
    return [tag, "tool", "labelled"]


def reached(ledger: tk.Ledger) -> pd.DataFrame:
    return reach(ledger.manifests, ledger.descriptors, ledger.layers)


def test_what_is_reached_is_what_lies_on_the_disk(plant: Plant) -> None:
    found = reached(plant.survey())
    blobs = found.drop_duplicates("digest")
    assert dict(zip(blobs["digest"], blobs["size"], strict=True)) == plant.stored()
    assert stored_sizes(found)["proportional"].sum() == pytest.approx(sum(plant.stored().values()))
    assert found["read"].all()


def test_umoci_s_images_are_traced_to_the_one_they_were_made_of(plant: Plant) -> None:
    found = lineage(latest(plant.survey().layers)).set_index("image")
    base, tool, labelled = (found.loc[f"{plant.host}/{name}"] for name in DERIVED)
    assert (tool["parent_layers"], tool["layers"]) == (base["layers"], base["layers"] + 1)
    assert (tool["parents"], tool["parent_chain_id"]) == (2, base["chain_id"])
    assert (labelled["alike"], labelled["chain_id"]) == (1, base["chain_id"])


def test_deleting_frees_what_was_said_and_nothing_else(plant: Plant) -> None:
    """One registry, emptied step by step: after each step everything that stays is still whole."""
    found, before = reached(plant.survey()), plant.stored()
    for deleted, counts in STEPS.items():
        names = [f"{plant.host}/{name}" for name in deleted]
        freed = free_space(found, names)
        said = explain_free_space(found, names)
        plant.delete(deletions(found, names))
        after = plant.stored()
        gone = {digest: size for digest, size in before.items() if digest not in after}
        assert gone == dict(zip(freed["digest"], freed["size"], strict=True)), deleted
        assert f"frees {sum(before.values()) - sum(after.values()):,} B" in said
        assert {role: count for role, count in freed["role"].value_counts().items() if count} == counts, deleted
        found, before = reached(plant.survey()), after
        blobs = found.drop_duplicates("digest")
        assert dict(zip(blobs["digest"], blobs["size"], strict=True)) == after
