"""What every source can do.

The rule of this file: a ``Source`` is a place; a ``Connection`` is one visit to it, with its own record of exchanges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Literal, Protocol, Self

from toolkit.errors import ToolkitError
from toolkit.manifests.raw import RawManifest
from toolkit.records import Endpoint, Request
from toolkit.references import Reference, Repository

MANIFEST_LIMIT = 4 * 1024 * 1024
CONFIG_LIMIT: Final = 8 * 1024 * 1024
TAG_LIST_LIMIT = 64 * 1024 * 1024
ERROR_LIMIT = 64 * 1024
BLOB_LIMIT: Final = 16 * 1024**3
"""No layer in the wild comes near it; without a limit a source that never ends would fill the disk."""


def _nothing() -> None:
    """Close what needs no closing."""


@dataclass(frozen=True, slots=True)
class BlobStream:
    """A blob on its way: the size that was announced, if any, and the bytes.

    A chunk may be a piece of a buffer that holds until the next one is asked for. ``start`` is where in the blob the
    bytes begin, ``validator`` what tells whether a later answer is about the same bytes.
    """

    announced: int | None
    chunks: Iterator[bytes]
    start: int = 0
    validator: str | None = None
    close: Callable[[], None] = field(default=_nothing)
    """Called by whoever does not read to the end."""
    attempt: int = 1
    """How many tries it took to get an answer."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Where a download may go on, and what must not have changed meanwhile."""

    start: int
    announced: int
    validator: str
    attempt: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Referrers:
    """What a source says refers to a manifest: signatures, attestations, bills of material.

    ``way`` is where the answer is from: the referrers API (or the subjects a layout's own documents name), the tag that
    stands for it, or nowhere. ``manifest`` is an index; ``reason`` says what the way alone does not.
    """

    way: Literal["api", "tag", "none"]
    manifest: RawManifest | None = None
    reason: str = ""


def fallback_tag(digest: str) -> str:
    """The tag under which a registry without the referrers API keeps them.

    Notes
    -----
    Origin: OCI distribution-spec 1.1, "Referrers Tag Schema".

    >>> fallback_tag("sha256:" + "ab" * 32)[:13]
    'sha256-ababab'
    """
    algorithm, _, encoded = digest.partition(":")
    return f"{algorithm[:32]}-{encoded[:64]}"


class Connection(Protocol):
    """One visit to a source, about one repository."""

    @property
    def endpoint(self) -> str:
        """Where the bytes come from: a URL or a path."""

    def manifest(self, reference: Reference) -> RawManifest:
        """Fetch a manifest by tag or digest."""

    def tags(self) -> list[str]:
        """List the tags of the repository, every page of them."""

    def blob(self, digest: str, resume: Resume | None = None) -> BlobStream:
        """Open a blob; the bytes are as the source sends them, unverified.

        With ``resume`` they may start there; where they do is in the answer.
        """

    def referrers(self, digest: str) -> Referrers:
        """Ask what refers to a manifest; a source that cannot know says so."""

    def next_endpoint(self, error: ToolkitError) -> ToolkitError | None:
        """Give up on the endpoint; None when another one is there to be tried, else the error to report."""

    def abort(self) -> None:
        """Wake whoever waits for bytes, from another thread: nothing more comes."""

    def drain(self) -> tuple[Endpoint | Request, ...]:
        """Return the exchanges recorded since the last call, and forget them."""

    def __enter__(self) -> Self: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


class Source(Protocol):
    """A place where images are."""

    @property
    def name(self) -> str:
        """How a reference without a host names this place; a registry's host and port."""

    def resolve(self, text: str | None, *, seed_grammar: bool) -> Reference:
        """Read what the user asks for as this place understands it.

        Parameters
        ----------
        text : str or None
            A name, a tag or a digest; None for the only image there is.
        seed_grammar : bool
            Read names as Docker 1.9 did.

        Raises
        ------
        UsageError
            It is no name, or it is left out where there is not one image.
        """

    def holds(self) -> list[str]:
        """The names that can be asked for; none where only asking tells."""

    def connect(self, repository: Repository, *, as_seed: bool, accept: str | None = None) -> Connection:
        """Start a visit.

        Parameters
        ----------
        repository : Repository
            What the visit is about; tokens are asked for it.
        as_seed : bool
            Behave on the wire as Docker 1.9 did where that changes a verdict: HEAD before GET, no Accept header, one
            page of tags, ``token`` only.
        accept : str, optional
            The Accept header of manifests; every known format when absent, none as the seed.
        """
