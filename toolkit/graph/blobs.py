"""Blobs: in by digest, out by digest.

The rule of this file: the order of a commit is write, sync, compare, make read-only, link, sync the directory. Bytes
that are not what was claimed go to quarantine under their own digest. A name that is taken is believed only after the bytes
under it were read again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from toolkit import fsops
from toolkit.digests import Digest
from toolkit.errors import GraphIOError
from toolkit.graph.layout import Layout
from toolkit.verification.blob_meter import BlobMeter

_READ_ONLY: Final = 0o444


class Ingest:
    """One blob on its way in.

    Feed it, then ``commit`` or ``reject``; leaving the context without either discards what was written, unless
    ``keep`` was called: then the next one who wants it goes on.
    """

    def __init__(self, layout: Layout, claimed: str, *, lasting: bool = False) -> None:
        self._layout = layout
        self._claimed = claimed
        self.meter = BlobMeter(claimed)
        self._found: dict[str, object] = {}
        self._keeps = False
        lasting = lasting and Digest.is_exact(claimed)
        self._path = layout.partial(Digest.parse(claimed)) if lasting else layout.ingest / fsops.fresh_name()
        kept = fsops.NewFile.reopened(self._path) if lasting else None
        if kept is None and lasting:
            fsops.discard(self._path)
        self._file = kept or fsops.NewFile(self._path)
        if kept is not None:
            self._go_on()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self._file.close()
        if not self._keeps:
            fsops.discard(self._path)
            fsops.discard(self._note)

    @property
    def _note(self) -> Path:
        return self._path.with_suffix(".json")

    def _go_on(self) -> None:
        """Hash again what an earlier download left, and read what it knew of its source."""
        try:
            self._found = dict(json.loads(fsops.read(self._note) or b"{}"))
        except (ValueError, TypeError, RecursionError):
            self._found = {}
        if self.resumable is None:
            self.restart()
            return
        self.again()

    @property
    def resumable(self) -> tuple[int, str] | None:
        """The size that was announced and the validator that came with it, where a download can go on."""
        announced, validator = self._found.get("announced"), self._found.get("validator")
        if isinstance(announced, int) and isinstance(validator, str) and 0 <= self.meter.size < announced:
            return announced, validator
        return None

    def describe(self, announced: int | None, validator: str | None) -> None:
        """Note what an answer said about the bytes, so that another answer can be told to go on with them."""
        found: dict[str, object] = {"announced": announced, "validator": validator}
        if found != self._found:
            self._found = found
            if self.resumable is not None:
                fsops.replace(self._note, json.dumps(found).encode("ascii"), durable=False)

    def keep(self) -> None:
        """Leave the bytes for the next one who wants them; not those of a file that could not be synced."""
        self._keeps = self.resumable is not None and self.meter.size > 0 and not self._file.is_poisoned

    def again(self) -> None:
        """Hash again what was written: a download goes on behind bytes that are as they are on the disk."""
        self.meter = BlobMeter(self._claimed)
        for chunk in fsops.chunks(self._path):
            self.meter.feed(chunk)

    def set_aside(self) -> None:
        """Keep a copy of the bytes as evidence, under their own name in quarantine, and begin anew."""
        with Ingest(self._layout, self._claimed) as copy:
            for chunk in self.chunks():
                copy.feed(chunk)
            copy.reject()
        self._found = {}
        self.restart()

    def restart(self) -> None:
        """Begin anew."""
        self._file.restart()
        self.meter = BlobMeter(self._claimed)

    def feed(self, chunk: bytes | memoryview) -> None:
        """Write and measure the next bytes."""
        self._file.write(chunk)
        self.meter.feed(chunk)

    def chunks(self) -> Iterator[bytes]:
        """Read back what was written, from the start."""
        return fsops.chunks(self._path)

    def commit(self) -> Digest:
        """Put the bytes under their own name, for good; return the name."""
        digest = self.own_digest
        if not self._publish(self._layout.blob(digest)):
            blobs = BlobStore(self._layout)
            if not blobs.is_intact(digest):
                blobs.quarantine(digest)
                fsops.link_new(self._path, self._layout.blob(digest))
        return digest

    def reject(self) -> Digest:
        """Put the bytes into quarantine under their own name; return the name."""
        digest = self.meter.digest
        self._publish(self._layout.quarantined(digest))
        return digest

    @property
    def own_digest(self) -> Digest:
        """The bytes' own digest: under the claimed algorithm when the claim holds, else sha256."""
        if self.meter.matches and Digest.is_exact(self.meter.expected):
            return Digest.parse(self.meter.expected)
        return self.meter.digest

    def _publish(self, target: Path) -> bool:
        """Give the bytes a name for good; False when it is taken."""
        self._keeps = False
        self._file.sync()
        if self._file.size != self.meter.size:
            raise GraphIOError(
                f"{self._path} has another size than what was written into it",
                where=str(self._path),
                expected=f"{self.meter.size} bytes",
                actual=f"{self._file.size} bytes",
                next_step="the file system or another program changed it; pull again, it is written anew",
            )
        self._file.set_mode(_READ_ONLY)
        fsops.make_directory(target.parent)
        return fsops.link_new(self._path, target)


class BlobStore:
    """The content-addressed half of a graph; also a valid OCI image layout's ``blobs``."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def ingest(self, claimed: str, *, lasting: bool = False) -> Ingest:
        """Start taking in a blob that claims a digest; ``lasting`` goes on with an earlier one, under the caller's lock."""
        fsops.make_directory(self._layout.ingest)
        return Ingest(self._layout, claimed, lasting=lasting)

    def add(self, data: bytes, *, quarantine: bool = False, algorithm: str = "sha256") -> Digest:
        """Take in bytes in hand, under their own digest; what is there already is read again."""
        digest = Digest.of(data, algorithm)
        if self.path(digest) is None or quarantine or not self.is_intact(digest):
            with self.ingest(str(digest)) as ingest:
                ingest.feed(data)
                return ingest.reject() if quarantine else ingest.commit()
        return digest

    def path(self, digest: Digest | str) -> Path | None:
        """Where a committed blob lies; None when it is not there."""
        path = self._layout.blob(_digest(digest))
        return path if fsops.size(path) is not None else None

    def evidence(self, digest: Digest | str) -> Path | None:
        """Where bytes with this digest lie, committed or in quarantine; None when nowhere."""
        quarantined = self._layout.quarantined(_digest(digest))
        return self.path(digest) or (quarantined if fsops.size(quarantined) is not None else None)

    def chunks(self, digest: Digest | str) -> Iterator[bytes]:
        """Read a committed blob in pieces."""
        return fsops.chunks(self._layout.blob(_digest(digest)))

    def is_intact(self, digest: Digest | str) -> bool:
        """Read a committed blob again and compare it with its name."""
        meter = BlobMeter(str(digest))
        for chunk in self.chunks(digest):
            meter.feed(chunk)
        return meter.matches

    def quarantine(self, digest: Digest | str) -> Digest:
        """Move a blob that is no longer what its name says out of the way; return its own digest."""
        path = self._layout.blob(_digest(digest))
        meter = BlobMeter(str(digest))
        for chunk in fsops.chunks(path):
            meter.feed(chunk)
        target = self._layout.quarantined(meter.digest)
        fsops.make_directory(target.parent)
        fsops.link_new(path, target)  # if the name is taken, the same bytes are in quarantine already
        fsops.discard(path)
        fsops.sync_directory(path.parent)
        return meter.digest


def _digest(digest: Digest | str) -> Digest:
    return digest if isinstance(digest, Digest) else Digest.parse(digest)
