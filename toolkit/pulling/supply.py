"""Where a walk through today's documents gets its bytes from.

The rule of this file: one live supply, which keeps evidence of everything it hands out; ``rejudge`` has another, which
hands out what was kept. Nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from toolkit.errors import SourceError
from toolkit.graph.store import Graph
from toolkit.ledger.lines import Evidence
from toolkit.manifests.raw import RawManifest
from toolkit.pulling import evidence
from toolkit.pulling.standing import Standing, look
from toolkit.pulling.transfer import Transfer
from toolkit.pulling.wanted import Wanted
from toolkit.records import Record, Reuse
from toolkit.references import Reference
from toolkit.sources.protocol import Connection
from toolkit.verification.blob import BlobFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What became of some content: facts by digest, errors by digest, and which came from the source now."""

    facts: dict[str, BlobFacts] = field(default_factory=dict)
    trouble: dict[str, SourceError] = field(default_factory=dict)
    fetched: frozenset[str] = frozenset()


class Supply(Protocol):
    """Gives a walk what it asks for."""

    def manifest(self, reference: Reference) -> RawManifest:
        """Another document, below the one that was asked for."""

    def contents(self, wanted: Sequence[Wanted]) -> Contents:
        """Facts of content."""

    def body(self, digest: str) -> bytes | None:
        """Small content, once its digest was verified."""

    def layers(self, wanted: Sequence[Wanted], chain: Sequence[str]) -> tuple[Contents, tuple[Reuse, ...]]:
        """Facts of an image's layers, base first, with the chain IDs they claim; and why which was not fetched."""


class LiveSupply:
    """A source and, for a pull, the graph that content goes into.

    Parameters
    ----------
    connection : Connection
    transfer : Transfer
    graph : Graph or None
        Where content may lie already; None when everything is to be fetched.
    note : callable
        Takes evidence and records.
    bodies : dict
        Where manifests and configurations are remembered, by digest.
    """

    def __init__(
        self,
        connection: Connection,
        transfer: Transfer,
        graph: Graph | None,
        note: Callable[..., None],
        bodies: dict[str, bytes],
    ) -> None:
        self._connection = connection
        self._transfer = transfer
        self._graph = graph
        self._note: Callable[..., None] = note
        self._bodies = bodies

    def manifest(self, reference: Reference) -> RawManifest:
        """Fetch a document and keep it."""
        try:
            raw = self._connection.manifest(reference)
        except SourceError as error:
            self._keep(evidence.of_trouble(reference.asked, error))
            raise
        self._bodies[raw.body_digest] = raw.body
        self._keep(evidence.of_manifest(raw, reference, seed_grammar=False, below=True))
        return raw

    def contents(self, wanted: Sequence[Wanted]) -> Contents:
        """Fetch content."""
        return self._fetch(wanted, {})

    def body(self, digest: str) -> bytes | None:
        """What was fetched under a digest and was small."""
        found = self._transfer.bodies.get(digest)
        if found is not None:
            self._bodies[digest] = found
        return found

    def layers(self, wanted: Sequence[Wanted], chain: Sequence[str]) -> tuple[Contents, tuple[Reuse, ...]]:
        """Fetch the layers that are not in the graph, each verified before it is reused."""
        if self._graph is None:
            return self._fetch(wanted, {}), ()
        standing = look(self._graph, wanted, measures=self._transfer.measures)
        self._keep(*evidence.of_rotten(standing.rotten))
        decisions = tuple(
            _decision(self._graph, position, one, chain_id, standing)
            for position, (one, chain_id) in enumerate(zip(wanted, chain, strict=False))
        )
        self._keep(*(evidence.of_decision(one) for one in decisions))
        missing = [one for one in wanted if one.digest not in standing.facts]
        return self._fetch(missing, standing.facts, looked=True), decisions

    def _fetch(self, wanted: Iterable[Wanted], present: dict[str, BlobFacts], *, looked: bool = False) -> Contents:
        found = self._transfer.fetch(wanted, looked=looked)
        trouble = {digest: one for digest, one in found.items() if isinstance(one, SourceError)}
        facts = {digest: one for digest, one in found.items() if isinstance(one, BlobFacts)}
        fetched = frozenset(found) - self._transfer.others
        self._keep(*self._transfer.rows(), *evidence.of_transfer({**present, **facts}, trouble, fetched=fetched))
        return Contents(facts={**present, **facts}, trouble=trouble, fetched=fetched)

    def _keep(self, *kept: Evidence | Record) -> None:
        self._note(*self._connection.drain(), *kept)


def _decision(graph: Graph, position: int, wanted: Wanted, chain_id: str, standing: Standing) -> Reuse:
    """Say whether a layer of the graph is used, and why."""
    chain = graph.chains.get(chain_id)
    decision = Reuse(position=position, candidate=chain_id, kind="chain", round=0, found=chain is not None, outcome="missing")
    if wanted.digest in standing.rotten:
        own = standing.rotten[wanted.digest]
        return replace(decision, outcome="invalid", reason=f"the blob in the graph has changed; it is in quarantine as {own}")
    if wanted.digest in standing.facts:
        reason = "" if chain is not None else "the chain is new; the blob of its top layer is here"
        return replace(decision, outcome="reused", reason=reason)
    if chain is None:
        return decision
    reason = f"its content is here in other bytes, {chain.blob}; the manifest names {wanted.digest}"
    return replace(decision, outcome="not-considered", reason=reason)
