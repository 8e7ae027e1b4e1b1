"""The bytes around the files of a zip: the one way in which we write them.

The rule of this file: pure; a name, a size and a checksum leave no choice. No time, no compression, no comment, and the wide
fields exactly where a number needs them: so a reader can make the frame again and compare it byte for byte.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

LOCAL: Final = struct.Struct("<4s5H3L2H")
"""The header in front of a file, up to its name."""
LOCAL_MARK: Final = b"PK\x03\x04"
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_END: Final = struct.Struct("<4s4H2LH")
_WIDE_END: Final = struct.Struct("<4sQ2H2L4Q")
_WIDE_PLACE: Final = struct.Struct("<4sLQL")
_WIDE: Final = 0xFFFFFFFF
_MANY: Final = 0xFFFF
_PLAIN_VERSION: Final = 20
_WIDE_VERSION: Final = 45
_MADE_BY: Final = 3 << 8 | 30
"""Unix, so that the permissions count."""
_FIRST_DAY: Final = 1 << 5 | 1
"""1980-01-01, the first day a zip knows."""
_PERMISSIONS: Final = 0o100644 << 16


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the zip: its name in ASCII, its size in bytes, its CRC-32."""

    name: str
    size: int
    crc: int


def local_header(entry: Entry) -> bytes:
    """Write what stands in front of a file.

    >>> local_header(Entry("a", 0, 0)).hex()
    '504b0304140000000000000021000000000000000000000000000100000061'
    """
    name, wide = entry.name.encode("ascii"), entry.size >= _WIDE
    extra = struct.pack("<2H2Q", 1, 16, entry.size, entry.size) if wide else b""
    size, version = (_WIDE, _WIDE_VERSION) if wide else (entry.size, _PLAIN_VERSION)
    head = LOCAL.pack(LOCAL_MARK, version, 0, 0, 0, _FIRST_DAY, entry.crc, size, size, len(name), len(extra))
    return head + name + extra


def closing(entries: Sequence[Entry]) -> bytes:
    """Write what stands behind the last file: the directory, and where it is.

    Parameters
    ----------
    entries : sequence of Entry
        Every file, in the order in which they stand in the zip.
    """
    parts, offset = [], 0
    for entry in entries:
        parts.append(_directory_line(entry, offset))
        offset += len(local_header(entry)) + entry.size
    directory = b"".join(parts)
    return directory + _end(len(entries), len(directory), offset)


def _directory_line(entry: Entry, offset: int) -> bytes:
    name = entry.name.encode("ascii")
    big, far = entry.size >= _WIDE, offset >= _WIDE
    numbers = ([entry.size, entry.size] if big else []) + ([offset] if far else [])
    extra = struct.pack(f"<2H{len(numbers)}Q", 1, 8 * len(numbers), *numbers) if numbers else b""
    size = _WIDE if big else entry.size
    head = _CENTRAL.pack(
        b"PK\x01\x02", _MADE_BY, _WIDE_VERSION if numbers else _PLAIN_VERSION, 0, 0, 0, _FIRST_DAY, entry.crc, size, size,
        len(name), len(extra), 0, 0, 0, _PERMISSIONS, _WIDE if far else offset,
    )  # fmt: skip
    return head + name + extra


def _end(count: int, size: int, offset: int) -> bytes:
    plain = _END.pack(b"PK\x05\x06", 0, 0, min(count, _MANY), min(count, _MANY), min(size, _WIDE), min(offset, _WIDE), 0)
    if count < _MANY and size < _WIDE and offset < _WIDE:
        return plain
    wide = _WIDE_END.pack(b"PK\x06\x06", 44, _MADE_BY, _WIDE_VERSION, 0, 0, count, count, size, offset)
    return wide + _WIDE_PLACE.pack(b"PK\x06\x07", 0, offset + size, 1) + plain
