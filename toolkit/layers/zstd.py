"""One zstd frame at a time, one block at a time.

The rule of this file: the library decompresses; what is a frame, where it ends and how much a step may give is read
from the headers here, so that a block of a few bytes never becomes more than 128 KiB at once and a cut frame is never
taken for a whole one.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from toolkit.errors import LayerError

WINDOW: Final = 128 * 1024 * 1024
"""Largest window a frame may demand of its reader, in bytes."""

MAGIC: Final = bytes.fromhex("28b52ffd")
_SKIPPABLE: Final = bytes.fromhex("2a4d18")
_DICTIONARY: Final = (0, 1, 2, 4)
_CONTENT: Final = (0, 2, 4, 8)


def is_frame(first: bytes) -> bool:
    """Whether bytes begin like a frame, with data or to be skipped.

    >>> is_frame(bytes.fromhex("502a4d18")), is_frame(b"BZh9")
    (True, False)
    """
    return first.startswith(MAGIC) or (first[1:4] == _SKIPPABLE and first[0] >> 4 == 5)


class Frame:
    """One frame; a decompressor as ``streams`` wants it.

    Notes
    -----
    Origin: RFC 8878, sections 3.1.1 and 3.1.2.
    """

    def __init__(self) -> None:
        import zstandard  # loaded only when a zstd layer is met

        self._error: type[Exception] = zstandard.ZstdError
        self._inner: Any = zstandard.ZstdDecompressor(max_window_size=WINDOW).decompressobj()
        self._buffer = bytearray()
        self._skip = 0
        self._state: Literal["header", "skip", "block", "checksum", "end"] = "header"
        self._checksum = False

    def pull(self, data: bytes) -> bytes:
        """Take more input; give at most one block."""
        self._buffer += data
        if self._state == "skip":
            self._pass_over()
            return b""
        size = self._unit()
        if size is None or len(self._buffer) < size:
            return b""
        unit = bytes(self._buffer[:size])
        del self._buffer[:size]
        return self._step(unit)

    @property
    def finished(self) -> bool:
        """Whether the frame ended."""
        return self._state == "end"

    @property
    def left_over(self) -> bytes:
        """What follows the frame."""
        return bytes(self._buffer)

    @property
    def hungry(self) -> bool:
        """Whether nothing can be given without more input."""
        if self._state == "skip":
            return not self._buffer
        size = self._unit()
        return size is None or len(self._buffer) < size

    def _pass_over(self) -> None:
        step = min(self._skip, len(self._buffer))
        del self._buffer[:step]
        self._skip -= step
        if not self._skip:
            self._state = "end"

    def _unit(self) -> int | None:
        """How many bytes the next step takes; None when not even that can be told."""
        if self._state == "block":
            return self._block_size()
        if self._state == "checksum":
            return 4
        if len(self._buffer) < 8:
            return None
        if not self._buffer.startswith(MAGIC):
            return 8
        descriptor = self._buffer[4]
        single = bool(descriptor & 0x20)
        content = _CONTENT[descriptor >> 6] or int(single)
        return 5 + int(not single) + _DICTIONARY[descriptor & 3] + content

    def _block_size(self) -> int | None:
        if len(self._buffer) < 3:
            return None
        header = int.from_bytes(self._buffer[:3], "little")
        return 3 + (1 if header >> 1 & 3 == 1 else header >> 3)

    def _step(self, unit: bytes) -> bytes:
        if self._state == "header" and not unit.startswith(MAGIC):
            self._skip = int.from_bytes(unit[4:8], "little")
            self._state = "skip" if self._skip else "end"
            return b""
        if self._state == "header":
            self._checksum = bool(unit[4] & 0x04)
            self._state = "block"
        elif self._state == "block":
            last = bool(unit[0] & 1)
            self._state = ("checksum" if self._checksum else "end") if last else "block"
        else:
            self._state = "end"
        try:
            piece: bytes = self._inner.decompress(unit)
        except self._error as error:
            raise LayerError(f"zstd: {error}", expected="a valid zstd stream") from error
        return piece
