"""How many bytes went by, and what they hash to.

The rule of this file: no I/O. Whoever moves the bytes feeds the meter; the meter says what they were.
"""

from __future__ import annotations

import hashlib

from toolkit.digests import SEED_ALGORITHMS, Digest, seed_algorithm


class BlobMeter:
    """Measure a stream against the digest it should have.

    Parameters
    ----------
    expected : str
        The digest claimed, e.g. ``sha256:…``. A digest of an unknown algorithm is never met.

    Examples
    --------
    >>> from toolkit.digests import sha256
    >>> meter = BlobMeter(sha256(b"ab"))
    >>> meter.feed(b"a"), meter.feed(b"b")
    (None, None)
    >>> meter.matches, meter.size
    (True, 2)
    """

    def __init__(self, expected: str) -> None:
        self.expected = expected
        self.size = 0
        self._sha256 = hashlib.sha256()
        algorithm = seed_algorithm(expected)
        self._claimed = (
            self._sha256 if algorithm == "sha256" else (hashlib.new(algorithm) if algorithm in SEED_ALGORITHMS else None)
        )
        self._algorithm = algorithm

    def feed(self, chunk: bytes | bytearray | memoryview) -> None:
        """Count and hash the next bytes."""
        self.size += len(chunk)
        self._sha256.update(chunk)
        if self._claimed is not None and self._claimed is not self._sha256:
            self._claimed.update(chunk)

    @property
    def digest(self) -> Digest:
        """sha256 of what went by: the bytes' own name."""
        return Digest("sha256", self._sha256.hexdigest())

    @property
    def actual(self) -> str:
        """The digest of what went by under the algorithm that was claimed, or sha256."""
        if self._claimed is None:
            return str(self.digest)
        return f"{self._algorithm}:{self._claimed.hexdigest()}"

    @property
    def matches(self) -> bool:
        """Whether the bytes are the ones that were claimed; the whole text is compared, case included."""
        return self._claimed is not None and self.actual == self.expected
