"""The headers of a tar archive, one by one, to the end marker.

The rule of this file: it reads what Go's ``archive/tar`` reads and gives up where that gives up; contents are passed
over, never kept. A cut or damaged header is an error with its offset, not an early end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple
from zlib import adler32

from toolkit.errors import LayerError

BLOCK: Final = 512
_HEADER_ONLY: Final = b"123456"  # links, devices, directories and FIFOs have no content, whatever their size says
_LONGEST_EXTENSION: Final = 1024 * 1024
_EMPTY: Final = bytes(BLOCK)
_OCTAL: Final = re.compile(rb"([0-7]+)[ \x00]*").fullmatch
"""What a number looks like in most headers."""
_BLANKS: Final = 8 * 0x20
"""What the field of the checksum counts as in the checksum: eight blanks."""


class TarHeader(NamedTuple):
    """One member: its name as raw bytes, its type, its size as a reader sees it, and where its header starts.

    ``block`` is the header itself and ``pax`` the records in front of it. ``content`` is where its content starts, and
    ``stored`` how many bytes of it there are: fewer than ``size`` where a sparse file has holes, none where the type has no
    content. It is a tuple because a layer may have a million of them.
    """

    name: bytes
    type: bytes
    size: int
    offset: int
    block: bytes
    pax: dict[bytes, bytes]
    link: bytes
    stored: int
    content: int


Tap = Callable[[bytes], None]
"""Takes the content of the member whose header was yielded last, piece by piece."""
Raw = Callable[[bytes], None]
"""Takes what is neither content nor behind the end: headers, their extensions, padding and the end marker."""
Rest = Callable[[int, bytes], None]
"""Takes what follows the end marker: the offset in the tar and the bytes, piece by piece."""


class _Stream:
    """Pieces of any length as a stream with an offset; what is read, and no content, goes by way of ``raw`` too."""

    def __init__(self, pieces: Iterable[bytes], raw: Raw | None = None) -> None:
        self.raw = raw
        self._pieces = iter(pieces)
        self._piece = b""
        self._start = 0
        self.offset = 0

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes, fewer only at the end."""
        end = self._start + size
        if end <= len(self._piece):
            data = self._piece[self._start : end]
            self._start = end
            self.offset += size
            if self.raw is not None:
                self.raw(data)
            return data
        parts: list[bytes] = []
        wanted = size
        while wanted and self._fill():
            part = self._piece[self._start : self._start + wanted]
            self._start += len(part)
            wanted -= len(part)
            parts.append(part)
        self.offset += size - wanted
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        if self.raw is not None:
            self.raw(data)
        return data

    def skip(self, size: int, tap: Tap | None = None) -> None:
        """Pass over bytes that must be there, by way of the tap if there is one."""
        end = self._start + size
        if size and end <= len(self._piece):
            if tap is not None:
                tap(self._piece[self._start : end])
            self._start = end
            self.offset += size
            return
        wanted = size
        while wanted:
            if not self._fill():
                raise LayerError("unexpected EOF", where=f"offset {self.offset + size - wanted}", expected=f"{wanted} more bytes")
            step = min(wanted, len(self._piece) - self._start)
            if tap is not None:
                tap(self._piece[self._start : self._start + step])
            self._start += step
            wanted -= step
        self.offset += size

    def drain(self, rest: Rest | None = None) -> None:
        """Read to the end, by way of ``rest`` if there is one."""
        while self._fill():
            if rest is not None:
                rest(self.offset, self._piece[self._start :])
            self.offset += len(self._piece) - self._start
            self._start = len(self._piece)

    def _fill(self) -> bool:
        while self._start >= len(self._piece):
            piece = next(self._pieces, None)
            if piece is None:
                return False
            self._piece, self._start = piece, 0
        return True


def walk(
    pieces: Iterable[bytes], *, tap: Tap | None = None, rest: Rest | None = None, raw: Raw | None = None
) -> Iterator[TarHeader]:
    """Walk the headers of a tar.

    Parameters
    ----------
    pieces : iterable of bytes
        The uncompressed archive; read to its very end.
    tap : callable, optional
        Given the content of each member after its header was yielded; contents are passed over without it.
    rest : callable, optional
        Given what follows the end marker, where only zeros belong.
    raw : callable, optional
        Given everything else, so that the three together are given every byte, in order: a header before it is yielded,
        padding when the next member is asked for.

    Yields
    ------
    TarHeader
        In order; GNU and PAX extensions are folded into the member they precede. A global PAX header is a member.

    Raises
    ------
    LayerError
        ``unexpected EOF`` or ``archive/tar: invalid tar header``, with the offset.

    Notes
    -----
    Origin: POSIX pax interchange format; Go ``archive/tar`` for what is accepted.
    """
    stream = _Stream(pieces, raw)
    long_name: bytes | None = None
    long_link: bytes | None = None
    pax: dict[bytes, bytes] = {}
    while True:
        offset = stream.offset
        block = _header_block(stream)
        if block is None:
            stream.drain(rest)
            return
        kind = block[156:157]
        size = number(block[124:136], offset)
        if kind in (b"L", b"K", b"x"):
            content = _extension(stream, size, offset)
            if kind == b"L":
                long_name = content.partition(b"\x00")[0]
            elif kind == b"K":
                long_link = content.partition(b"\x00")[0]
            else:
                pax = _pax_records(content, offset)
            continue
        name = pax.get(b"GNU.sparse.name") or pax.get(b"path") or long_name or _name(block)
        stored = _decimal(pax[b"size"], offset) if b"size" in pax else size
        logical = _logical_size(block, kind, pax, stored, stream, offset)
        link = pax.get(b"linkpath") or long_link or block[157:257].partition(b"\x00")[0]
        there = 0 if kind in _HEADER_ONLY else stored
        yield TarHeader(name, kind, logical, offset, block, pax, link, there, stream.offset)
        if there:
            stream.skip(there, tap)
            stream.read(-there % BLOCK)  # Go takes an archive that ends before the padding of its last member does
        long_name, long_link, pax = None, None, {}


def _header_block(stream: _Stream) -> bytes | None:
    offset = stream.offset
    block = stream.read(BLOCK)
    if not block:
        return None
    if len(block) < BLOCK:
        raise LayerError(
            "unexpected EOF", where=f"offset {offset}", expected="a header of 512 bytes", actual=f"{len(block)} bytes"
        )
    if block == _EMPTY:
        second = stream.read(BLOCK)
        if second in (b"", _EMPTY):
            return None
        raise _invalid(offset + BLOCK, "a second block of zeros", "something else")
    field = block[148:156]
    claimed = number(field, offset)
    unsigned = _sum(block[:256]) + _sum(block[256:]) - sum(field) + _BLANKS
    if claimed != unsigned:
        high = sum(byte > 127 for byte in block) - sum(byte > 127 for byte in field)
        if claimed == unsigned - 256 * high:  # old tars summed signed bytes
            return block
        raise _invalid(offset, f"checksum {unsigned}", f"checksum {claimed}")
    return block


def _sum(half: bytes) -> int:
    """Add up at most 256 bytes: half of Adler-32 is their sum, not yet reduced, and much quicker than ``sum``."""
    return adler32(half, 0) & 0xFFFF


def _extension(stream: _Stream, size: int, offset: int) -> bytes:
    if size > _LONGEST_EXTENSION:
        raise LayerError(
            "archive/tar: header field too long", where=f"offset {offset}", expected="at most 1 MiB", actual=f"{size} bytes"
        )
    content = stream.read(size)
    if len(content) < size:
        raise LayerError(
            "unexpected EOF", where=f"offset {stream.offset}", expected=f"{size} bytes", actual=f"{len(content)} bytes"
        )
    stream.skip(-size % BLOCK, stream.raw)
    return content


def _pax_records(content: bytes, offset: int) -> dict[bytes, bytes]:
    records: dict[bytes, bytes] = {}
    position = 0
    while position < len(content):
        digits, blank, _ = content[position : position + 20].partition(b" ")
        length = int(digits) if blank and digits.isdigit() else 0
        record = content[position : position + length]
        name, equals, value = record[len(digits) + 1 : -1].partition(b"=")
        if not length or len(record) < length or not record.endswith(b"\n") or not equals or not name:
            raise _invalid(offset, "PAX records of the form LENGTH NAME=VALUE", repr(content[position : position + 40]))
        records[name] = value
        position += length
    return records


def _logical_size(block: bytes, kind: bytes, pax: dict[bytes, bytes], stored: int, stream: _Stream, offset: int) -> int:
    """Return the size a reader sees: a sparse file's holes count."""
    if kind == b"S":
        more = block[482]
        while more:
            extended = stream.read(BLOCK)
            if len(extended) < BLOCK:
                raise LayerError("unexpected EOF", where=f"offset {stream.offset}", expected="a sparse header")
            more = extended[504]
        return number(block[483:495], offset)
    if kind == b"g":
        return 0
    for name in (b"GNU.sparse.realsize", b"GNU.sparse.size"):
        if name in pax:
            return _decimal(pax[name], offset)
    return stored


def _name(block: bytes) -> bytes:
    name = block[:100].partition(b"\x00")[0]
    prefix = block[345:500].partition(b"\x00")[0] if block[257:263] == b"ustar\x00" else b""
    return prefix + b"/" + name if prefix else name


def number(field: bytes, offset: int) -> int:
    """Read a number of a header: octal digits, or base 256.

    Raises
    ------
    LayerError
        Something else, or below zero.
    """
    if field[0] & 0x80:
        value = int.from_bytes(bytes((field[0] & 0x7F,)) + field[1:], "big")
        if field[0] & 0x40 or value >= 2**63:
            raise _invalid(offset, "a number from 0", field.hex())
        return value
    plain = _OCTAL(field)
    if plain is not None:
        return int(plain[1], 8)
    digits = field.strip(b" \x00").partition(b"\x00")[0]
    if digits.strip(b"01234567"):
        raise _invalid(offset, "octal digits", repr(field))
    return int(digits, 8) if digits else 0


def _decimal(text: bytes, offset: int) -> int:
    if not text.isdigit() or len(text) > 18:
        raise _invalid(offset, "a decimal number from 0", repr(text))
    return int(text)


def _invalid(offset: int, expected: str, actual: str) -> LayerError:
    return LayerError("archive/tar: invalid tar header", where=f"offset {offset}", expected=expected, actual=actual)
