"""Which bytes the rows rest on, and which of them a case has.

The rule of this file: every digest a row names as evidence is either in the case or in the list of what is absent, with the
reason. Bytes that were refused are never left out for their size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Protocol

from toolkit import fsops
from toolkit.cases.part import Part
from toolkit.digests import Digest
from toolkit.graph.store import Graph
from toolkit.pulling import evidence
from toolkit.pulling.report import Report
from toolkit.records import Layer, Manifest

Role = Literal["document", "content", "layer"]
"""document: a manifest or index; content: a configuration or anything else small that one points at."""
FOLDER: Final = "data/evidence"
ABSENT_COLUMNS: Final = ("digest", "role", "size", "why")
_LEFT_OUT: Final = "left out: exported without layers"
_NOT_AT_HAND: Final = "the graph it was exported from does not hold it"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Bytes that rows name: their digest, what they are, whether they were refused, and their size in bytes if rows tell."""

    digest: str
    role: Role
    refused: bool = False
    size: int | None = None
    why_not: str | None = None
    """Set when the rows themselves say that the bytes were not kept."""


class Store(Protocol):
    """Where kept bytes can be read by their digest."""

    def holds(self, digest: str) -> bool:
        """Whether they are here."""

    def chunks(self, digest: str) -> Iterator[bytes]:
        """Read them in pieces."""


class Shelf:
    """Kept bytes of a graph, in quarantine or not, and documents of calls that had no graph."""

    def __init__(self, graph: Graph | None, bodies: Mapping[str, bytes]) -> None:
        self._graph = graph
        self._bodies = bodies

    def holds(self, digest: str) -> bool:
        """Whether they are here."""
        return digest in self._bodies or (self._graph is not None and self._graph.blobs.evidence(digest) is not None)

    def chunks(self, digest: str) -> Iterator[bytes]:
        """Read them in pieces."""
        path = None if digest in self._bodies or self._graph is None else self._graph.blobs.evidence(digest)
        return iter((self._bodies[digest],)) if path is None else fsops.chunks(path)


def file_of(digest: str) -> str:
    """The name of kept bytes, below the bag's folder.

    >>> file_of("sha256:" + "0" * 64)[:21]
    'data/evidence/sha256/'
    """
    parsed = Digest.parse(digest)
    return f"{FOLDER}/{parsed.algorithm}/{parsed.hex}"


def wanted(reports: list[Report]) -> list[Wanted]:
    """List what the rows of some calls rest on, sorted by digest, each digest once."""
    found: dict[str, Wanted] = {}
    for report in reports:
        for one in (*_of_rows(report), *_of_evidence(report)):
            found[one.digest] = _merged(found[one.digest], one) if one.digest in found else one
    return sorted(found.values(), key=lambda one: one.digest)


def divided(items: list[Wanted], store: Store, *, layers: bool) -> tuple[list[Part], list[tuple[str, str, int | None, str]]]:
    """Divide what is wanted into files of the case and rows of ``absent.csv``.

    Parameters
    ----------
    items : list of Wanted
    store : Store
    layers : bool
        Whether layers that were accepted go into the case.
    """
    parts: list[Part] = []
    absent: list[tuple[str, str, int | None, str]] = []
    for one in items:
        why = one.why_not
        if why is None and not layers and one.role == "layer" and not one.refused:
            why = _LEFT_OUT
        if why is None and not (Digest.is_exact(one.digest) and store.holds(one.digest)):
            why = _NOT_AT_HAND
        if why is None:
            parts.append(Part(file_of(one.digest), lambda digest=one.digest: store.chunks(digest)))  # type: ignore[misc]
        else:
            absent.append((one.digest, one.role, one.size, why))
    return parts, absent


def _of_rows(report: Report) -> Iterator[Wanted]:
    manifests: list[Manifest] = report.records(Manifest)
    for manifest in manifests:
        if manifest.evidence:
            yield Wanted(manifest.evidence, "document", size=manifest.size)
    layers: list[Layer] = report.records(Layer)
    for layer in layers:
        if layer.evidence:
            yield Wanted(layer.evidence, "layer", layer.disposition == "failed", layer.size)
        else:
            size = layer.size if layer.size is not None else layer.claimed_size
            yield Wanted(
                layer.blob_digest, "layer", size=size, why_not=f"not kept by the call; its layer was {layer.disposition}"
            )


def _of_evidence(report: Report) -> Iterator[Wanted]:
    layers = {layer.blob_digest for layer in report.records(Layer)}
    for row in report.ledger.evidence(report.call):
        content: dict[str, Any] = row.evidence.content
        if row.evidence.kind == evidence.MANIFEST:
            yield Wanted(content["body"], "document")
        elif row.evidence.kind == evidence.ROTTEN:
            yield Wanted(content["own"], "content", refused=True)
        elif row.evidence.kind == evidence.BLOB and content["evidence"]:
            role: Role = "layer" if content["claimed"] in layers else "content"
            yield Wanted(content["evidence"], role, not content["matches"], content["size"])


def _merged(one: Wanted, other: Wanted) -> Wanted:
    """Two rows about the same bytes: whoever keeps them wins."""
    kept = one if one.why_not is None else other
    role = min((one.role, other.role), key=("document", "content", "layer").index)
    size = one.size if one.size is not None else other.size
    return replace(kept, role=role, refused=one.refused or other.refused, size=size)
