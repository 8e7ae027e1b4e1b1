"""What every source can do.

The rule of this file: a ``Source`` is a place; a ``Connection`` is one visit to it, with its own record of exchanges.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from toolkit.manifests.raw import RawManifest
from toolkit.records import Endpoint, Request
from toolkit.references import Reference, Repository

MANIFEST_LIMIT = 4 * 1024 * 1024
TAG_LIST_LIMIT = 64 * 1024 * 1024
ERROR_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class BlobStream:
    """A blob on its way: the size that was announced, if any, and the bytes."""

    announced: int | None
    chunks: Iterator[bytes]


class Connection(Protocol):
    """One visit to a source, about one repository."""

    @property
    def endpoint(self) -> str:
        """Where the bytes come from: a URL or a path."""

    def manifest(self, reference: Reference) -> RawManifest:
        """Fetch a manifest by tag or digest."""

    def tags(self) -> list[str]:
        """List the tags of the repository, every page of them."""

    def blob(self, digest: str) -> BlobStream:
        """Open a blob; the bytes are as the source sends them, unverified."""

    def drain(self) -> tuple[Endpoint | Request, ...]:
        """Return the exchanges recorded since the last call, and forget them."""

    def __enter__(self) -> Self: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


class Source(Protocol):
    """A place where images are."""

    @property
    def name(self) -> str:
        """How a reference without a host names this place; a registry's host and port."""

    def connect(self, repository: Repository, *, as_seed: bool) -> Connection:
        """Start a visit.

        Parameters
        ----------
        repository : Repository
            What the visit is about; tokens are asked for it.
        as_seed : bool
            Behave on the wire as Docker 1.9 did where that changes a verdict: HEAD before GET, no Accept header, one
            page of tags, ``token`` only.
        """
