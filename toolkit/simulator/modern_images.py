"""Valid images of today's formats, each with something a careless reader may stumble over.

The rule of this file: nothing is wrong here; whoever refuses one of these refuses what the specifications allow.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from toolkit.manifests.media_types import OCI_EMPTY
from toolkit.simulator.images import layer_blob, stored_gzip
from toolkit.simulator.modern import (
    LINUX,
    OCI,
    SCHEMA2,
    TAG,
    Dialect,
    Stored,
    descriptor,
    make_artifact,
    make_attestation,
    make_image,
    make_index,
    make_layer,
    publish,
)
from toolkit.simulator.modern_faults import ARM, Reference, clean_image, clean_index
from toolkit.sources.static_registry import Answer

_FILES: Final = {"etc/motd": b"welcome\n"}
_MORE: Final = {"usr/bin/greet": b"echo hello\n"}


def plain(dialect: Dialect) -> Stored:
    """Layers that are not compressed."""
    return make_image(dialect, [make_layer(dialect, _FILES, "none"), make_layer(dialect, _MORE, "none")]).stored()


def plain_called_gzip(dialect: Dialect) -> Stored:
    """A layer that is not compressed, under the only name Docker's own format has for layers."""
    image = make_image(dialect, [make_layer(dialect, _FILES)])
    return image.with_layer(0, layer_blob(_FILES, gzip=False)).stored()


def gzipped(dialect: Dialect) -> Stored:
    """Three gzip layers."""
    return clean_image(dialect).stored()


def by_digest(dialect: Dialect) -> Stored:
    """An image asked for by digest."""
    return clean_image(dialect).stored()


def gzip_members(dialect: Dialect) -> Stored:
    """A layer that is two gzip members, as parallel compressors write it."""
    return make_image(dialect, [make_layer(dialect, _FILES, "gzip-members")]).stored()


def gzip_with_name(dialect: Dialect) -> Stored:
    """A layer whose gzip header holds a file's name."""
    tar = layer_blob(_FILES, gzip=False)
    plain_gzip = stored_gzip(tar)
    named = plain_gzip[:3] + b"\x08" + plain_gzip[4:10] + b"layer.tar\0" + plain_gzip[10:]
    return make_image(dialect, [make_layer(dialect, _FILES)]).with_layer(0, named, tar).stored()


def tar_padded(dialect: Dialect) -> Stored:
    """A layer padded with zeros to a whole record, as tar writes it."""
    tar = layer_blob(_FILES, gzip=False).ljust(10_240, b"\0")
    return make_image(dialect, [make_layer(dialect, _FILES)]).with_layer(0, stored_gzip(tar), tar).stored()


def same_layer_twice(dialect: Dialect) -> Stored:
    """One layer stands twice, with the same diff ID."""
    return make_image(dialect, [make_layer(dialect, _FILES)] * 2).stored()


def no_layers(dialect: Dialect) -> Stored:
    """An image without layers."""
    return make_image(dialect, []).stored()


def no_history(dialect: Dialect) -> Stored:
    """A configuration without a history."""
    return clean_image(dialect).configured(history=None).stored()


def unknown_members(dialect: Dialect) -> Stored:
    """Members that no specification names, in the manifest and in the configuration."""
    return clean_image(dialect).configured(lab={"more": [1, None]}).changed(lab="more").stored()


def indented(dialect: Dialect) -> Stored:
    """A manifest written over many lines."""
    image = clean_image(dialect)
    return publish(json.dumps(image.manifest, indent=3).encode() + b"\n", dialect.manifest, image.blobs)


def header_says_json(dialect: Dialect) -> Stored:
    """A manifest whose header says no more than application/json; its body says what it is."""
    return clean_image(dialect).stored().serving_root(content_type="application/json")


def header_with_charset(dialect: Dialect) -> Stored:
    """A media type with a parameter."""
    return clean_image(dialect).stored().serving_root(content_type=f"{dialect.manifest}; charset=utf-8")


def no_digest_header(dialect: Dialect) -> Stored:
    """A registry that sends no Docker-Content-Digest."""
    return clean_image(dialect).stored().serving_root(headers={})


def no_length_header(dialect: Dialect) -> Stored:
    """A layer served without a Content-Length."""
    image = clean_image(dialect)
    answer = Answer(200, {"Content-Type": "application/octet-stream"}, image.blobs[image.layer(1)])
    return image.stored().answering(f"blobs/{image.layer(1)}", answer)


def foreign_layer(dialect: Dialect) -> Stored:
    """A layer the registry need not have, and does not."""
    image = make_image(dialect, [make_layer(dialect, _FILES, foreign=True), make_layer(dialect, _MORE)])
    away = image.described(0, urls=["https://layers.example/base.tar.gz"])
    return away.stored().with_blob(image.layer(0), None)


def index(dialect: Dialect) -> Stored:
    """An index of images for two platforms."""
    return clean_index(dialect)


def index_by_digest(dialect: Dialect) -> Stored:
    """An index asked for by digest."""
    return clean_index(dialect)


def index_with_absent_platform(dialect: Dialect) -> Stored:
    """An index whose image for another platform is not there."""
    stored, gone = clean_index(dialect), clean_image(dialect, ARM).stored().root
    return replace(stored, documents={key: one for key, one in stored.documents.items() if key != gone})


def sha512_content(dialect: Dialect) -> Stored:
    """Configuration and layers named by sha512."""
    return make_image(dialect, [make_layer(dialect, _FILES)], algorithm="sha512").stored()


def gzip_type_of_plain_layer(dialect: Dialect) -> Stored:
    """A layer of the usual media type that is not compressed: Docker's format has no other name for it."""
    layer = make_layer(dialect, _FILES, "none")
    return make_image(dialect, [layer]).described(0, mediaType=dialect.layer_type("gzip")).stored()


# -- what only OCI has -------------------------------------------------------------------------------------------


def zstd(dialect: Dialect) -> Stored:
    """Layers compressed with zstd."""
    return make_image(dialect, [make_layer(dialect, _FILES, "zstd"), make_layer(dialect, _MORE, "zstd")]).stored()


def every_compression(dialect: Dialect) -> Stored:
    """One layer of each kind: plain, gzip, zstd."""
    layers = [make_layer(dialect, {"etc/name": kind.encode()}, kind) for kind in ("none", "gzip", "zstd")]
    return make_image(dialect, layers).stored()


def no_media_type(dialect: Dialect) -> Stored:
    """A manifest that does not say its own media type, which OCI allows."""
    return clean_image(dialect).changed(mediaType=None).stored()


def index_in_index(dialect: Dialect) -> Stored:
    """An index that leads to another."""
    inner = clean_index(dialect)
    return make_index(dialect, [descriptor(inner.documents[TAG].body, dialect.index)], [inner])


def index_with_schema2(dialect: Dialect) -> Stored:
    """An index of OCI's that names an image of Docker's."""
    image = clean_image(SCHEMA2)
    return make_index(dialect, [image.descriptor(platform=LINUX)], [image.stored()])


def index_with_attestation(dialect: Dialect) -> Stored:
    """An index as BuildKit writes it: an image and its attestation, for the platform unknown/unknown."""
    image = clean_image(dialect)
    proof, row = make_attestation(image, b'{"_type":"https://in-toto.io/Statement/v1"}')
    return make_index(dialect, [image.descriptor(platform=LINUX), row], [image.stored(), proof])


def annotated(dialect: Dialect) -> Stored:
    """Annotations, with text from all over the world."""
    notes = {"org.opencontainers.image.title": "Grüße, 世界, 🐳", "org.opencontainers.image.vendor": ""}
    return clean_image(dialect).changed(annotations=notes).described(0, annotations=notes).stored()


def embedded_config(dialect: Dialect) -> Stored:
    """A descriptor with its content embedded."""
    image = clean_image(dialect)
    body = image.blobs[image.manifest["config"]["digest"]]
    return image.described("config", data=base64.b64encode(body).decode()).stored()


def index_with_variants(dialect: Dialect) -> Stored:
    """An index that tells variants of an architecture apart."""
    platforms = [{"architecture": "arm", "os": "linux", "variant": name} for name in ("v6", "v7")]
    images = [clean_image(dialect, platform) for platform in (*platforms, LINUX)]
    entries = [image.descriptor(platform=platform) for image, platform in zip(images, (*platforms, LINUX), strict=True)]
    return make_index(dialect, entries, [image.stored() for image in images])


def by_sha512(dialect: Dialect) -> Stored:
    """An image asked for by its sha512."""
    image = clean_image(dialect)
    return publish(image.body, dialect.manifest, image.blobs, algorithm="sha512")


def artifact(dialect: Dialect) -> Stored:
    """An artifact: no image at all, and it says so."""
    del dialect
    return make_artifact(b"a bill of materials\n", "text/plain", artifact_type="application/x-lab-bill")


def artifact_without_content(dialect: Dialect) -> Stored:
    """An artifact whose only layer is the empty content."""
    del dialect
    return make_artifact(b"{}", OCI_EMPTY, artifact_type="application/x-lab-note")


def with_referrer(dialect: Dialect) -> Stored:
    """An image that a signature refers to, by the referrers API and by the fallback tag."""
    image = clean_image(dialect)
    signature = make_artifact(b"signed\n", "text/plain", artifact_type="application/x-lab-signature", subject=image.descriptor())
    body = signature.documents[TAG].body
    listed = make_index(dialect, [descriptor(body, OCI.manifest, artifactType="application/x-lab-signature")], [signature])
    stored = image.stored().including(listed)
    return replace(stored, documents={**stored.documents, stored.root.replace(":", "-"): listed.documents[TAG]})


def subject(dialect: Dialect) -> Stored:
    """A signature, asked for itself: an artifact about an image."""
    image = clean_image(dialect)
    signature = make_artifact(b"signed\n", "text/plain", artifact_type="application/x-lab-signature", subject=image.descriptor())
    return signature.including(image.stored())


@dataclass(frozen=True, slots=True)
class Valid:
    """A valid image, how it is asked for, and the formats that can have it."""

    make: Callable[[Dialect], Stored]
    by: Reference = "tag"
    dialects: tuple[Dialect, ...] = (SCHEMA2, OCI)


_OCI: Final = (OCI,)
VALID: Final = (
    Valid(plain),
    Valid(plain_called_gzip, dialects=(SCHEMA2,)),
    Valid(gzipped),
    Valid(by_digest, "digest"),
    Valid(gzip_members),
    Valid(gzip_with_name),
    Valid(tar_padded),
    Valid(same_layer_twice),
    Valid(no_layers),
    Valid(no_history),
    Valid(unknown_members),
    Valid(indented),
    Valid(header_says_json),
    Valid(header_with_charset),
    Valid(no_digest_header),
    Valid(no_length_header),
    Valid(foreign_layer),
    Valid(index),
    Valid(index_by_digest, "digest"),
    Valid(index_with_absent_platform),
    Valid(gzip_type_of_plain_layer, dialects=(SCHEMA2,)),
    Valid(sha512_content, dialects=_OCI),
    Valid(zstd, dialects=_OCI),
    Valid(every_compression, dialects=_OCI),
    Valid(no_media_type, dialects=_OCI),
    Valid(index_in_index, dialects=_OCI),
    Valid(index_with_schema2, dialects=_OCI),
    Valid(index_with_attestation, dialects=_OCI),
    Valid(annotated, dialects=_OCI),
    Valid(embedded_config, dialects=_OCI),
    Valid(index_with_variants, dialects=_OCI),
    Valid(by_sha512, "digest", dialects=_OCI),
    Valid(artifact, dialects=_OCI),
    Valid(artifact_without_content, dialects=_OCI),
    Valid(with_referrer, dialects=_OCI),
    Valid(subject, dialects=_OCI),
)
"""Every valid image."""
