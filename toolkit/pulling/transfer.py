"""Blobs from a source into the graph, several at once.

The rule of this file: the only one with threads. A blob is hashed as it arrives and looked into only after its digest
matched; what does not match goes to quarantine under its own name. Facts come back; nobody is refused here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final, Literal

from toolkit import fsops
from toolkit.digests import Digest
from toolkit.errors import (
    DeadlineError,
    InterruptedPullError,
    LimitError,
    NotFoundError,
    SourceError,
    UnreachableError,
)
from toolkit.graph.blobs import Ingest
from toolkit.graph.store import Graph
from toolkit.graph.turns import Entry, Turn
from toolkit.layers.measure import measure
from toolkit.layers.tar_sum import tar_sum, version_of
from toolkit.progress.steps import Action, Progress, ProgressSink
from toolkit.pulling.cancellation import Cancellation
from toolkit.pulling.standing import measured
from toolkit.pulling.wanted import Wanted
from toolkit.records import Join
from toolkit.sources.protocol import BLOB_LIMIT, BlobStream, Connection, Resume
from toolkit.sources.retries import MAX_TRIES
from toolkit.verification.blob import BlobFacts
from toolkit.verification.blob_meter import BlobMeter

WORKERS: Final = 3
_STEPS: Final = 32
"""A try that brought less than this part of a blob counts as one that brought nothing."""
_HEARD: Final = 32 * 1024 * 1024
"""Bytes of a layer that is looked into, between two steps that say so."""
_SMALL: Final = 8 * 1024 * 1024

Keep = Literal["all", "rejected", "nothing"]
"""Which bytes stay: every one, those that were refused, or none (they are judged and go)."""


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
    measures : bool
        Whether layers are decompressed and looked into; otherwise only digests and sizes are taken.
    progress : callable, optional
        Called from several threads.

    Attributes
    ----------
    others : set of str
        Digests of what somebody else brought in while we waited.
    bodies : dict
        Small content that is no layer, by digest.
    """

    def __init__(
        self,
        connection: Connection,
        graph: Graph,
        *,
        keep: Keep,
        as_seed: bool,
        measures: bool = True,
        progress: ProgressSink | None = None,
        workers: int = WORKERS,
        stop: Cancellation | None = None,
    ) -> None:
        self._connection = connection
        self._graph = graph
        self._keep = keep
        self._as_seed = as_seed
        self.measures = measures
        self._progress = progress
        self._workers = workers
        self._stop = Cancellation() if stop is None else stop
        self._absent: set[str] = set()
        self.bodies: dict[str, bytes] = {}
        self.others: set[str] = set()
        self._joined: dict[str, Join] = {}

    def fetch(self, wanted: Iterable[Wanted], *, looked: bool = False) -> dict[str, BlobFacts | SourceError]:
        """Fetch blobs, each once and the largest first; return the facts, or what kept the source from answering.

        Parameters
        ----------
        wanted : iterable of Wanted
        looked : bool
            Whether the caller looked for them in the graph before: what is there by now, somebody else has brought in.
        """
        wanted = list({one.digest: one for one in wanted}.values())
        if not wanted:
            return {}
        self._stop.check("before a transfer")
        self._absent = {one.digest for one in wanted if looked or self._is_absent(one.digest)}
        for one in wanted:
            self._tell(one, "waiting", 0, one.size)
        found = self._all(wanted)
        self._stop.check("after a transfer")  # what ended because of it says nothing about the source
        return found

    def _all(self, wanted: Sequence[Wanted]) -> dict[str, BlobFacts | SourceError]:
        if len(wanted) == 1:
            return {wanted[0].digest: self._fetch(wanted[0])}
        with ThreadPoolExecutor(max_workers=min(self._workers, len(wanted)), thread_name_prefix="layerproof") as pool:
            try:
                by_size = sorted(wanted, key=lambda one: -(one.size or 0))
                futures = {one.digest: pool.submit(self._fetch, one) for one in by_size}
                return {one.digest: futures[one.digest].result() for one in wanted}
            except BaseException:
                self._stop.cancel()
                self._connection.abort()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def rows(self) -> tuple[Join, ...]:
        """The rows of what others fetched for us, and forget them."""
        rows = tuple(self._joined[digest] for digest in sorted(self._joined))
        self._joined = {}
        return rows

    def _fetch(self, wanted: Wanted) -> BlobFacts | SourceError:
        try:
            return self._shared(wanted)
        except NotFoundError as error:
            self._tell(wanted, "failed", 0, None)
            return BlobFacts(claimed=wanted.digest, missing=error.message)
        except SourceError as error:
            self._tell(wanted, "failed", 0, None)
            return error

    def _shared(self, wanted: Wanted) -> BlobFacts:
        """Fetch a blob unless somebody else is at it; then wait, and look at the result with our own eyes."""

        def hear(entry: Entry) -> None:
            self._tell(wanted, "joined", int(entry.get("current", 0)), entry.get("total"))

        try:
            with self._graph.turns.take(f"blob {wanted.digest}", hear, stopped=lambda: self._stop.asked) as turn:
                came = wanted.digest in self._absent and not self._is_absent(wanted.digest)
                if turn.waited is None and not came:
                    return self._transfer(wanted, turn)
                found = self._others(wanted)
                self._joined[wanted.digest] = Join(
                    kind="layer",
                    subject=wanted.digest,
                    owner="somebody who has ended" if turn.waited is None else turn.waited.owner,
                    waited=0.0 if turn.waited is None else turn.waited.seconds,
                    outcome="taken-over" if found is None else "found",
                )
                if found is None:
                    return self._transfer(wanted, turn)
                self.others.add(wanted.digest)
                return found
        except InterruptedError as error:
            raise InterruptedPullError("the pull was stopped", where=wanted.digest) from error

    def _is_absent(self, digest: str) -> bool:
        return not Digest.is_exact(digest) or self._graph.blobs.path(digest) is None

    def _others(self, wanted: Wanted) -> BlobFacts | None:
        """What somebody else brought in, read from its first byte; None when it is not there or not right."""
        digest = wanted.digest
        if self._is_absent(digest) or not self._graph.blobs.is_intact(digest):
            return None
        size = fsops.size(self._graph.layout.blob(Digest.parse(digest)))
        self._tell(wanted, "verifying", size or 0, size)
        facts = measured(self._graph, digest, wanted if self.measures else replace(wanted, is_layer=False))
        if not wanted.is_layer and (facts.size or 0) <= _SMALL:
            self.bodies[digest] = b"".join(self._graph.blobs.chunks(digest))
        self._tell(wanted, "complete", facts.size or 0, facts.size)
        return facts

    def _transfer(self, wanted: Wanted, turn: Turn) -> BlobFacts:
        with self._graph.blobs.ingest(wanted.digest, lasting=not self._as_seed) as ingest:
            try:
                announced, broken_off, pieced = self._receive(wanted, ingest, turn)
                if pieced and broken_off is None and not ingest.meter.matches:
                    # A false piece of another answer accuses nobody: one answer alone has to be wrong.
                    ingest.set_aside()
                    announced, broken_off, _ = self._receive(wanted, ingest, turn)
            except BaseException:
                ingest.keep()
                raise
            return self._facts(wanted, ingest, announced, broken_off)

    def _receive(self, wanted: Wanted, ingest: Ingest, turn: Turn) -> tuple[int | None, str | None, bool]:
        """Bring the bytes in, going on where a connection broke off.

        Returns
        -------
        announced : int or None
        broken_off : str or None
            What ended the bytes early.
        pieced : bool
            Whether they are from more than one answer.
        """
        attempt, reached, pieced = 1, ingest.meter.size, False
        while True:
            resumable = ingest.resumable
            resume = None if resumable is None else Resume(ingest.meter.size, *resumable, attempt=attempt)
            if attempt > 1 and resume is None:
                resume = Resume(0, 0, "", attempt=attempt)
            stream = self._connection.blob(wanted.digest, resume)
            pieced = stream.start > 0
            if stream.start != ingest.meter.size:
                ingest.restart()
            if not self._as_seed:
                ingest.describe(stream.announced, stream.validator)
            try:
                with contextlib.closing(stream):
                    self._take(wanted, ingest, turn, stream, _limit(wanted, stream.announced))
            except SourceError as error:
                forward = ingest.resumable is not None and ingest.meter.size - reached > (stream.announced or 0) // _STEPS
                attempt = 1 if forward else stream.attempt + 1
                again = isinstance(error, UnreachableError) and not isinstance(error, DeadlineError)
                if self._as_seed or self._stop.asked or not again or attempt > MAX_TRIES:
                    ingest.keep()
                    return stream.announced, error.message, pieced
                reached = ingest.meter.size
                ingest.again()
            else:
                return stream.announced, None, pieced

    def _take(self, wanted: Wanted, ingest: Ingest, turn: Turn, stream: BlobStream, limit: int) -> None:
        told = 0
        step = max(1, (stream.announced or 0) // 100)
        for chunk in stream.chunks:
            self._stop.check(wanted.digest)
            ingest.feed(chunk)
            size = ingest.meter.size
            self._tell(wanted, "downloading", size, stream.announced)
            if size > BLOB_LIMIT:
                raise _too_large(wanted, f"a blob is larger than {BLOB_LIMIT} bytes", f"{size} bytes and more")
            if size - told > step:
                told = size
                turn.tell({"current": size, "total": stream.announced})
            if size > limit:
                break

    def _facts(self, wanted: Wanted, ingest: Ingest, announced: int | None, broken_off: str | None) -> BlobFacts:
        digest, meter = wanted.digest, ingest.meter
        self._tell(wanted, "verifying", meter.size, announced)
        matches, actual = identified(meter, ingest.chunks, as_seed=self._as_seed)
        layer = (
            measure(self._watched(wanted, ingest.chunks(), meter.size), algorithm=wanted.algorithm, as_seed=self._as_seed)
            if matches and wanted.is_layer and self.measures
            else None
        )
        if matches and not wanted.is_layer and meter.size <= _SMALL:
            self.bodies[digest] = b"".join(ingest.chunks())
        evidence: Digest | None = None
        if matches and self._keep == "all":
            evidence = ingest.commit()
        elif not matches and self._keep != "nothing" and (broken_off is None or self._as_seed):
            evidence = ingest.reject()
        self._tell(wanted, "complete" if matches else "failed", meter.size, announced)
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

    def _watched(self, wanted: Wanted, chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
        """Let it be known, while a large layer is looked into, that this goes on; and stop when that is asked."""
        seen = told = 0
        for chunk in chunks:
            self._stop.check(wanted.digest)
            yield chunk
            seen += len(chunk)
            if seen - told >= _HEARD:
                told = seen
                self._tell(wanted, "verifying", seen, size)

    def _tell(self, wanted: Wanted, action: Action, current: int, total: int | None) -> None:
        if self._progress is not None:
            self._progress(Progress(wanted.digest, action, current, total, wanted.image_id))


def _limit(wanted: Wanted, announced: int | None) -> int:
    """Where reading stops: behind what is wanted, or what any blob may have."""
    if announced is not None and announced > BLOB_LIMIT:
        raise _too_large(wanted, f"a blob of {announced} bytes is announced", announced)
    return BLOB_LIMIT if wanted.size is None else min(wanted.size, BLOB_LIMIT)


def _too_large(wanted: Wanted, message: str, actual: object) -> LimitError:
    return LimitError(
        message,
        where=wanted.digest,
        expected=f"at most {BLOB_LIMIT} bytes",
        actual=actual,
        next_step="nothing of this size is expected here; the source may be hostile",
    )


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
