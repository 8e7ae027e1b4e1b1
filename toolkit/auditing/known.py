"""What the documents of a graph say about everything else in it.

The rule of this file: only bytes that hash to their name are read as documents; what they say is kept as digests and numbers,
so that memory grows with how many there are and never with how large they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeGuard

from toolkit.digests import Digest, sha256
from toolkit.errors import GoJSONError, GraphIOError
from toolkit.graph.store import Graph
from toolkit.identity.chain_id import chain_ids
from toolkit.layers.measure import measure
from toolkit.manifests import schema1
from toolkit.manifests.media_types import is_foreign, is_layer

DOCUMENT_LIMIT: Final = 8 * 1024 * 1024
"""Larger blobs are no documents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """What a document says of something below it."""

    digest: str
    size: int | None
    media_type: str
    is_below: bool
    """Whether it is a document of its own, which need not be here."""

    @property
    def is_needed(self) -> bool:
        """Whether an image is not whole without it."""
        return not self.is_below and not is_foreign(self.media_type) and Digest.is_exact(self.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A manifest or index, as far as it says what else there must be."""

    media_type: str | None
    config: str | None = None
    pointers: tuple[Pointer, ...] = ()
    layers: tuple[str, ...] = ()
    is_schema1: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """What a layer expands to: Docker 1.9's size, and the diff ID; None when it cannot be read to its end."""

    layer_size: int | None
    diff_id: str | None
    problem: str = ""


@dataclass(slots=True)
class Known:
    """What was learned so far.

    Attributes
    ----------
    papers : dict
        Manifests and indexes by digest.
    diff_ids : dict
        Of each configuration, by its digest.
    histories : dict
        Digest of a layer to the sha256 of every v1Compatibility text that stands with it in a manifest, and that manifest.
    bad, good : set of str
        Digests of blobs that are no longer what their name says, or cannot be read; and of those that were read and are.
    """

    papers: dict[str, Paper] = field(default_factory=dict)
    diff_ids: dict[str, tuple[str, ...]] = field(default_factory=dict)
    histories: dict[str, dict[str, str]] = field(default_factory=dict)
    bad: set[str] = field(default_factory=set)
    good: set[str] = field(default_factory=set)
    _measured: dict[tuple[str, str], Measured] = field(default_factory=dict)

    def learn(self, digest: str, data: bytes) -> None:
        """Read a small blob whose digest was checked; what is no document teaches nothing."""
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            return
        if not isinstance(value, dict):
            return
        rootfs = value.get("rootfs")
        if isinstance(rootfs, dict):
            self.diff_ids[digest] = tuple(one for one in _list(rootfs.get("diff_ids")) if isinstance(one, str))
        elif any(key.lower() in ("fslayers", "history") for key in value) and "config" not in value:
            self._schema1(digest, data)
        elif any(key in value for key in ("config", "layers", "manifests", "blobs")):
            self.papers[digest] = _paper(value)

    def chains(self) -> dict[str, set[tuple[str, str]]]:
        """Every chain ID the documents give rise to, and what may stand under it: a diff ID, and a blob of that content."""
        found: dict[str, set[tuple[str, str]]] = {}
        for paper in self.papers.values():
            diff_ids = self.diff_ids.get(paper.config or "", ())
            if len(diff_ids) == len(paper.layers):
                for chain_id, diff_id, blob in zip(chain_ids(diff_ids), diff_ids, paper.layers, strict=True):
                    found.setdefault(chain_id, set()).add((diff_id, blob))
        return found

    def claimed_diff_ids(self) -> Iterator[tuple[str, str, str]]:
        """Every layer, the diff ID a configuration claims for it, and that configuration; each once."""
        seen: set[tuple[str, str]] = set()
        for paper in self.papers.values():
            diff_ids = self.diff_ids.get(paper.config or "", ())
            if len(diff_ids) != len(paper.layers):
                continue
            for blob, diff_id in zip(paper.layers, diff_ids, strict=True):
                if (blob, diff_id) not in seen and Digest.is_exact(blob) and Digest.is_exact(diff_id):
                    seen.add((blob, diff_id))
                    yield blob, diff_id, paper.config or ""

    def is_right(self, graph: Graph, digest: str) -> bool:
        """Whether a blob is here and what its name says; read now, if it was not read before."""
        if digest not in self.good and digest not in self.bad:
            try:
                right = Digest.is_exact(digest) and graph.blobs.path(digest) is not None and graph.blobs.is_intact(digest)
            except GraphIOError:
                right = False
            (self.good if right else self.bad).add(digest)
        return digest in self.good

    def measured(self, graph: Graph, digest: str, *, algorithm: str = "sha256") -> Measured | None:
        """Read a layer to its end, once; None when it is not here or not what its name says."""
        if not self.is_right(graph, digest):
            return None
        if (digest, algorithm) not in self._measured:
            try:
                found = measure(graph.blobs.chunks(digest), algorithm=algorithm)
            except GraphIOError as error:
                self._measured[digest, algorithm] = Measured(None, None, error.message)
            else:
                problem = "" if found.problem is None else found.problem.message
                size = None if found.problem is not None and found.repeated is None else found.layer_size
                self._measured[digest, algorithm] = Measured(size, found.diff_id, problem)
        return self._measured[digest, algorithm]

    def _schema1(self, digest: str, data: bytes) -> None:
        try:
            manifest = schema1.read(schema1.first_value(data))
        except GoJSONError:
            return
        self.papers[digest] = Paper(media_type=None, is_schema1=True)
        for blob, text in zip(manifest.blob_sums, manifest.history, strict=False):
            self.histories.setdefault(blob, {})[sha256(text.encode("utf-8", "surrogatepass"))] = digest


def _paper(value: dict[str, Any]) -> Paper:
    config = value.get("config")
    below = [_pointer(one, below=True) for one in _list(value.get("manifests")) if _is_pointer(one)]
    layers = [_pointer(one) for one in _list(value.get("layers", value.get("blobs"))) if _is_pointer(one)]
    own = [_pointer(one) for one in [config] if _is_pointer(one)]
    whole = all(is_layer(one.media_type) for one in layers)
    return Paper(
        media_type=value["mediaType"] if isinstance(value.get("mediaType"), str) else None,
        config=own[0].digest if own else None,
        pointers=(*own, *layers, *below),
        layers=tuple(one.digest for one in layers) if whole else (),
    )


def _pointer(value: dict[str, Any], *, below: bool = False) -> Pointer:
    size = value.get("size")
    return Pointer(
        digest=value["digest"],
        size=size if isinstance(size, int) else None,
        media_type=str(value.get("mediaType", "")),
        is_below=below,
    )


def _is_pointer(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict) and isinstance(value.get("digest"), str)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
