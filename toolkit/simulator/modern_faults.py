"""Every way to lie in today's formats, as a function with a name.

The rule of this file: a fault takes a format and returns what a dishonest registry would serve: an image that is
faultless but for one thing. Its docstring says which thing; ``FAULTS`` says which rule must tell.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from toolkit.digests import sha256
from toolkit.manifests.media_types import EMPTY_CONTENT, OCI_EMPTY
from toolkit.simulator.images import layer_blob, stored_gzip
from toolkit.simulator.modern import (
    LINUX,
    OCI,
    SCHEMA2,
    TAG,
    Dialect,
    ModernImage,
    Stored,
    descriptor,
    encode,
    make_artifact,
    make_config,
    make_image,
    make_index,
    make_layer,
    pack,
    publish,
)
from toolkit.sources.static_registry import Answer

_FILES: Final = ({"etc/motd": b"welcome\n"}, {"usr/bin/greet": b"echo hello\n"}, {"etc/top": b"the top\n"})
ARM: Final = {"architecture": "arm64", "os": "linux"}


def clean_image(dialect: Dialect, platform: dict[str, str] | None = None) -> ModernImage:
    """Three layers of the same size, nothing wrong with them."""
    layers = [make_layer(dialect, files) for files in _FILES]
    return make_image(dialect, layers, make_config(layers, platform))


def clean_index(dialect: Dialect, first: ModernImage | None = None, **members: Any) -> Stored:
    """An index of an image for linux/amd64 and one for linux/arm64; ``members`` change the first descriptor."""
    first = clean_image(dialect) if first is None else first
    second = clean_image(dialect, ARM)
    entries = [{**first.descriptor(platform=LINUX), **members}, second.descriptor(platform=ARM)]
    return make_index(dialect, entries, [first.stored(), second.stored()])


# -- the document itself -----------------------------------------------------------------------------------------


def another_manifest(dialect: Dialect) -> Stored:
    """Asked by digest, another image's manifest is served."""
    stored = clean_image(dialect).stored()
    other = clean_image(dialect, ARM).stored()
    return stored.including(other).serving(stored.root, **_served(other.documents[TAG].body))


def header_lies(dialect: Dialect) -> Stored:
    """The header Docker-Content-Digest names another document."""
    return clean_image(dialect).stored().serving_root(headers={"Docker-Content-Digest": sha256(b"another")})


def manifest_cut(dialect: Dialect) -> Stored:
    """The manifest ends in its middle."""
    image = clean_image(dialect)
    return publish(image.body[:-40], dialect.manifest, image.blobs)


def manifest_is_a_list(dialect: Dialect) -> Stored:
    """The manifest is a JSON list, with the manifest in it."""
    image = clean_image(dialect)
    return publish(b"[" + image.body + b"]", dialect.manifest, image.blobs)


def name_twice(dialect: Dialect) -> Stored:
    """The manifest says ``layers`` twice: the first list is for careless readers only."""
    image = clean_image(dialect)
    return publish(b'{"layers":[],' + image.body[1:], dialect.manifest, image.blobs)


def name_in_other_case(dialect: Dialect) -> Stored:
    """The manifest says ``Layers`` beside ``layers``: Go reads both as one name."""
    image = clean_image(dialect)
    return publish(b'{"Layers":[],' + image.body[1:], dialect.manifest, image.blobs)


def nested_deep(dialect: Dialect) -> Stored:
    """An unknown member nests 100 lists."""
    image = clean_image(dialect)
    return publish(b'{"x":' + b"[" * 100 + b"]" * 100 + b"," + image.body[1:], dialect.manifest, image.blobs)


def not_utf8(dialect: Dialect) -> Stored:
    """An unknown member holds a byte that is no UTF-8."""
    image = clean_image(dialect)
    return publish(b'{"x":"\xff",' + image.body[1:], dialect.manifest, image.blobs)


def header_says_index(dialect: Dialect) -> Stored:
    """An image is served as an index (CVE-2021-41190)."""
    return clean_image(dialect).stored().serving_root(content_type=dialect.index)


def body_says_index(dialect: Dialect) -> Stored:
    """The manifest's own mediaType is that of an index, and so is the header's."""
    image = clean_image(dialect).changed(mediaType=dialect.index)
    return publish(image.body, dialect.index, image.blobs)


def body_says_other_format(dialect: Dialect) -> Stored:
    """The manifest's own mediaType is of the other format than its header's."""
    other = OCI if dialect is SCHEMA2 else SCHEMA2
    return clean_image(dialect).changed(mediaType=other.manifest).stored()


def child_type_lies(dialect: Dialect) -> Stored:
    """The index says of an image that it is of the other format."""
    other = OCI if dialect is SCHEMA2 else SCHEMA2
    return clean_index(dialect, mediaType=other.manifest)


def both_kinds(dialect: Dialect) -> Stored:
    """The manifest is an image and an index at once (CVE-2021-41190)."""
    image = clean_image(dialect)
    return image.changed(manifests=[clean_image(dialect, ARM).descriptor(platform=ARM)]).stored()


def schema1_too(dialect: Dialect) -> Stored:
    """The manifest is an image of today and one of schema1 at once."""
    image = clean_image(dialect)
    layers = [{"blobSum": image.layer(index)} for index in range(3)]
    return image.changed(fsLayers=layers).stored()


def version_three(dialect: Dialect) -> Stored:
    """The manifest's schemaVersion is 3."""
    return clean_image(dialect).changed(schemaVersion=3).stored()


# -- descriptors -------------------------------------------------------------------------------------------------


def layer_without_size(dialect: Dialect) -> Stored:
    """A layer's descriptor has no size."""
    return clean_image(dialect).described(1, size=None).stored()


def layer_size_negative(dialect: Dialect) -> Stored:
    """A layer's descriptor states a negative size."""
    return clean_image(dialect).described(1, size=-1).stored()


def layer_size_text(dialect: Dialect) -> Stored:
    """A layer's descriptor states its size as a text."""
    image = clean_image(dialect)
    return image.described(1, size=str(len(image.blobs[image.layer(1)]))).stored()


def config_absent(dialect: Dialect) -> Stored:
    """The manifest names no configuration."""
    return clean_image(dialect).changed(config=None).stored()


def layers_absent(dialect: Dialect) -> Stored:
    """The manifest has no list of layers; the configuration knows of none either."""
    return make_image(dialect, []).changed(layers=None).stored()


def digest_malformed(dialect: Dialect) -> Stored:
    """A layer's digest is one digit short."""
    return _renamed(clean_image(dialect), lambda digest: digest[:-1])


def digest_upper_case(dialect: Dialect) -> Stored:
    """A layer's digest is written in capitals."""
    return _renamed(clean_image(dialect), lambda digest: "sha256:" + digest.removeprefix("sha256:").upper())


def digest_unknown(dialect: Dialect) -> Stored:
    """A layer is named by an algorithm that nobody here knows."""
    return _renamed(clean_image(dialect), lambda digest: "blake3:" + digest.removeprefix("sha256:"))


def index_too_wide(dialect: Dialect) -> Stored:
    """The index names 10,001 manifests."""
    image = clean_image(dialect)
    return make_index(dialect, [image.descriptor(platform=LINUX)] * 10_001, [image.stored()])


def index_too_deep(dialect: Dialect) -> Stored:
    """Five indexes lead from one to the next before there is an image."""
    image = clean_image(dialect)
    found = make_index(dialect, [image.descriptor(platform=LINUX)], [image.stored()])
    for _ in range(4):
        found = make_index(dialect, [descriptor(found.documents[TAG].body, dialect.index)], [found])
    return found


def config_too_large(dialect: Dialect) -> Stored:
    """The configuration is one byte larger than 8 MiB."""
    image = clean_image(dialect)
    body = encode(image.config)
    return image.with_config(body + b" " * (8 * 1024 * 1024 + 1 - len(body))).stored()


def same_layer_other_type(dialect: Dialect) -> Stored:
    """One layer stands twice, as two media types."""
    layer = make_layer(dialect, _FILES[0])
    image = make_image(dialect, [layer, layer])
    return image.described(1, mediaType=dialect.layer_type("none")).stored()


def data_of_other_content(dialect: Dialect) -> Stored:
    """The content embedded in the configuration's descriptor is not the configuration."""
    image = clean_image(dialect)
    own = image.blobs[image.manifest["config"]["digest"]].replace(b"A=1", b"A=2")
    return image.described("config", data=base64.b64encode(own).decode()).stored()


def data_no_base64(dialect: Dialect) -> Stored:
    """The content embedded in the configuration's descriptor is no base64."""
    return clean_image(dialect).described("config", data="*").stored()


def artifact_without_type(dialect: Dialect) -> Stored:
    """The configuration is empty and nothing says what this is."""
    del dialect
    return make_artifact(b"a bill of materials\n", "text/plain", artifact_type=None)


def empty_is_not_empty(dialect: Dialect) -> Stored:
    """A descriptor of the empty type names other content."""
    del dialect
    body = b'{"not":"empty"}'
    named = descriptor(body, OCI_EMPTY)
    row = descriptor(EMPTY_CONTENT, "application/json")
    manifest = {"schemaVersion": 2, "mediaType": OCI.manifest, "artifactType": "application/x-lab", "config": named}
    return publish(encode({**manifest, "layers": [row]}), OCI.manifest, {named["digest"]: body, row["digest"]: EMPTY_CONTENT})


# -- the index ---------------------------------------------------------------------------------------------------


def child_exchanged(dialect: Dialect) -> Stored:
    """Under the digest of the index's image, the image for another platform is served; the sizes are the same."""
    first, other = clean_image(dialect).stored(), clean_image(dialect, ARM).stored()
    return clean_index(dialect).serving(first.root, **_served(other.documents[TAG].body))


def child_missing(dialect: Dialect) -> Stored:
    """The index names an image that is not there."""
    stored, gone = clean_index(dialect), clean_image(dialect).stored().root
    return replace(stored, documents={key: one for key, one in stored.documents.items() if key != gone})


def child_size_wrong(dialect: Dialect) -> Stored:
    """The index states another size of its image."""
    return clean_index(dialect, size=clean_image(dialect).descriptor()["size"] + 1)


def platform_lies(dialect: Dialect) -> Stored:
    """The index says linux/amd64 of an image for linux/arm64."""
    return clean_index(dialect, clean_image(dialect, ARM))


def platform_not_there(dialect: Dialect) -> Stored:
    """The index has nothing for linux/amd64."""
    image = clean_image(dialect, ARM)
    return make_index(dialect, [image.descriptor(platform=ARM)], [image.stored()])


# -- the configuration -------------------------------------------------------------------------------------------


def config_byte(dialect: Dialect) -> Stored:
    """One byte of the configuration is another: the environment is not the one that was published."""
    image = clean_image(dialect)
    digest = image.manifest["config"]["digest"]
    return image.stored().with_blob(digest, image.blobs[digest].replace(b"A=1", b"A=2", 1))


def config_longer(dialect: Dialect) -> Stored:
    """The configuration has a blank after its end."""
    image = clean_image(dialect)
    digest = image.manifest["config"]["digest"]
    return image.stored().with_blob(digest, image.blobs[digest] + b" ")


def config_missing(dialect: Dialect) -> Stored:
    """The configuration is not there."""
    image = clean_image(dialect)
    return image.stored().with_blob(image.manifest["config"]["digest"], None)


def config_size_wrong(dialect: Dialect) -> Stored:
    """The manifest states another size of the configuration."""
    image = clean_image(dialect)
    return image.described("config", size=image.manifest["config"]["size"] + 1).stored()


def config_is_a_list(dialect: Dialect) -> Stored:
    """The configuration is a JSON list."""
    return clean_image(dialect).with_config(b"[]").stored()


def config_name_twice(dialect: Dialect) -> Stored:
    """The configuration says ``rootfs`` twice."""
    image = clean_image(dialect)
    body = encode(image.config)
    return image.with_config(b'{"rootfs":{"type":"layers","diff_ids":[]},' + body[1:]).stored()


def rootfs_of_other_type(dialect: Dialect) -> Stored:
    """The configuration's rootfs is no list of layers."""
    image = clean_image(dialect)
    return image.configured(rootfs={**image.config["rootfs"], "type": "tree"}).stored()


def diff_ids_absent(dialect: Dialect) -> Stored:
    """The configuration lists no diff IDs at all."""
    return clean_image(dialect).configured(rootfs={"type": "layers"}).stored()


def diff_ids_too_few(dialect: Dialect) -> Stored:
    """The configuration lists one diff ID too few."""
    return _diff_ids(clean_image(dialect), lambda own: own[:-1])


def diff_ids_too_many(dialect: Dialect) -> Stored:
    """The configuration lists one diff ID too many."""
    return _diff_ids(clean_image(dialect), lambda own: [*own, sha256(b"no layer")])


def diff_ids_swapped(dialect: Dialect) -> Stored:
    """Two diff IDs have changed places."""
    return _diff_ids(clean_image(dialect), lambda own: [own[1], own[0], *own[2:]])


def diff_id_wrong(dialect: Dialect) -> Stored:
    """A diff ID is not that of its layer."""
    return _diff_ids(clean_image(dialect), lambda own: [own[0], sha256(b"no layer"), *own[2:]])


def diff_id_of_blob(dialect: Dialect) -> Stored:
    """A diff ID is the digest of the compressed layer."""
    image = clean_image(dialect)
    return _diff_ids(image, lambda own: [own[0], image.layer(1), *own[2:]])


def history_short(dialect: Dialect) -> Stored:
    """The history has a step with a layer too few."""
    image = clean_image(dialect)
    return image.configured(history=image.config["history"][1:]).stored()


# -- layers ------------------------------------------------------------------------------------------------------


def layer_byte(dialect: Dialect) -> Stored:
    """One byte of a layer's file is another; the size is the same."""
    image = clean_image(dialect)
    return image.stored().with_blob(image.layer(1), image.blobs[image.layer(1)].replace(b"hello", b"jello"))


def layer_cut(dialect: Dialect) -> Stored:
    """A layer is served without its last 100 bytes."""
    image = clean_image(dialect)
    return image.stored().with_blob(image.layer(1), image.blobs[image.layer(1)][:-100])


def layer_longer(dialect: Dialect) -> Stored:
    """A layer is served with bytes after its end."""
    image = clean_image(dialect)
    return image.stored().with_blob(image.layer(1), image.blobs[image.layer(1)] + b"trailing")


def layer_exchanged(dialect: Dialect) -> Stored:
    """A layer is served in place of another of the same size."""
    image = clean_image(dialect)
    return image.stored().with_blob(image.layer(1), image.blobs[image.layer(0)])


def layer_missing(dialect: Dialect) -> Stored:
    """A layer is not there."""
    image = clean_image(dialect)
    return image.stored().with_blob(image.layer(1), None)


def layer_breaks_off(dialect: Dialect) -> Stored:
    """The connection ends before all the announced bytes of a layer came."""
    image = clean_image(dialect)
    body = image.blobs[image.layer(1)]
    answer = Answer(200, {"Content-Type": "application/octet-stream", "Content-Length": str(len(body))}, body[:-100])
    return image.stored().answering(f"blobs/{image.layer(1)}", answer)


def layer_size_wrong(dialect: Dialect) -> Stored:
    """The manifest states another size of a layer."""
    image = clean_image(dialect)
    return image.described(1, size=image.manifest["layers"][1]["size"] - 1).stored()


def gzip_is_plain(dialect: Dialect) -> Stored:
    """A layer declared gzip is not compressed."""
    image = clean_image(dialect)
    return image.with_layer(1, layer_blob(_FILES[1], gzip=False)).stored()


def plain_is_gzip(dialect: Dialect) -> Stored:
    """A layer declared plain is compressed with gzip."""
    return clean_image(dialect).described(1, mediaType=dialect.layer_type("none")).stored()


def zstd_is_gzip(dialect: Dialect) -> Stored:
    """A layer declared zstd is compressed with gzip."""
    return clean_image(dialect).described(1, mediaType=dialect.layer_type("zstd")).stored()


def gzip_cut(dialect: Dialect) -> Stored:
    """A layer, under its true digest, is a gzip that breaks off."""
    image = clean_image(dialect)
    return image.with_layer(1, image.blobs[image.layer(1)][:-600]).stored()


def gzip_checksum(dialect: Dialect) -> Stored:
    """A layer, under its true digest, is a gzip whose checksum is not that of its content."""
    image = clean_image(dialect)
    return image.with_layer(1, image.blobs[image.layer(1)].replace(b"hello", b"jello")).stored()


def gzip_trailing(dialect: Dialect) -> Stored:
    """A layer, under its true digest, has bytes after the end of its gzip."""
    image = clean_image(dialect)
    return image.with_layer(1, image.blobs[image.layer(1)] + b"trailing").stored()


def zstd_trailing(dialect: Dialect) -> Stored:
    """A layer, under its true digest, has bytes after the end of its zstd."""
    layers = [make_layer(dialect, files, "zstd") for files in _FILES]
    return make_image(dialect, layers).with_layer(1, layers[1].blob + b"trailing").stored()


def tar_cut(dialect: Dialect) -> Stored:
    """A layer's archive ends inside a file."""
    tar = layer_blob(_FILES[1], gzip=False)[:520]
    return clean_image(dialect).with_layer(1, stored_gzip(tar), tar).stored()


def tar_garbled(dialect: Dialect) -> Stored:
    """A layer's archive has a header whose checksum is wrong."""
    tar = layer_blob(_FILES[1], gzip=False).replace(b"usr/bin/greet", b"usr/bin/grout", 1)
    return clean_image(dialect).with_layer(1, stored_gzip(tar), tar).stored()


def tar_trailing(dialect: Dialect) -> Stored:
    """A layer has bytes after the end of its archive, where nobody looks."""
    tar = layer_blob(_FILES[1], gzip=False) + b"hidden".ljust(512, b"\0")
    return clean_image(dialect).with_layer(1, pack(tar, "gzip"), tar).stored()


Reference = Literal["tag", "digest"]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, the rule meant to tell it, how the image is asked for, and the formats that can have it."""

    make: Callable[[Dialect], Stored]
    rule: str
    by: Reference = "tag"
    dialects: tuple[Dialect, ...] = (SCHEMA2, OCI)


FAULTS: Final = (
    Fault(another_manifest, "manifest-digest", "digest"),
    Fault(header_lies, "header-digest"),
    Fault(manifest_cut, "manifest-json"),
    Fault(manifest_is_a_list, "manifest-json"),
    Fault(name_twice, "json-unambiguous"),
    Fault(name_in_other_case, "json-unambiguous"),
    Fault(nested_deep, "json-unambiguous"),
    Fault(not_utf8, "json-unambiguous"),
    Fault(header_says_index, "media-type-agrees"),
    Fault(body_says_index, "media-type-agrees"),
    Fault(body_says_other_format, "media-type-agrees"),
    Fault(child_type_lies, "media-type-agrees"),
    Fault(both_kinds, "manifest-one-kind"),
    Fault(schema1_too, "manifest-one-kind"),
    Fault(version_three, "schema-version"),
    Fault(layer_without_size, "descriptors-readable"),
    Fault(layer_size_negative, "descriptors-readable"),
    Fault(layer_size_text, "descriptors-readable"),
    Fault(config_absent, "descriptors-readable"),
    Fault(layers_absent, "descriptors-readable"),
    Fault(digest_malformed, "descriptor-digest"),
    Fault(digest_upper_case, "descriptor-digest"),
    Fault(digest_unknown, "descriptor-digest"),
    Fault(index_too_wide, "descriptor-limits"),
    Fault(index_too_deep, "descriptor-limits"),
    Fault(config_too_large, "descriptor-limits"),
    Fault(same_layer_other_type, "descriptor-consistent"),
    Fault(data_of_other_content, "descriptor-data", dialects=(OCI,)),
    Fault(data_no_base64, "descriptor-data", dialects=(OCI,)),
    Fault(artifact_without_type, "artifact-type", dialects=(OCI,)),
    Fault(empty_is_not_empty, "empty-content", dialects=(OCI,)),
    Fault(child_exchanged, "manifest-digest"),
    Fault(child_missing, "blob-present"),
    Fault(child_size_wrong, "descriptor-size"),
    Fault(platform_lies, "platform-agrees"),
    Fault(platform_not_there, "platform-available"),
    Fault(config_byte, "blob-digest"),
    Fault(config_longer, "descriptor-size"),
    Fault(config_missing, "blob-present"),
    Fault(config_size_wrong, "descriptor-size"),
    Fault(config_is_a_list, "config-json"),
    Fault(config_name_twice, "json-unambiguous"),
    Fault(rootfs_of_other_type, "diff-ids-listed"),
    Fault(diff_ids_absent, "diff-ids-listed"),
    Fault(diff_ids_too_few, "diff-id-count"),
    Fault(diff_ids_too_many, "diff-id-count"),
    Fault(diff_ids_swapped, "diff-id-order"),
    Fault(diff_id_wrong, "diff-id"),
    Fault(diff_id_of_blob, "diff-id"),
    Fault(history_short, "history-aligned"),
    Fault(layer_byte, "blob-digest"),
    Fault(layer_cut, "descriptor-size"),
    Fault(layer_longer, "descriptor-size"),
    Fault(layer_exchanged, "blob-digest"),
    Fault(layer_missing, "blob-present"),
    Fault(layer_breaks_off, "blob-size"),
    Fault(layer_size_wrong, "descriptor-size"),
    Fault(gzip_is_plain, "layer-compression", dialects=(OCI,)),
    Fault(plain_is_gzip, "layer-compression"),
    Fault(zstd_is_gzip, "layer-compression", dialects=(OCI,)),
    Fault(gzip_cut, "layer-readable"),
    Fault(gzip_checksum, "layer-readable"),
    Fault(gzip_trailing, "layer-readable"),
    Fault(zstd_trailing, "layer-readable", dialects=(OCI,)),
    Fault(tar_cut, "layer-readable"),
    Fault(tar_garbled, "layer-readable"),
    Fault(tar_trailing, "layer-nothing-trailing"),
)
"""Every fault, in the order in which a reader meets it.

``index-acyclic`` has none: an index that names itself would have to hold its own digest, so that it cannot be
faultless otherwise.
"""


def _served(body: bytes) -> dict[str, Any]:
    return {"body": body, "headers": {"Docker-Content-Digest": sha256(body)}}


def _renamed(image: ModernImage, respell: Callable[[str], str]) -> Stored:
    """The image with another digest in a layer's descriptor, under which the true bytes are served."""
    own = image.layer(1)
    return replace(image.described(1, digest=respell(own)), blobs={**image.blobs, respell(own): image.blobs[own]}).stored()


def _diff_ids(image: ModernImage, change: Callable[[list[str]], list[str]]) -> Stored:
    return image.configured(rootfs={"type": "layers", "diff_ids": change(image.config["rootfs"]["diff_ids"])}).stored()
