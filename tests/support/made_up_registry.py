"""Registries made up row by row, so that every number of theirs is known before anything is counted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import pandas as pd

from toolkit.ledger.frames import frame
from toolkit.ledger.lines import Row
from toolkit.manifests.media_types import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST
from toolkit.records import Descriptor, Layer, Manifest, Record, Stamp


def digest_of(name: object) -> str:
    """A digest for anything."""
    return f"sha256:{hashlib.sha256(str(name).encode()).hexdigest()}"


@dataclass(frozen=True)
class Blob:
    """A layer or configuration, named by what is in it."""

    name: str
    size: int | None = 1
    tar: str | None = None
    content: int | None = None
    media_type: str = f"{OCI_LAYER}+gzip"

    @property
    def digest(self) -> str:
        """Its digest."""
        return digest_of(self.name)

    @property
    def diff_id(self) -> str:
        """The digest of its tar."""
        return digest_of(f"tar {self.name if self.tar is None else self.tar}")


@dataclass(frozen=True)
class Document:
    """A manifest or an index."""

    name: str
    size: int = 1
    layers: tuple[Blob, ...] = ()
    config: Blob | None = None
    children: tuple[Document, ...] = ()
    schema1: bool = False
    received: bool = True

    @property
    def digest(self) -> str:
        """Its digest."""
        return digest_of(self.name)

    @property
    def kind(self) -> Any:
        """What it is."""
        return "schema1" if self.schema1 else "index" if self.children else "image"

    @cached_property
    def closure(self) -> dict[str, int | None]:
        """Every digest it reaches and its size: brute force."""
        found: dict[str, int | None] = {self.digest: self.size}
        if self.received:
            found |= {blob.digest: blob.size for blob in (*self.layers, *((self.config,) if self.config else ()))}
            for child in self.children:
                found |= child.closure
        return found


def frames_of(
    tags: Mapping[str, Document] | Iterable[tuple[str, Document]], *, call: str = "first", minute: int = 0
) -> dict[str, pd.DataFrame]:
    """The frames a survey of all platforms would give of these tags."""
    listed = tags.items() if isinstance(tags, Mapping) else tags
    at = datetime(2026, 1, 1, 0, minute, tzinfo=UTC)
    rows = [
        Row(stamp=Stamp(pull=f"{call} {name}", seq=seq, at=at, image=image), record=record)
        for name, document in listed
        for seq, (image, record) in enumerate(_records(name, name.rpartition(":")[2], document, None))
    ]
    return {table: frame(table, rows) for table in ("manifests", "descriptors", "layers")}


def _records(image: str, asked: str, document: Document, parent: str | None) -> Iterator[tuple[str, Record]]:
    if not document.received:
        return
    yield image, _manifest(asked, document, parent)
    if not document.schema1:
        for role, blobs in (("config", (document.config,) if document.config else ()), ("layer", document.layers)):
            for index, blob in enumerate(blobs):
                media_type = OCI_CONFIG if role == "config" else blob.media_type
                yield image, _descriptor(document.digest, role, index, blob.digest, blob.size or 0, media_type)
    for index, child in enumerate(document.children):
        yield image, _descriptor(document.digest, "manifest", index, child.digest, child.size, OCI_MANIFEST)
    for position, blob in enumerate(document.layers):
        yield image, _layer(position, blob)
    repository = image.partition("@")[0] if "@" in image else image.rpartition(":")[0]
    for child in document.children:
        yield from _records(f"{repository}@{child.digest}", child.digest, child, document.digest)


def _manifest(asked: str, document: Document, parent: str | None) -> Manifest:
    return Manifest(
        requested=asked,
        kind=document.kind,
        parent=parent,
        body_digest=digest_of(f"signed {document.name}"),
        size=document.size + (100 if document.schema1 else 0),
        digest=document.digest,
        digest_basis="payload" if document.schema1 else "body",
        payload_size=document.size,
        layers=len(document.layers),
        signatures=int(document.schema1),
        config_digest=document.config.digest if document.config else None,
        evidence="",
    )


def _descriptor(document: str, role: Any, index: int, digest: str, size: int, media_type: str) -> Descriptor:
    return Descriptor(
        document=document,
        role=role,
        index=index,
        media_type=media_type,
        digest=digest,
        size=size,
        has_data=False,
        followed=True,
        reason="",
    )


def _layer(position: int, blob: Blob) -> Layer:
    return Layer(
        position=position,
        manifest_index=position,
        disposition="downloaded",
        blob_digest=blob.digest,
        claimed_size=blob.size,
        size=blob.size,
        diff_id=blob.diff_id,
        layer_size=blob.content,
        media_type=blob.media_type,
    )
