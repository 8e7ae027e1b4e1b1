"""A file on its way into a case: its name, and a way to read its bytes more than once.

The rule of this file: a part is measured before it is written and again while it is written; if the two differ there is no case.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from toolkit.cases.zip_frame import Entry
from toolkit.errors import CaseError


@dataclass(frozen=True, slots=True)
class Part:
    """A file of the bag: its name below the bag's folder, and how to read it from its start."""

    name: str
    read: Callable[[], Iterator[bytes]]

    @classmethod
    def of(cls, name: str, data: bytes) -> Part:
        """A file whose bytes are in hand."""
        return cls(name, lambda: iter((data,)))


@dataclass(frozen=True, slots=True)
class Measured:
    """A part, and what it was when it was read for the first time; ``sha256`` is 64 hex digits."""

    part: Part
    size: int
    crc: int
    sha256: str

    def entry(self, folder: str) -> Entry:
        """Its place in the zip."""
        return Entry(f"{folder}/{self.part.name}", self.size, self.crc)

    def again(self) -> Iterator[bytes]:
        """Read it a second time.

        Raises
        ------
        CaseError
            It has changed meanwhile.
        """
        size, crc = 0, 0
        for piece in self.part.read():
            size, crc = size + len(piece), zlib.crc32(piece, crc)
            yield piece
        if (size, crc) != (self.size, self.crc):
            raise CaseError(
                "a file changed while the case was written",
                where=self.part.name,
                expected=f"{self.size} bytes with the CRC-32 {self.crc:08x}",
                actual=f"{size} bytes with the CRC-32 {crc:08x}",
                next_step="wait until nobody pulls into this graph, or export one report, then try again",
            )


def measured(part: Part) -> Measured:
    """Read a part for the first time.

    >>> measured(Part.of("a", b"abc")).size
    3
    """
    size, crc, digest = 0, 0, hashlib.sha256()
    for piece in part.read():
        size, crc = size + len(piece), zlib.crc32(piece, crc)
        digest.update(piece)
    return Measured(part, size, crc, digest.hexdigest())
