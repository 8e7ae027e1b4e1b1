"""Images of today's formats, made to be served: schema2 and OCI, with indexes, artifacts and attestations.

The rule of this file: the bytes are the same on every machine, so nothing is compressed: gzip and zstd hold stored
blocks. What is made here is honest; lies are told in ``modern_faults``.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from toolkit.digests import Digest, sha256
from toolkit.manifests import media_types
from toolkit.simulator.images import layer_blob, stored_gzip
from toolkit.sources.static_registry import Answer

Compression = Literal["none", "gzip", "gzip-members", "zstd"]

TAG: Final = "1"
LINUX: Final = {"architecture": "amd64", "os": "linux"}
UNKNOWN: Final = {"architecture": "unknown", "os": "unknown"}
_CREATED: Final = "2024-02-29T01:02:03Z"
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_ZSTD_BLOCK: Final = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The media types of one format, and how it writes a layer's compression."""

    name: Literal["schema2", "oci"]
    manifest: str
    index: str
    config: str
    layer: str
    foreign: str
    joint: str

    def layer_type(self, compression: Compression, *, foreign: bool = False) -> str:
        """The media type of a layer.

        >>> OCI.layer_type("zstd")
        'application/vnd.oci.image.layer.v1.tar+zstd'
        """
        base = self.foreign if foreign else self.layer
        return base if compression == "none" else f"{base}{self.joint}{compression.partition('-')[0]}"


SCHEMA2: Final = Dialect(
    name="schema2",
    manifest=media_types.DOCKER_MANIFEST,
    index=media_types.DOCKER_LIST,
    config=media_types.DOCKER_CONFIG,
    layer=media_types.DOCKER_LAYER,
    foreign=media_types.DOCKER_FOREIGN_LAYER,
    joint=".",
)
OCI: Final = Dialect(
    name="oci",
    manifest=media_types.OCI_MANIFEST,
    index=media_types.OCI_INDEX,
    config=media_types.OCI_CONFIG,
    layer=media_types.OCI_LAYER,
    foreign=media_types.OCI_FOREIGN_LAYER,
    joint="+",
)
DIALECTS: Final = {dialect.name: dialect for dialect in (SCHEMA2, OCI)}


# -- what a registry keeps ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDocument:
    """A manifest or index as it is served: its body, its Content-Type (None: no header), and further headers."""

    body: bytes
    content_type: str | None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What is served of one repository.

    Parameters
    ----------
    root : str
        The digest an image is asked by, when it is not asked by tag.
    documents : mapping of str to StoredDocument
        By tag and by digest.
    blobs : mapping of str to bytes
        By the digest they are asked by.
    answers : mapping of str to Answer
        Scripted answers by path within the repository (``blobs/sha256:...``); they come before everything else.
    """

    root: str
    documents: Mapping[str, StoredDocument]
    blobs: Mapping[str, bytes]
    answers: Mapping[str, Answer] = field(default_factory=dict)

    def including(self, *others: Stored) -> Stored:
        """The same with what others hold by digest."""
        named = {key: one for other in others for key, one in other.documents.items() if ":" in key}
        blobs = {key: data for other in others for key, data in other.blobs.items()}
        return replace(self, documents={**named, **self.documents}, blobs={**blobs, **self.blobs})

    def serving(self, key: str, **changes: Any) -> Stored:
        """The same with another body, content type or headers under one tag or digest."""
        return replace(self, documents={**self.documents, key: replace(self.documents[key], **changes)})

    def serving_root(self, **changes: Any) -> Stored:
        """The same with other answers about the image itself, by tag and by digest."""
        return self.serving(TAG, **changes).serving(self.root, **changes)

    def with_blob(self, digest: str, data: bytes | None) -> Stored:
        """The same with other bytes under one digest; None takes them away."""
        blobs = {key: one for key, one in self.blobs.items() if key != digest}
        return replace(self, blobs=blobs if data is None else {**blobs, digest: data})

    def answering(self, path: str, answer: Answer) -> Stored:
        """The same with a scripted answer."""
        return replace(self, answers={**self.answers, path: answer})


def publish(body: bytes, media_type: str, blobs: Mapping[str, bytes] | None = None, *, algorithm: str = "sha256") -> Stored:
    """Store one document under the tag ``1`` and its digest.

    >>> publish(b"{}", OCI.manifest).root[:23]
    'sha256:44136fa355b3678a'
    """
    digest = str(Digest.of(body, algorithm))
    document = StoredDocument(body=body, content_type=media_type, headers={"Docker-Content-Digest": digest})
    return Stored(root=digest, documents={TAG: document, digest: document}, blobs=dict(blobs or {}))


# -- layers ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ModernLayer:
    """A layer: its tar, the blob it is served as, and the media type that says how."""

    tar: bytes
    blob: bytes
    media_type: str


def stored_zstd(data: bytes) -> bytes:
    """Wrap bytes in a zstd frame that does not compress.

    Notes
    -----
    Origin: RFC 8878, sections 3.1.1.1 and 3.1.1.2: a single segment with its size in four bytes, raw blocks.
    """
    parts = [_ZSTD_MAGIC, b"\xa0", struct.pack("<I", len(data))]
    for start in range(0, len(data), _ZSTD_BLOCK) if data else [0]:
        block = data[start : start + _ZSTD_BLOCK]
        last = start + len(block) >= len(data)
        parts.append(struct.pack("<I", last | len(block) << 3)[:3] + block)
    return b"".join(parts)


def pack(tar: bytes, compression: Compression) -> bytes:
    """Wrap a tar as a layer's blob; ``gzip-members`` is two gzip members, one after the other."""
    if compression == "none":
        return tar
    if compression == "zstd":
        return stored_zstd(tar)
    half = len(tar) // 2 if compression == "gzip-members" else 0
    return stored_gzip(tar[:half]) + stored_gzip(tar[half:]) if half else stored_gzip(tar)


def make_layer(
    dialect: Dialect, files: Mapping[str, bytes], compression: Compression = "gzip", *, foreign: bool = False
) -> ModernLayer:
    r"""Make a layer of files.

    >>> make_layer(OCI, {"a": b"1"}, "zstd").blob[:4]
    b'(\xb5/\xfd'
    """
    tar = layer_blob(files, gzip=False)
    return ModernLayer(tar=tar, blob=pack(tar, compression), media_type=dialect.layer_type(compression, foreign=foreign))


# -- documents ---------------------------------------------------------------------------------------------------


def encode(value: object) -> bytes:
    """Write JSON without blanks, its names in the order given."""
    return json.dumps(value, separators=(",", ":")).encode("utf-8")


def descriptor(content: bytes, media_type: str, *, algorithm: str = "sha256", **members: Any) -> dict[str, Any]:
    """Describe content.

    >>> descriptor(b"{}", "application/json")["size"]
    2
    """
    return {"mediaType": media_type, "digest": str(Digest.of(content, algorithm)), "size": len(content), **members}


def make_config(layers: Sequence[ModernLayer], platform: Mapping[str, str] | None = None, **members: Any) -> dict[str, Any]:
    """Make an image's configuration: every layer has its diff ID and its step, and one step left no layer."""
    steps: list[dict[str, Any]] = [{"created": _CREATED, "created_by": f"step {number}"} for number in range(len(layers))]
    steps.append({"created": _CREATED, "created_by": "ENV A=1", "empty_layer": True})
    config = {
        "created": _CREATED,
        **(LINUX if platform is None else platform),
        "config": {"Env": ["A=1"]},
        "rootfs": {"type": "layers", "diff_ids": [sha256(layer.tar) for layer in layers]},
        "history": steps,
        **members,
    }
    return {name: value for name, value in config.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModernImage:
    """An image in parts that can be changed: its manifest as a document, and blobs by digest."""

    dialect: Dialect
    manifest: dict[str, Any]
    blobs: dict[str, bytes]
    algorithm: str = "sha256"

    @property
    def body(self) -> bytes:
        """The manifest's bytes."""
        return encode(self.manifest)

    @property
    def config(self) -> dict[str, Any]:
        """The configuration as a document."""
        value: dict[str, Any] = json.loads(self.blobs[self.manifest["config"]["digest"]])
        return value

    def layer(self, position: int) -> str:
        """The digest of a layer, base first."""
        digest: str = self.manifest["layers"][position]["digest"]
        return digest

    def descriptor(self, **members: Any) -> dict[str, Any]:
        """What an index says of this image."""
        return descriptor(self.body, self.dialect.manifest, **members)

    def stored(self) -> Stored:
        """The image as a registry keeps it."""
        return publish(self.body, self.dialect.manifest, self.blobs, algorithm=self.algorithm)

    def changed(self, **members: Any) -> ModernImage:
        """The same image with other members in its manifest; None takes one away."""
        manifest = {**self.manifest, **members}
        return replace(self, manifest={name: value for name, value in manifest.items() if value is not None})

    def described(self, position: int | Literal["config"], **members: Any) -> ModernImage:
        """The same image with other members in one descriptor; None takes one away."""
        own = self.manifest["config"] if position == "config" else self.manifest["layers"][position]
        new = {name: value for name, value in {**own, **members}.items() if value is not None}
        if position == "config":
            return self.changed(config=new)
        return self.changed(layers=[new if index == position else one for index, one in enumerate(self.manifest["layers"])])

    def with_config(self, body: bytes) -> ModernImage:
        """The same image with another configuration, honestly named."""
        own = self.manifest["config"]
        named = {**own, **descriptor(body, own["mediaType"], algorithm=self.algorithm)}
        blobs = {key: data for key, data in self.blobs.items() if key != own["digest"]}
        return replace(self.changed(config=named), blobs={**blobs, named["digest"]: body})

    def configured(self, **members: Any) -> ModernImage:
        """The same image with other members in its configuration; None takes one away."""
        config = {**self.config, **members}
        return self.with_config(encode({name: value for name, value in config.items() if value is not None}))

    def with_layer(self, position: int, blob: bytes, tar: bytes | None = None) -> ModernImage:
        """The same image with another blob as a layer, honestly named; ``tar`` gives it a new diff ID too."""
        named = descriptor(blob, self.manifest["layers"][position]["mediaType"], algorithm=self.algorithm)
        image = replace(self.described(position, **named), blobs={**self.blobs, named["digest"]: blob})
        if tar is None:
            return image
        diff_ids = [sha256(tar) if index == position else one for index, one in enumerate(image.config["rootfs"]["diff_ids"])]
        return image.configured(rootfs={"type": "layers", "diff_ids": diff_ids})


def make_image(
    dialect: Dialect,
    layers: Sequence[ModernLayer],
    config: Mapping[str, Any] | None = None,
    *,
    algorithm: str = "sha256",
    **members: Any,
) -> ModernImage:
    """Make an image of layers, base first.

    Parameters
    ----------
    dialect : Dialect
    layers : sequence of ModernLayer
    config : mapping, optional
        From ``make_config``, which also makes the default.
    algorithm : str
        How the configuration and the layers are named.
    **members
        Further members of the manifest.

    Examples
    --------
    >>> image = make_image(OCI, [make_layer(OCI, {"a": b"1"})])
    >>> len(image.blobs), image.manifest["mediaType"]
    (2, 'application/vnd.oci.image.manifest.v1+json')
    """
    body = encode(make_config(layers) if config is None else config)
    named = descriptor(body, dialect.config, algorithm=algorithm)
    rows = [descriptor(layer.blob, layer.media_type, algorithm=algorithm) for layer in layers]
    kept = {row["digest"]: layer.blob for row, layer in zip(rows, layers, strict=True)}
    manifest = {"schemaVersion": 2, "mediaType": dialect.manifest, "config": named, "layers": rows, **members}
    return ModernImage(dialect=dialect, manifest=manifest, blobs={named["digest"]: body, **kept}, algorithm=algorithm)


def make_index(dialect: Dialect, entries: Sequence[Mapping[str, Any]], children: Sequence[Stored], **members: Any) -> Stored:
    """Make an index of descriptors; ``children`` is what is served of them."""
    body = encode({"schemaVersion": 2, "mediaType": dialect.index, "manifests": list(entries), **members})
    return publish(body, dialect.index).including(*children)


def make_artifact(
    content: bytes, media_type: str, *, artifact_type: str | None, subject: Mapping[str, Any] | None = None
) -> Stored:
    """Make an artifact: an empty configuration, one blob, and what it is about."""
    empty = media_types.EMPTY_CONTENT
    named, row = descriptor(empty, media_types.OCI_EMPTY), descriptor(content, media_type)
    manifest: dict[str, Any] = {"schemaVersion": 2, "mediaType": OCI.manifest, "artifactType": artifact_type, "config": named}
    manifest |= {"layers": [row], "subject": subject}
    body = encode({name: value for name, value in manifest.items() if value is not None})
    return publish(body, OCI.manifest, {named["digest"]: empty, row["digest"]: content})


def make_attestation(image: ModernImage, statement: bytes) -> tuple[Stored, dict[str, Any]]:
    """Make an attestation of an image as BuildKit does; return it and its descriptor for an index."""
    layer = ModernLayer(tar=statement, blob=statement, media_type="application/vnd.in-toto+json")
    made = make_image(OCI, [layer], make_config([layer], UNKNOWN, history=None))
    notes = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": sha256(image.body),
    }
    return made.stored(), made.descriptor(platform=UNKNOWN, annotations=notes)
