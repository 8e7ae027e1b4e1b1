"""Blobs: in by digest, out by digest.

The rule of this file: the order of a commit is write, sync, compare, make read-only, link, sync the directory. Bytes
that are not what was claimed go to quarantine under their own digest.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from toolkit import fsops
from toolkit.digests import Digest
from toolkit.graph.layout import Layout
from toolkit.verification.blob_meter import BlobMeter

_READ_ONLY: Final = 0o444


class Ingest:
    """One blob on its way in.

    Feed it, then ``commit`` or ``reject``; leaving the context without either discards what was written.
    """

    def __init__(self, layout: Layout, claimed: str) -> None:
        self._layout = layout
        self.meter = BlobMeter(claimed)
        self._path = layout.ingest / f"{secrets.token_hex(16)}.part"
        self._file = fsops.NewFile(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self._file.close()
        fsops.discard(self._path)

    def feed(self, chunk: bytes) -> None:
        """Write and measure the next bytes."""
        self._file.write(chunk)
        self.meter.feed(chunk)

    def chunks(self) -> Iterator[bytes]:
        """Read back what was written, from the start."""
        return fsops.chunks(self._path)

    def commit(self) -> Digest:
        """Put the bytes under their own name, for good; return the name."""
        digest = self.own_digest
        self._publish(self._layout.blob(digest))
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

    def _publish(self, target: Path) -> None:
        self._file.sync(mode=_READ_ONLY)
        self._file.close()
        fsops.make_directory(target.parent)
        fsops.link_new(self._path, target)


class BlobStore:
    """The content-addressed half of a graph; also a valid OCI image layout's ``blobs``."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def ingest(self, claimed: str) -> Ingest:
        """Start taking in a blob that claims a digest."""
        fsops.make_directory(self._layout.ingest)
        return Ingest(self._layout, claimed)

    def add(self, data: bytes, *, quarantine: bool = False, algorithm: str = "sha256") -> Digest:
        """Take in bytes in hand, under their own digest."""
        digest = Digest.of(data, algorithm)
        if self.path(digest) is None or quarantine:
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
        if fsops.size(target) is None:
            fsops.move_new(path, target)
        else:
            fsops.discard(path)  # the same bytes are in quarantine already
        return meter.digest


def _digest(digest: Digest | str) -> Digest:
    return digest if isinstance(digest, Digest) else Digest.parse(digest)
