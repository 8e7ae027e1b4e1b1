"""Tars made by hand, header by header, and what stands in them.

The rule of this file: nothing but bytes; what a library would not write can be written here.
"""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.errors import LayerError
from toolkit.layers.tar_walk import BLOCK, walk

END = bytes(2 * BLOCK)


def header(name: bytes = b"a", size: int = 0, kind: bytes = b"0", **fields: bytes) -> bytes:
    """Make one header; ``fields`` are named by where they start, as in ``at257``."""
    block = bytearray(BLOCK)
    given = ((0, name), (124, b"%011o\x00" % size), (156, kind))
    for start, value in (*given, *((int(key[2:]), value) for key, value in fields.items())):
        block[start : start + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\x00 " % sum(block)
    return bytes(block)


def padded(data: bytes) -> bytes:
    """Fill the last block."""
    return data + bytes(-len(data) % BLOCK)


def file(name: bytes, content: bytes = b"", kind: bytes = b"0", **fields: bytes) -> bytes:
    """A member with its content."""
    return header(name, len(content), kind, **fields) + padded(content)


def record(name: bytes, value: bytes) -> bytes:
    """One record of a PAX header."""
    length = len(name) + len(value) + 3
    length += len(str(length + len(str(length))))
    return b"%d %s=%s\n" % (length, name, value)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """Bytes in pieces of a size."""
    return (data[start : start + size] for start in range(0, len(data), size))


def contents(tar: bytes) -> dict[bytes, bytes]:
    """The stored content of every member, as far as the tar can be walked."""
    found: dict[bytes, bytes] = {}
    names: list[bytes] = []

    def take(piece: bytes) -> None:
        found[names[-1]] += piece

    try:
        for one in walk([tar], tap=take):
            names.append(one.name)
            found[one.name] = b""
    except LayerError:
        return found
    return found
