"""A tar from its metadata and the contents of its files.

The rule of this file: every content is compared with the size and the CRC-64 the metadata has of it, and a difference names
the file. A long segment is decoded piece by piece. Nothing vouches for the metadata itself: the digest of the tar does.
"""

from __future__ import annotations

import json
import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from fastcrc.crc64 import go_iso

from toolkit.errors import LayerError
from toolkit.go_json.scan import go_quote
from toolkit.layers.tar_split import SEGMENT

Contents = Callable[[bytes], Iterable[bytes] | None]
"""Gives the content of a file by its name in the tar; None when there is none."""

LONGEST_LINE: Final = 8 * 1024 * 1024
"""Bytes a line may have that is no segment: a name of 1 MiB, escaped."""
_SEGMENTS: Final = (SEGMENT, b'{"type":2,"name":"","size":0,"payload":"')
"""How segments begin: as Docker 1.9 and later write them, and as before, with every field."""
_END_OF_SEGMENT: Final = re.compile(rb'","position":([0-9]{1,18})\}\r?')


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One member: its name as in the tar, its size in bytes, and the CRC-64 of its content; 0 of an empty one."""

    name: bytes
    size: int
    crc: int

    @property
    def shown(self) -> str:
        """The name for a reader."""
        return self.name.decode("utf-8", "backslashreplace")


def entries(tar_data: Iterable[bytes]) -> Iterator[bytes | FileEntry]:
    r"""Read the metadata of a tar.

    Parameters
    ----------
    tar_data : iterable of bytes
        Lines of JSON, decompressed, in pieces of any length.

    Yields
    ------
    bytes or FileEntry
        What stands between contents, in pieces of any length; and the members, in order.

    Raises
    ------
    LayerError
        It is something else, with the number of the line.

    Notes
    -----
    Origin: tar-split ``storage.NewJSONUnpacker``; that the positions count is asked here only.

    >>> list(entries([b'{"type":1,"name":"a","payload":null,"position":0}\n']))
    [FileEntry(name=b'a', size=0, crc=0)]
    """
    lines = _Lines(tar_data)
    number = 0
    while not lines.at_end():
        begun = next((one for one in _SEGMENTS if lines.starts(one)), None)
        if begun is not None:
            yield from lines.segment(begun, number)
        else:
            yield _entry(lines.line(number), number)
        number += 1


def rebuild(tar_data: Iterable[bytes], contents: Contents) -> Iterator[bytes]:
    """Put a tar together.

    Parameters
    ----------
    tar_data : iterable of bytes
        As ``split`` writes it, decompressed.
    contents : callable
        Gives the content of each file that is not empty, in order.

    Yields
    ------
    bytes
        The tar. What came before an error is not to be believed.

    Raises
    ------
    LayerError
        The metadata cannot be read; a content is missing; or it has another size or CRC-64 than it had
        (``file integrity checksum failed``).

    Notes
    -----
    Origin: tar-split ``asm.NewOutputTarStream``.

    Examples
    --------
    >>> from toolkit.layers.tar_split import split
    >>> lines = []
    >>> split([bytes(1024)], lines.append)
    >>> b"".join(rebuild(lines, lambda name: None)) == bytes(1024)
    True
    """
    for entry in entries(tar_data):
        if isinstance(entry, bytes):
            yield entry
        elif entry.size:
            yield from _checked(entry, contents(entry.name))


def _checked(entry: FileEntry, pieces: Iterable[bytes] | None) -> Iterator[bytes]:
    if pieces is None:
        raise LayerError(
            f"the file {entry.shown!r} of the layer is not there",
            where=entry.shown,
            expected=f"{entry.size} bytes",
            actual="no such file",
            next_step="without it the layer cannot be put together; look whether it was removed or never unpacked",
        )
    size, crc = 0, go_iso(b"")
    for piece in pieces:
        size += len(piece)
        if size > entry.size:
            break
        crc = go_iso(piece, crc)
        yield piece
    if (size, crc) != (entry.size, entry.crc):
        raise LayerError(
            f"file integrity checksum failed for {go_quote(entry.shown)}",
            where=entry.shown,
            expected=f"{entry.size} bytes of CRC-64 {entry.crc:016x}",
            actual=f"more than {entry.size} bytes" if size > entry.size else f"{size} bytes of CRC-64 {crc:016x}",
            next_step="the file is not the one that was unpacked from the layer",
        )


class _Lines:
    """The lines of the metadata, without a long one ever being held whole."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._buffer = b""

    def at_end(self) -> bool:
        """Whether nothing but white space is left."""
        self._buffer = self._buffer.lstrip()
        while not self._buffer and self._more():
            self._buffer = self._buffer.lstrip()
        return not self._buffer

    def starts(self, prefix: bytes) -> bool:
        """Whether the next line begins so."""
        while len(self._buffer) < len(prefix) and self._more():
            pass
        return self._buffer.startswith(prefix)

    def segment(self, begun: bytes, number: int) -> Iterator[bytes]:
        """Decode the segment that is next, and begins so."""
        self._buffer = self._buffer[len(begun) :]
        while (end := self._buffer.find(b'"')) < 0:
            whole = len(self._buffer) - len(self._buffer) % 4
            if whole:
                yield _decoded(self._buffer[:whole], number)
                self._buffer = self._buffer[whole:]
            if not self._more():
                raise _cut(number)
        if end:
            yield _decoded(self._buffer[:end], number)
        self._buffer = self._buffer[end:]
        tail = self.line(number)
        found = _END_OF_SEGMENT.fullmatch(tail)
        if found is None:
            raise _malformed(number, "a segment and its position", tail[:40].decode("utf-8", "backslashreplace"))
        _in_order(int(found[1]), number)

    def line(self, number: int) -> bytes:
        """Take the rest of the line."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > LONGEST_LINE:
                raise _malformed(number, f"a line of at most {LONGEST_LINE} bytes", "a longer one")
            if not self._more():
                end = searched
                break
        line, self._buffer = self._buffer[:end], self._buffer[end + 1 :]
        return line

    def _more(self) -> bool:
        piece = next(self._pieces, None)
        if piece is None:
            return False
        self._buffer += piece
        return True


def _entry(line: bytes, number: int) -> bytes | FileEntry:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _malformed(number, "a line of JSON", str(error)) from error
    if not isinstance(value, dict):
        raise _malformed(number, "an object", type(value).__name__)
    _in_order(value.get("position"), number)
    kind, payload = value.get("type"), _binary(value, "payload", number)
    if kind == 2:
        return payload
    size = value.get("size", 0)
    if kind != 1 or type(size) is not int or size < 0 or len(payload) != (8 if size else 0):
        shown = {name: found for name, found in value.items() if name != "payload"}
        raise _malformed(number, "a segment, or a file with its size and its CRC-64", repr(shown)[:80])
    return FileEntry(_file_name(value, number), size, int.from_bytes(payload, "big"))


def _file_name(value: dict[str, Any], number: int) -> bytes:
    name = value.get("name", "")
    try:
        return _binary(value, "name_raw", number) or name.encode("utf-8")
    except (AttributeError, UnicodeEncodeError) as error:
        raise _malformed(number, "a name", repr(name)[:80]) from error


def _binary(value: dict[str, Any], field: str, number: int) -> bytes:
    text = value.get(field)
    if text is None:
        return b""
    if not isinstance(text, str):
        raise _malformed(number, f"{field} in base64", type(text).__name__)
    return _decoded(text.encode("utf-8", "backslashreplace"), number)


def _decoded(text: bytes, number: int) -> bytes:
    try:
        return a2b_base64(text, strict_mode=True)
    except Base64Error as error:
        raise _malformed(number, "base64", str(error)) from error


def _in_order(position: object, number: int) -> None:
    if position != number:
        raise _malformed(number, f"position {number}", f"position {position}")


def _cut(number: int) -> LayerError:
    return LayerError("unexpected EOF", where=f"tar-split entry {number}", expected="the end of the segment", actual="the end")


def _malformed(number: int, expected: str, actual: str) -> LayerError:
    return LayerError(
        "the metadata of the tar cannot be read", where=f"tar-split entry {number}", expected=expected, actual=actual
    )
