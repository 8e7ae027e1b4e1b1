"""Blobs from a source into the graph, several at once.

The rule of this file: the only one with threads. A blob is hashed as it arrives and looked into only after its digest
matched; what does not match goes to quarantine under its own name. Facts come back; nobody is refused here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Literal

from toolkit import fsops
from toolkit.digests import Digest
from toolkit.errors import InterruptedPullError, NotFoundError, SourceError
from toolkit.graph.blobs import Ingest
from toolkit.graph.store import Graph
from toolkit.layers.measure import measure
from toolkit.layers.tar_sum import tar_sum, version_of
from toolkit.sources.protocol import Connection
from toolkit.verification.blob import BlobFacts
from toolkit.verification.blob_meter import BlobMeter

WORKERS: Final = 3

Keep = Literal["all", "rejected", "nothing"]
"""Which bytes stay: every one, those that were refused, or none (they are judged and go)."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of a transfer: what is happening to which blob, in bytes."""

    digest: str
    action: Literal["downloading", "verifying", "complete", "failed"]
    current: int
    total: int | None


ProgressSink = Callable[[Progress], None]


class Transfer:
    """Transfers of one image.

    Parameters
    ----------
    connection : Connection
    graph : Graph
        Where the bytes go; its ``ingest`` is used even when nothing is kept.
    keep : str
    as_seed : bool
        An error on the wire ends the bytes, as in Docker 1.9; the digest then tells.
    progress : callable, optional
        Called from several threads.
    """

    def __init__(
        self,
        connection: Connection,
        graph: Graph,
        *,
        keep: Keep,
        as_seed: bool,
        progress: ProgressSink | None = None,
        workers: int = WORKERS,
    ) -> None:
        self._connection = connection
        self._graph = graph
        self._keep = keep
        self._as_seed = as_seed
        self._progress = progress
        self._workers = workers
        self._stop = threading.Event()

    def fetch(self, digests: Iterable[str]) -> dict[str, BlobFacts | SourceError]:
        """Fetch blobs, each once; return the facts, or what kept the source from answering, for each digest."""
        wanted = list(dict.fromkeys(digests))
        if not wanted:
            return {}
        with ThreadPoolExecutor(max_workers=min(self._workers, len(wanted)), thread_name_prefix="layerproof") as pool:
            futures = {digest: pool.submit(self._fetch, digest) for digest in wanted}
            try:
                return {digest: future.result() for digest, future in futures.items()}
            except BaseException:
                self._stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _fetch(self, digest: str) -> BlobFacts | SourceError:
        try:
            return self._transfer(digest)
        except NotFoundError as error:
            self._tell(digest, "failed", 0, None)
            return BlobFacts(claimed=digest, missing=error.message)
        except SourceError as error:
            self._tell(digest, "failed", 0, None)
            return error

    def _transfer(self, digest: str) -> BlobFacts:
        stream = self._connection.blob(digest)
        with self._graph.blobs.ingest(digest) as ingest:
            broken_off: str | None = None
            try:
                for chunk in stream.chunks:
                    if self._stop.is_set():
                        raise InterruptedPullError("the transfer was stopped", where=digest)
                    ingest.feed(chunk)
                    self._tell(digest, "downloading", ingest.meter.size, stream.announced)
            except SourceError as error:
                broken_off = error.message
            return self._facts(digest, ingest, stream.announced, broken_off)

    def _facts(self, digest: str, ingest: Ingest, announced: int | None, broken_off: str | None) -> BlobFacts:
        meter = ingest.meter
        self._tell(digest, "verifying", meter.size, announced)
        matches, actual = identified(meter, ingest.chunks, as_seed=self._as_seed)
        layer = measure(ingest.chunks()) if matches else None
        evidence: Digest | None = None
        if matches and self._keep == "all":
            evidence = ingest.commit()
        elif not matches and self._keep != "nothing" and (broken_off is None or self._as_seed):
            evidence = ingest.reject()
        self._tell(digest, "complete" if matches else "failed", meter.size, announced)
        return BlobFacts(
            claimed=digest,
            announced=announced,
            size=meter.size,
            actual=actual,
            matches=matches,
            broken_off=broken_off,
            evidence=None if evidence is None else str(evidence),
            measure=layer,
        )

    def _tell(
        self, digest: str, action: Literal["downloading", "verifying", "complete", "failed"], current: int, total: int | None
    ) -> None:
        if self._progress is not None:
            self._progress(Progress(digest, action, current, total))


def identified(meter: BlobMeter, chunks: Callable[[], Iterator[bytes]], *, as_seed: bool) -> tuple[bool, str]:
    """Tell whether the bytes a meter saw are the ones claimed, and their digest.

    Parameters
    ----------
    meter : BlobMeter
    chunks : callable
        Gives the bytes again; asked only for a TarSum, which Docker 1.9 believed.
    as_seed : bool
        Whether to believe it too.
    """
    version = version_of(meter.expected) if as_seed else None
    if version is None:
        return meter.matches, meter.actual
    found = tar_sum(chunks(), version)
    return found == meter.expected, found or meter.actual


def measured(graph: Graph, digest: str) -> BlobFacts:
    """Make the facts of a blob that lies in the graph already, read anew."""
    size = 0

    def counted(chunks: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal size
        for chunk in chunks:
            size += len(chunk)
            yield chunk

    layer = measure(counted(graph.blobs.chunks(digest)))
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
