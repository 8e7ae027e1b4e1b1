"""The paths of a graph.

The rule of this file: a path is made from a ``Digest`` or from an ID of 64 hex digits, never from a text as received.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from toolkit.digests import Digest
from toolkit.errors import GraphError
from toolkit.references import image_id_error

OCI_LAYOUT: Final = b'{"imageLayoutVersion":"1.0.0"}'
EMPTY_INDEX: Final = b'{"schemaVersion":2,"manifests":[]}'
EMPTY_REPOSITORIES: Final = b'{"Repositories":{}}'


@dataclass(frozen=True, slots=True)
class Layout:
    """The directories and files under a graph's root."""

    root: Path

    @property
    def images(self) -> Path:
        """Docker 1.9's ``graph`` directory: one directory per image."""
        return self.root / "images"

    @property
    def ingest(self) -> Path:
        """What is not committed yet."""
        return self.root / "ingest"

    @property
    def ledger(self) -> Path:
        """One JSON Lines file per call."""
        return self.root / "ledger"

    @property
    def repositories(self) -> Path:
        """Tags and digests to image IDs, in Docker 1.9's own format."""
        return self.root / "repositories.json"

    @property
    def oci_layout(self) -> Path:
        """The file that says that this is an OCI image layout."""
        return self.root / "oci-layout"

    @property
    def index(self) -> Path:
        """The OCI image index."""
        return self.root / "index.json"

    @property
    def locks(self) -> Path:
        """The file whose bytes are locked, one for each ID."""
        return self.ingest / "locks"

    def partial(self, digest: Digest) -> Path:
        """A download that is not finished."""
        return self.ingest / f"{digest.algorithm}-{digest.hex}.partial"

    def turn(self, key: str) -> Path:
        """What the worker on a shared piece of work tells; ``key`` is 64 hex digits."""
        return self.ingest / f"{key}.turn"

    def image(self, image_id: str) -> Path:
        """The directory of one image."""
        problem = image_id_error(image_id)
        if problem is not None:
            raise GraphError(problem, where="graph", expected="64 lower-case hex digits", actual=image_id)
        return self.images / image_id

    def blob(self, digest: Digest) -> Path:
        """Where a verified blob lies."""
        return self.root / "blobs" / digest.algorithm / digest.hex

    def chain(self, chain_id: Digest) -> Path:
        """What is known of a chain ID."""
        return self.root / "chains" / chain_id.algorithm / chain_id.hex

    def quarantined(self, digest: Digest) -> Path:
        """Where rejected bytes lie, under their own digest."""
        return self.root / "quarantine" / digest.algorithm / digest.hex

    def quarantined_image(self, image_id: str, number: int) -> Path:
        """Where a damaged image directory is moved."""
        return self.root / "quarantine" / "images" / f"{self.image(image_id).name}.{number}"
