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
_SMALL: Final = 8 * 1024 * 1024

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


@dataclass(frozen=True, slots=True)
class Wanted:
    """Some content to be fetched.

    ``size`` is where reading stops, when it is known; ``is_layer`` has it read to its end as a layer, with the diff ID
    under ``algorithm``. What is no layer, and small, is remembered whole.
    """

    digest: str
    size: int | None = None
    is_layer: bool = True
    algorithm: str = "sha256"


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
        self.bodies: dict[str, bytes] = {}

    def fetch(self, wanted: Iterable[Wanted]) -> dict[str, BlobFacts | SourceError]:
        """Fetch blobs, each once; return the facts, or what kept the source from answering, for each digest."""
        wanted = list({one.digest: one for one in wanted}.values())
        if not wanted:
            return {}
        with ThreadPoolExecutor(max_workers=min(self._workers, len(wanted)), thread_name_prefix="layerproof") as pool:
            futures = {one.digest: pool.submit(self._fetch, one) for one in wanted}
            try:
                return {digest: future.result() for digest, future in futures.items()}
            except BaseException:
                self._stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _fetch(self, wanted: Wanted) -> BlobFacts | SourceError:
        digest = wanted.digest
        try:
            return self._transfer(wanted)
        except NotFoundError as error:
            self._tell(digest, "failed", 0, None)
            return BlobFacts(claimed=digest, missing=error.message)
        except SourceError as error:
            self._tell(digest, "failed", 0, None)
            return error

    def _transfer(self, wanted: Wanted) -> BlobFacts:
        digest = wanted.digest
        stream = self._connection.blob(digest)
        with self._graph.blobs.ingest(digest) as ingest:
            broken_off: str | None = None
            try:
                for chunk in stream.chunks:
                    if self._stop.is_set():
                        raise InterruptedPullError("the transfer was stopped", where=digest)
                    ingest.feed(chunk)
                    self._tell(digest, "downloading", ingest.meter.size, stream.announced)
                    if wanted.size is not None and ingest.meter.size > wanted.size:
                        break
            except SourceError as error:
                broken_off = error.message
            return self._facts(wanted, ingest, stream.announced, broken_off)

    def _facts(self, wanted: Wanted, ingest: Ingest, announced: int | None, broken_off: str | None) -> BlobFacts:
        digest, meter = wanted.digest, ingest.meter
        self._tell(digest, "verifying", meter.size, announced)
        matches, actual = identified(meter, ingest.chunks, as_seed=self._as_seed)
        layer = (
            measure(ingest.chunks(), algorithm=wanted.algorithm, as_seed=self._as_seed) if matches and wanted.is_layer else None
        )
        if matches and not wanted.is_layer and meter.size <= _SMALL:
            self.bodies[digest] = b"".join(ingest.chunks())
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
