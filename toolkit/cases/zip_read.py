"""Reading a zip of ours from its first byte to its last.

The rule of this file: one pass, in pieces, and no byte is passed over: what stands around the files is made again from their
names, sizes and checksums, and must be the same. Nothing is asked of a directory at the end, as other readers do.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from toolkit.cards.escaping import visible
from toolkit.cases.zip_frame import LOCAL, LOCAL_MARK, Entry, closing, local_header
from toolkit.errors import CaseError

_PIECE: Final = 64 * 1024
_LONGEST_NAME: Final = 512
_WIDE_EXTRA: Final = 20
_ANOTHER_COPY: Final = (
    "this is not the file that was exported: ask whoever gave you the case for another copy, and for its digest"
)


@dataclass(slots=True)
class Opened:
    """A file of the zip while it is read; its ``pieces`` are there once, before the next file."""

    name: str
    size: int
    pieces: Iterator[bytes] = field(repr=False)


def entries(chunks: Iterable[bytes], *, where: str) -> Iterator[Opened]:
    """Give the files of a zip, in order.

    Parameters
    ----------
    chunks : iterable of bytes
        The zip, in pieces of any size.
    where : str
        What to call it in an error.

    Raises
    ------
    CaseError
        A byte is not what ``zip_frame`` would have written there.
    """
    stream = _Stream(chunks, where)
    seen: list[Entry] = []
    while (mark := stream.take(len(LOCAL_MARK))) == LOCAL_MARK:
        entry = _header(stream, mark, len(seen))
        meter = _Meter()
        yield Opened(entry.name, entry.size, meter.over(stream.pieces(entry.size, entry.name)))
        meter.finish()
        if meter.crc != entry.crc:
            raise _other(f"{where}, {entry.name}", f"bytes with the CRC-32 {entry.crc:08x}", f"{meter.crc:08x}")
        if seen and entry.name <= seen[-1].name:
            raise _other(f"{where}, {entry.name}", f"a name after {seen[-1].name}", entry.name)
        seen.append(entry)
    _compare_end(stream, mark, closing(seen), f"{where}, behind {seen[-1].name if seen else 'its start'}")


def _header(stream: _Stream, mark: bytes, number: int) -> Entry:
    place = f"{stream.where}, header of file {number + 1} at byte {stream.offset - len(mark)}"
    fixed = mark + stream.take(LOCAL.size - len(mark))
    if len(fixed) < LOCAL.size:
        raise _other(place, f"{LOCAL.size} bytes", f"{len(fixed)} bytes, and the end of the file")
    *_, crc, size, _, name_length, extra_length = LOCAL.unpack(fixed)
    if name_length > _LONGEST_NAME or extra_length not in (0, _WIDE_EXTRA):
        raise _other(place, "a name of ours, and no more than it needs", f"lengths {name_length} and {extra_length}")
    raw, extra = stream.take(name_length), stream.take(extra_length)
    name = raw.decode("ascii", "backslashreplace")
    if extra_length == len(extra) == _WIDE_EXTRA:
        size = int.from_bytes(extra[4:12], "little")
    found, entry = fixed + raw + extra, Entry(name, size, crc)
    if not raw.isascii() or (written := local_header(entry)) != found:
        raise _other(f"{place}, {visible(name)}", raw.hex() if not raw.isascii() else written.hex(), found.hex())
    return entry


def _compare_end(stream: _Stream, mark: bytes, expected: bytes, place: str) -> None:
    found = mark
    while len(found) <= len(expected) and (more := stream.take(min(_PIECE, len(expected) + 1 - len(found)))):
        found += more
    if found == expected:
        return
    at = next((at for at, pair in enumerate(zip(expected, found, strict=False)) if pair[0] != pair[1]), None)
    at = min(len(expected), len(found)) if at is None else at
    raise _other(
        f"{place}, directory of the zip, its byte {at}",
        expected[at : at + 8].hex() or "the end",
        found[at : at + 8].hex() or "the end",
    )


def _other(where: str, expected: str, actual: str) -> CaseError:
    return CaseError(
        "a byte of the case is not as it was written", where=where, expected=expected, actual=actual, next_step=_ANOTHER_COPY
    )


class _Stream:
    """Bytes in pieces, taken in the lengths that are needed."""

    def __init__(self, chunks: Iterable[bytes], where: str) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")
        self.where = where
        self.offset = 0

    def take(self, size: int) -> bytes:
        """The next bytes; fewer only at the end."""
        return b"".join(self._some(size))

    def pieces(self, size: int, name: str) -> Iterator[bytes]:
        """So many bytes, in pieces; all of them, or an error."""
        left = size
        for piece in self._some(size):
            left -= len(piece)
            yield piece
        if left:
            raise _other(f"{self.where}, {name}", f"{size} bytes", f"{size - left} bytes, and the end of the file")

    def _some(self, size: int) -> Iterator[bytes]:
        while size:
            if not self._rest:
                self._rest = memoryview(next(self._chunks, b""))
                if not self._rest:
                    return
            piece, self._rest = bytes(self._rest[:size]), self._rest[size:]
            size -= len(piece)
            self.offset += len(piece)
            yield piece


class _Meter:
    """The checksum of what passes by; what nobody asked for passes by, too."""

    def __init__(self) -> None:
        self.crc = 0
        self._pieces: Iterator[bytes] = iter(())

    def over(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        self._pieces = self._counted(pieces)
        return self._pieces

    def _counted(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self.crc = zlib.crc32(piece, self.crc)
            yield piece

    def finish(self) -> None:
        for _ in self._pieces:
            pass
