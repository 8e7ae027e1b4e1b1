"""Everything of a tar but the contents of its files, written down so that the tar can be put together again.

The rule of this file: what goes in comes out, to the last byte, and memory does not grow with the archive: a segment is
written while it is read. The format and its order are those of ``tar-data.json.gz`` of Docker 1.9.
"""

from __future__ import annotations

import hashlib
import zlib
from binascii import b2a_base64
from collections.abc import Callable, Iterable
from typing import Final

from fastcrc.crc64 import go_iso

from toolkit.errors import LayerError
from toolkit.go_json import encode
from toolkit.layers.go_path import clean
from toolkit.layers.tar_walk import TarHeader, walk

Sink = Callable[[bytes], object]
"""Takes bytes in order."""

SEGMENT: Final = b'{"type":2,"payload":"'
"""How a segment begins; its bytes follow in base64."""
_LEVEL: Final = 6
_GZIP: Final = 16 + zlib.MAX_WBITS
_GATHERED: Final = 64 * 1024
_GLOBAL: Final = b"g"


def split(pieces: Iterable[bytes], sink: Sink) -> None:
    r"""Write the metadata of a tar: one line of JSON for each segment and for each member.

    Parameters
    ----------
    pieces : iterable of bytes
        The uncompressed archive.
    sink : callable
        Given the lines as they come, in pieces of any length; after an error they are worth nothing.

    Raises
    ------
    LayerError
        The tar cannot be walked to its end, or has a path twice: ``duplicates of file paths not supported``.

    Notes
    -----
    Origin: tar-split ``asm.NewInputTarStream`` and ``storage.NewJSONPacker``, as ``graph.storeImage`` of Docker 1.9 used them.
    Two things differ, where the original lost what it read and could not put the tar together again: an archive without an
    end marker keeps its last padding, and what is stored of a sparse file goes into segments behind a member of no size.

    Examples
    --------
    >>> lines = []
    >>> split([bytes(1024), b"behind"], lines.append)
    >>> b"".join(lines).splitlines()[-1]
    b'{"type":2,"payload":"YmVoaW5k","position":1}'
    """
    writer = _Writer(sink)
    for header in walk(pieces, tap=writer.content, rest=writer.rest, raw=writer.raw):
        writer.member(header)
    writer.end()


class Gzipped:
    """A sink that compresses: the same bytes give the same gzip, which has no time and no name.

    Parameters
    ----------
    sink : callable
        Given the compressed bytes.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        self._gathered = bytearray()

    def __call__(self, data: bytes) -> None:
        """Take the next bytes."""
        self._gathered += data
        if len(self._gathered) >= _GATHERED:
            self._compress()

    def finish(self) -> None:
        """Write what is left, and the end."""
        self._compress()
        self._sink(self._compressor.flush())

    def _compress(self) -> None:
        self._sink(self._compressor.compress(self._gathered))
        self._gathered.clear()


class _Writer:
    """The lines, in order: a member's own comes when its content has passed, before whatever follows that."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._position = 0
        self._segment_is_open = False
        self._carry = b""
        self._member: TarHeader | None = None
        self._crc: int | None = None
        self._is_sparse = False
        self._behind_end = False
        self._seen: set[bytes] = set()

    def raw(self, data: bytes) -> None:
        """Take headers and padding."""
        if data:
            self._close_member()
            self._segment(data)

    def member(self, header: TarHeader) -> None:
        """Take a member, whose header has just ended."""
        self._close_member()
        self._close_segment()
        # A short hash of each path keeps the memory of a layer with millions of members bounded.
        key = hashlib.blake2b(clean(header.name), digest_size=12).digest()
        if key in self._seen:
            raise LayerError(
                "duplicates of file paths not supported",
                where=f"offset {header.offset}",
                expected="every path once",
                actual=header.name.decode("utf-8", "backslashreplace"),
            )
        self._seen.add(key)
        self._member = header
        self._is_sparse = header.type != _GLOBAL and header.size != header.stored

    def content(self, piece: bytes) -> None:
        """Take a piece of the content of the last member."""
        if self._is_sparse:
            self._close_member()
            self._segment(piece)
        else:
            self._crc = go_iso(piece, self._crc)

    def rest(self, offset: int, piece: bytes) -> None:
        """Take what follows the end marker."""
        del offset
        if not self._behind_end:
            self._close_segment()
            self._behind_end = True
        self._segment(piece)

    def end(self) -> None:
        """Close the last segment, which is what follows the end marker, and empty where nothing does."""
        self._close_member()
        self._close_segment()
        if not self._behind_end:
            self._segment(b"")
            self._close_segment()

    def _segment(self, data: bytes) -> None:
        if not self._segment_is_open:
            self._sink(SEGMENT)
            self._segment_is_open = True
        data = self._carry + data
        whole = len(data) - len(data) % 3
        self._sink(b2a_base64(data[:whole], newline=False))
        self._carry = data[whole:]

    def _close_segment(self) -> None:
        if self._segment_is_open:
            self._sink(b2a_base64(self._carry, newline=False) + b'","position":%d}\n' % self._position)
            self._segment_is_open, self._carry = False, b""
            self._position += 1

    def _close_member(self) -> None:
        if self._member is None:
            return
        header, self._member = self._member, None
        size = 0 if self._is_sparse else header.stored
        crc, self._crc = self._crc, None
        payload = b"null" if crc is None else b'"' + b2a_base64(crc.to_bytes(8, "big"), newline=False) + b'"'
        told = b'"size":%d,' % size if size else b""
        self._sink(b'{"type":1,%b%b"payload":%b,"position":%d}\n' % (_name(header.name), told, payload, self._position))
        self._position += 1


def _name(name: bytes) -> bytes:
    """The field of a name: as it is where that is UTF-8, else in base64; none at all when it is empty."""
    if not name:
        return b""
    try:
        return b'"name":%b,' % encode.string(name.decode("utf-8"))
    except UnicodeDecodeError:
        return b'"name_raw":"%b",' % b2a_base64(name, newline=False)
