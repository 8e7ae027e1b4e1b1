"""What kind of document a body is, by its members and by what is claimed for it."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.manifests.config import read_config
from toolkit.manifests.descriptor import Descriptor
from toolkit.manifests.document import claimed_types, kind_of_document, read_document
from toolkit.manifests.media_types import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    SCHEMA1,
    declared_compression,
    essence,
    is_foreign,
    is_image_config,
    is_layer,
    kind_of,
)
from toolkit.manifests.raw import RawManifest

DIGEST = "sha256:" + "a" * 64
ONE: dict[str, Any] = {"mediaType": "a/b", "digest": DIGEST, "size": 3}


def raw(content_type: str | None = None) -> RawManifest:
    return RawManifest(body=b"", content_type=content_type)


def by(media_type: str) -> Descriptor:
    return Descriptor(where="", media_type=media_type, digest=DIGEST, size=1)


@pytest.mark.parametrize(
    ("value", "header", "descriptor", "kind"),
    [
        ({"layers": [], "config": {}}, OCI_INDEX, None, "image"),
        ({"manifests": []}, OCI_MANIFEST, None, "index"),
        ({"fsLayers": []}, OCI_MANIFEST, None, "schema1"),
        ({"blobs": []}, None, None, "image"),
        ({"manifests": [], "layers": [], "mediaType": DOCKER_MANIFEST}, OCI_INDEX, None, "image"),
        ({"manifests": [], "layers": []}, OCI_INDEX, None, "index"),
        ({"manifests": [], "layers": []}, OCI_INDEX, OCI_MANIFEST, "image"),
        ({"manifests": [], "layers": []}, None, None, "image"),
        ({"fsLayers": [], "layers": []}, SCHEMA1, None, "image"),
        ({}, DOCKER_LIST, None, "index"),
        ({}, "text/plain", None, "schema1"),
        (None, OCI_MANIFEST, None, "image"),
        (None, None, None, "schema1"),
    ],
)
def test_members_first_then_claims(value: dict[str, Any] | None, header: str | None, descriptor: str | None, kind: str) -> None:
    assert kind_of_document(value, raw(header), None if descriptor is None else by(descriptor)) == kind


def test_unspecific_headers_claim_nothing() -> None:
    for header in ("text/plain; charset=utf-8", "application/json", "application/octet-stream", ""):
        assert claimed_types({}, raw(header), None) == {}
    assert claimed_types({"mediaType": 3}, raw("Application/Foo; x=1"), by(OCI_INDEX)) == {
        "descriptor": OCI_INDEX,
        "header": "application/foo",
    }


def test_a_manifest_is_read() -> None:
    value = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": ONE,
        "layers": [ONE, ONE],
        "subject": ONE,
        "artifactType": "x/y",
        "annotations": {"a": "b"},
    }
    found = read_document(value, "image")
    assert (found.schema_version, found.media_type, found.artifact_type) == (2, OCI_MANIFEST, "x/y")
    assert [one.where for one in found.descriptors] == ["config", "layers[0]", "layers[1]", "subject"]
    assert (found.annotations, found.problems, found.is_image) == ({"a": "b"}, (), False)


def test_an_index_is_read() -> None:
    found = read_document({"schemaVersion": 2, "manifests": [ONE, {"size": 1}]}, "index")
    assert [one.where for one in found.manifests] == ["manifests[0]"]
    assert [one.where for one in found.problems] == ["manifests[1].mediaType", "manifests[1].digest"]


def test_the_artifact_manifest_of_before_is_read() -> None:
    found = read_document({"blobs": [ONE], "artifactType": "x/y"}, "image")
    assert (len(found.layers), found.config, found.is_image, found.problems) == (1, None, False, ())


@pytest.mark.parametrize(
    ("config", "layers", "image"),
    [
        (OCI_CONFIG, [f"{OCI_LAYER}+gzip"], True),
        (OCI_CONFIG, [], True),
        (OCI_CONFIG, ["application/vnd.in-toto+json", OCI_LAYER], True),
        (OCI_CONFIG, ["application/vnd.in-toto+json"], False),
        (OCI_EMPTY, [OCI_LAYER], False),
        ("application/vnd.cncf.helm.config.v1+json", [OCI_LAYER], False),
    ],
)
def test_an_image_has_the_configuration_and_the_layers_of_one(config: str, layers: list[str], image: bool) -> None:  # noqa: FBT001  # a table
    value = {"config": {**ONE, "mediaType": config}, "layers": [{**ONE, "mediaType": one} for one in layers]}
    assert read_document(value, "image").is_image is image


def test_what_is_absent_is_a_problem() -> None:
    assert [one.where for one in read_document({}, "image").problems] == ["config", "layers"]
    assert [one.where for one in read_document({}, "index").problems] == ["manifests"]


def test_a_configuration_is_read() -> None:
    found = read_config(
        {
            "os": "linux",
            "architecture": "arm64",
            "variant": "v8",
            "rootfs": {"type": "layers", "diff_ids": [DIGEST]},
            "history": [{"created_by": "a"}, {"created_by": "b", "empty_layer": True}, {"empty_layer": False}],
        }
    )
    assert (str(found.platform), found.rootfs_type, found.diff_ids) == ("linux/arm64/v8", "layers", (DIGEST,))
    assert (found.steps, found.problems) == (["a", None], ())


def test_a_configuration_without_a_file_system_is_a_problem() -> None:
    found = read_config({"history": []})
    assert (found.diff_ids, found.rootfs_type, found.history, found.steps) == (None, None, None, [])
    assert [one.where for one in found.problems] == ["rootfs"]
    assert [one.where for one in read_config({"rootfs": {"diff_ids": 3}}).problems] == ["rootfs.type", "rootfs.diff_ids"]


@pytest.mark.parametrize(
    ("media_type", "declared", "foreign"),
    [
        ("application/vnd.oci.image.layer.v1.tar", "none", False),
        ("application/vnd.oci.image.layer.v1.tar+gzip", "gzip", False),
        ("application/vnd.oci.image.layer.v1.tar+zstd", "zstd", False),
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", "gzip", False),
        ("application/vnd.docker.image.rootfs.diff.tar+zstd", "zstd", False),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "gzip", True),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", "zstd", True),
        ("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", None, False),
        ("application/vnd.in-toto+json", None, False),
    ],
)
def test_a_layer_s_media_type_declares_its_compression(media_type: str, declared: str | None, foreign: bool) -> None:  # noqa: FBT001  # a table
    assert declared_compression(media_type) == declared
    assert is_layer(media_type) is (declared is not None)
    assert is_foreign(media_type) is foreign


def test_names_and_kinds() -> None:
    assert (kind_of(None), kind_of(SCHEMA1), kind_of("a/b"), essence(" A/B ; c")) == (None, "schema1", None, "a/b")
    assert is_image_config("application/vnd.docker.container.image.v1+json")
    assert not is_image_config(OCI_EMPTY)
