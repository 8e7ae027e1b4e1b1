"""What lies in the graph already, looked at again before it is relied upon.

The rule of this file: every blob is read from its first byte, several at a time; what has changed goes into quarantine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Final

from toolkit import fsops
from toolkit.graph.store import Graph
from toolkit.layers.measure import measure
from toolkit.pulling.wanted import Wanted
from toolkit.verification.blob import BlobFacts

_READERS: Final = 2
"""More would only wait for each other: what counts is hashing and inflating."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Facts of the blobs that are as they were, and the own digests of those that are not any more."""

    facts: dict[str, BlobFacts] = field(default_factory=dict)
    rotten: dict[str, str] = field(default_factory=dict)


def look(graph: Graph, wanted: Collection[Wanted], *, measures: bool = True) -> Standing:
    """Read again what the graph has of some blobs.

    Parameters
    ----------
    graph : Graph
    wanted : collection of Wanted
        What is no layer is not looked into.
    measures : bool
        Whether layers are decompressed, too.
    """
    here = [one for one in wanted if graph.blobs.path(one.digest) is not None]
    standing = Standing()
    if not here:
        return standing
    asked = here if measures else [replace(one, is_layer=False) for one in here]
    with ThreadPoolExecutor(max_workers=min(_READERS, len(here)), thread_name_prefix="layerproof-look") as pool:
        for one, found in zip(asked, pool.map(lambda one: _looked_at(graph, one), asked), strict=True):
            if isinstance(found, BlobFacts):
                standing.facts[one.digest] = found
            else:
                standing.rotten[one.digest] = found
    return standing


def _looked_at(graph: Graph, wanted: Wanted) -> BlobFacts | str:
    if graph.blobs.is_intact(wanted.digest):
        return measured(graph, wanted.digest, wanted)
    return str(graph.blobs.quarantine(wanted.digest))


def measured(graph: Graph, digest: str, wanted: Wanted | None = None) -> BlobFacts:
    """Make the facts of a blob that lies in the graph already, read anew."""
    wanted = wanted or Wanted(digest)
    if not wanted.is_layer:
        return known(graph, digest)
    size = 0

    def counted(chunks: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal size
        for chunk in chunks:
            size += len(chunk)
            yield chunk

    layer = measure(counted(graph.blobs.chunks(digest)), algorithm=wanted.algorithm)
    return BlobFacts(claimed=digest, size=size, actual=digest, matches=True, evidence=digest, measure=layer)


def known(graph: Graph, digest: str) -> BlobFacts:
    """Make the facts of a blob in the graph that need not be looked into again."""
    path = graph.blobs.path(digest)
    return BlobFacts(
        claimed=digest,
        size=None if path is None else fsops.size(path),
        actual=digest,
        matches=True,
        evidence=digest,
    )
