"""A manifest as a source handed it over.

The rule of this file: nothing here was looked into yet; what the source claimed stands beside what it sent.
"""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.digests import sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class RawManifest:
    """The body as received, and the claims that came with it."""

    body: bytes
    accept: str | None = None
    content_type: str | None = None
    header_digest: str | None = None

    @property
    def body_digest(self) -> str:
        """sha256 of the body."""
        return sha256(self.body)
