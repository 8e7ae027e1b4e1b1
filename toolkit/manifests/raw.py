"""A manifest as a source handed it over.

The rule of this file: nothing here was looked into yet; what the source claimed stands beside what it sent.
"""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.digests import sha256
from toolkit.manifests.descriptor import Descriptor


@dataclass(frozen=True, slots=True, kw_only=True)
class RawManifest:
    """The body as received, and the claims that came with it.

    ``made_from`` is set when the source has no manifests of its own and this one was put together from what it has:
    it names that file, and then no digest or signature of the body means anything. ``unsigned_because`` is set when the
    source has the manifest and keeps its signatures elsewhere, or not at all. ``descriptor`` is how the source's own
    index names the body, where it has one. ``converted_from`` is the digest of the document the tag names for whoever
    accepts every format: then this schema1 manifest was made for an old client, on the fly. ``unverified`` says that it
    came over a network by a protocol in which nothing can be verified.
    """

    body: bytes
    accept: str | None = None
    content_type: str | None = None
    header_digest: str | None = None
    made_from: str | None = None
    unsigned_because: str | None = None
    descriptor: Descriptor | None = None
    converted_from: str | None = None
    unverified: bool = False

    @property
    def body_digest(self) -> str:
        """sha256 of the body."""
        return sha256(self.body)
