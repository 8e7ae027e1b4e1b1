"""The public corpus, image by image: verdict, digests, diff IDs and chain IDs agree with the truth, or a table says why not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
from container_inspector.image import Image
from support.places import CORPUS, needs_corpus, truth

import toolkit as tk
from toolkit.errors import SourceError, ToolkitError
from toolkit.records import Layer, Manifest

pytestmark = needs_corpus

KINDS: Final = ("oci-layout", "oci-archive", "docker-archive", "dir-image", "registry-tree", "docker-root")

EXPLAINED: Final = {
    "ol-oras-artifacts": (
        {"diff-ids-listed"},
        "configurations that are called an image's and list no diff IDs, which OCI requires; the truth compares what is there",
    ),
    "reg-oras-images": ({"diff-ids-listed"}, "the same configurations, in a registry's storage"),
    "do-pub-nested-index-6": ({"descriptor-limits"}, "six indexes deep: more than the four that are read; undecided"),
    "da-moby-empty-layer": ({"layer-readable"}, "layer.tar is an empty file, which is no tar: Docker 1.9 refused it too"),
}
"""Items the truth has nothing against, the rules that refuse them, and why."""

OTHERWISE_NAMED: Final = {
    "da-inspector-v10-busybox": "its layer.tar are gzip files; the truth hashes them as they are, Docker decompresses first",
}
"""Items whose layers have another diff ID in the truth, and why."""

UNDECIDED: Final = {"root-meta-aufs-v1", "root-meta-overlay2-v2"}
"""A Docker root has no layer archives: everything else agrees, and of the layers nobody can tell."""

EMPTY: Final = {
    "ol-stereoscope-no-manifests": "an index that names nothing",
    "ol-rules-index2": "no index.json",
    "ol-zot-invalid-test": "index.json with something after it",
    "do-pub-layout-version-2": "a layout of another version",
    "da-gcr-null-manifest": "manifest.json is null",
    "oa-snyk-unsupported": "an archive of something else",
}
"""Items from which no image can be had: asking is a typed error."""

ABSENT: Final = {"ol-gcr-unknown-mediatype", "ol-ci-two-images"}
"""Items whose index names manifests that are not there."""


def items() -> list[Any]:
    return [pytest.param(name, item, id=name) for name, item in truth().items() if item["kind"] in KINDS]


def found(item: object, key: str) -> Iterator[Any]:
    """Every value of a key, at any depth."""
    if isinstance(item, dict):
        for name, value in item.items():
            if name == key:
                yield value
            yield from found(value, key)
    elif isinstance(item, list):
        for value in item:
            yield from found(value, key)


def problems(item: dict[str, Any]) -> list[str]:
    """What the truth has against an item; a lost ``oci-layout`` file is no fault of an image."""
    everything = [one for several in found(item["truth"], "problems") for one in several]
    return [str(one) for one in everything if "oci-layout file missing" not in str(one)]


@pytest.mark.parametrize(("name", "item"), items())
def test_an_image_of_the_corpus_is_judged_as_the_truth_says(name: str, item: dict[str, Any]) -> None:
    path = CORPUS / item["file"]
    if name in EMPTY:
        with pytest.raises(ToolkitError):
            tk.inspect(source=path)
        return
    source = tk.open_source(path)
    reports = []
    for held in source.holds():
        if name in ABSENT:
            with pytest.raises(SourceError):
                tk.inspect(held, source=source)
            continue
        reports.append(tk.inspect(held, source=source, platform="all"))
    rules = {check.rule for report in reports for check in report.findings}
    outcomes = {report.outcome for report in reports}
    if name in UNDECIDED:
        assert (outcomes, rules) == ({"undecided"}, set())
    elif name in EXPLAINED:
        assert rules == EXPLAINED[name][0]
    elif problems(item):
        assert name in ABSENT or rules, problems(item)
        assert "accepted" not in outcomes or len(reports) > 1
    else:
        assert (outcomes, rules) == ({"accepted"}, set())
    for report in reports:
        if report.outcome == "accepted" and name not in OTHERWISE_NAMED:
            assert_identities(report, item)


def assert_identities(report: tk.Report, item: dict[str, Any]) -> None:
    """Every manifest, config, diff ID and chain ID of an accepted image stands in the truth."""
    known = set(found(item["truth"], "config_digest"))
    chains = {tuple(one) for one in found(item["truth"], "chain_ids")}
    diff_ids = set(found(item["truth"], "diff_id")) | {one for several in found(item["truth"], "diff_ids") for one in several}
    for manifest in report.records(Manifest):
        if manifest.kind == "image" and known:
            assert manifest.config_digest in known
    layers: list[Layer] = report.records(Layer)
    for layer in layers:
        if layer.diff_id is not None and diff_ids:
            assert layer.diff_id in diff_ids
    chained = tuple(layer.chain_id for layer in layers)
    if chains and chained and None not in chained and len(report.records(Manifest)) == 1 and known:
        assert chained in chains


SAVED: Final = [name for name, item in truth().items() if item["kind"] == "docker-archive"] if CORPUS.is_dir() else []
NOT_READ_BY_IT: Final = {
    "da-gcr-null-manifest": "no images: manifest.json is null",
    "da-gcr-no-manifest": "container-inspector wants a manifest.json, which docker save of before 1.10 did not write",
    "da-inspector-v10-busybox": "as above",
    "da-moby-empty-layer": "as above",
}
"""Archives that the second oracle does not read, and why."""


@pytest.mark.parametrize("name", SAVED)
def test_container_inspector_names_the_same_images(name: str, tmp_path: Any) -> None:
    path = CORPUS / truth()[name]["file"]
    if name in NOT_READ_BY_IT:
        with pytest.raises(Exception):  # noqa: B017, PT011  # the oracle's own errors are of any kind
            Image.get_images_from_tarball(str(path), str(tmp_path), verify=False)
        return
    source = tk.open_source(path)
    ours = {tk.inspect(held, source=source).image_id for held in source.holds()}
    theirs = Image.get_images_from_tarball(str(path), str(tmp_path), verify=False)
    assert ours == {"sha256:" + image.image_id.removeprefix("sha256:") for image in theirs}
