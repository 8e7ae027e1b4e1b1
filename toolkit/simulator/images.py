"""Small images, made to be looked at.

The rule of this file: the bytes are the same on every machine: times are fixed, gzip is stored and not compressed,
IDs are hashes of words.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from toolkit.digests import sha256
from toolkit.simulator.signing import SigningKey, sign_manifest

_CREATED: Final = "2015-10-20T01:02:03.000000004Z"
_TIME: Final = 1_445_302_923
_STORED_BLOCK: Final = 65_535
KEY: Final = SigningKey("the teaching registry")


@dataclass(frozen=True, slots=True)
class LayerRecipe:
    """A layer to be: its command, its files, and the Docker that claims to have made it."""

    command: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    docker_version: str = "1.9.1"
    word: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedImage:
    """An image in parts that can be changed: a document, top first as in a manifest, and blobs by digest."""

    repository: str
    tag: str
    document: dict[str, Any]
    blobs: dict[str, bytes]
    keys: tuple[SigningKey, ...] = (KEY,)

    @property
    def payload(self) -> bytes:
        """The manifest before it is signed."""
        return json.dumps(self.document, indent=3).encode("utf-8")

    @property
    def digest(self) -> str:
        """The manifest's own digest."""
        return sha256(self.payload)

    @property
    def body(self) -> bytes:
        """The signed manifest."""
        return sign_manifest(self.payload, self.keys) if self.keys else self.payload

    def changed(self, **members: Any) -> SimulatedImage:
        """The same image with other members in its document, signed anew."""
        return replace(self, document={**self.document, **members})


def layer_blob(files: Mapping[str, bytes], *, gzip: bool = True) -> bytes:
    """Make a layer's blob.

    Parameters
    ----------
    files : mapping of str to bytes
        Path to content; a path that ends in a slash is a directory.
    gzip : bool
        Wrap the tar in a gzip of stored blocks.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path.rstrip("/"))
            member.mtime, member.mode = _TIME, 0o644
            if path.endswith("/"):
                member.type, member.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        end = archive.offset
    tar = buffer.getvalue()[: end + 1024]  # ends after two blocks of zeros, not after tarfile's whole record
    return stored_gzip(tar) if gzip else tar


def stored_gzip(data: bytes) -> bytes:
    """Wrap bytes in a gzip that does not compress: no library's version shows in it."""
    parts = [b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"]
    starts = range(0, len(data), _STORED_BLOCK) if data else [0]
    for start in starts:
        block = data[start : start + _STORED_BLOCK]
        last = start + len(block) >= len(data)
        parts.append(struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF) + block)
    parts.append(struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF))
    return b"".join(parts)


def build_image(repository: str, tag: str, layers: Sequence[LayerRecipe]) -> SimulatedImage:
    """Build an image, base first.

    Examples
    --------
    >>> image = build_image("teach/x", "1", [LayerRecipe("ADD a", {"a": b"1"})])
    >>> len(image.blobs), image.document["fsLayers"][0]["blobSum"][:7]
    (1, 'sha256:')
    """
    blobs: dict[str, bytes] = {}
    entries: list[tuple[str, str]] = []
    parent = ""
    for number, recipe in enumerate(layers):
        blob = layer_blob(recipe.files)
        digest = sha256(blob)
        blobs[digest] = blob
        word = recipe.word or f"{repository}/{number}/{recipe.command}/{parent}"
        image_id = hashlib.sha256(word.encode()).hexdigest()
        entries.append((digest, v1_compatibility(image_id, parent, recipe)))
        parent = image_id
    top_first = entries[::-1]
    return SimulatedImage(
        repository=repository,
        tag=tag,
        document={
            "schemaVersion": 1,
            "name": repository,
            "tag": tag,
            "architecture": "amd64",
            "fsLayers": [{"blobSum": digest} for digest, _ in top_first],
            "history": [{"v1Compatibility": text} for _, text in top_first],
        },
        blobs=blobs,
    )


def v1_compatibility(image_id: str, parent: str, recipe: LayerRecipe) -> str:
    """Write a history entry."""
    record: dict[str, Any] = {"id": image_id}
    if parent:
        record["parent"] = parent
    record |= {
        "created": _CREATED,
        "container_config": {"Cmd": ["/bin/sh", "-c", recipe.command]},
        "docker_version": recipe.docker_version,
        "architecture": "amd64",
        "os": "linux",
    }
    return json.dumps(record, separators=(",", ":"))


def edit_history(image: SimulatedImage, index: int, **members: Any) -> SimulatedImage:
    """Change members of one history entry (``None`` removes one) and sign the manifest anew."""
    history = [dict(entry) for entry in image.document["history"]]
    record = json.loads(history[index]["v1Compatibility"])
    for name, value in members.items():
        if value is None:
            record.pop(name, None)
        else:
            record[name] = value
    history[index]["v1Compatibility"] = json.dumps(record, separators=(",", ":"))
    return image.changed(history=history)
