"""A blob's bytes to the bytes of its tar.

The rule of this file: every member of a gzip, bzip2 or xz file is read, its end is demanded, and what follows the end
is an error. Compression is told by the first bytes, as Docker 1.9 told it; no program is started for it.
"""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Literal, Protocol

from isal import igzip_lib

from toolkit.errors import LayerError
from toolkit.layers import zstd

Compression = Literal["none", "gzip", "bzip2", "xz", "zstd"]

PIECE: Final = 256 * 1024
"""Largest piece of output in bytes."""
DEFAULT_BUDGET: Final = 16 * 1024**3
"""How many bytes a layer may expand to before it is refused."""
OVER_BUDGET: Final = "layer-budget"
"""The code of the error that says so."""

_MAGIC: Final[tuple[tuple[bytes, Compression], ...]] = (
    (b"BZh", "bzip2"),
    (b"\x1f\x8b\x08", "gzip"),
    (b"\xfd7zXZ\x00", "xz"),
)
_GzipError: Final[type[Exception]] = igzip_lib.error  # type: ignore[assignment]  # its stub says an instance
_SNIFFED: Final = 10
_FED: Final = 64 * 1024
"""Bytes a decompressor is given at a time: it keeps, and moves, what it has not used yet."""
_XZ_MEMORY: Final = 128 * 1024 * 1024


class _Decompressor(Protocol):
    """One member's decompressor; ``pull`` returns at most PIECE bytes and takes more input only when it needs it."""

    def pull(self, data: bytes) -> bytes: ...
    @property
    def finished(self) -> bool: ...
    @property
    def left_over(self) -> bytes: ...
    @property
    def hungry(self) -> bool: ...


class _Standard:
    """igzip, bz2 and lzma share one interface."""

    def __init__(self, inner: igzip_lib.IgzipDecompressor | bz2.BZ2Decompressor | lzma.LZMADecompressor) -> None:
        self._inner = inner

    def pull(self, data: bytes) -> bytes:
        return self._inner.decompress(data, PIECE)

    @property
    def finished(self) -> bool:
        return self._inner.eof

    @property
    def left_over(self) -> bytes:
        return self._inner.unused_data

    @property
    def hungry(self) -> bool:
        return self._inner.needs_input


_DECOMPRESSORS: Final[dict[Compression, Callable[[], _Decompressor]]] = {
    "gzip": lambda: _Standard(igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)),
    "bzip2": lambda: _Standard(bz2.BZ2Decompressor()),
    "zstd": zstd.Frame,
    "xz": lambda: _Standard(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)),
}


def sniff(first: bytes, *, as_seed: bool = False) -> Compression:
    """Tell the compression by the first bytes (``archive.DetectCompression``); Docker 1.9 did not know zstd.

    >>> sniff(b"BZh91AY&SY")
    'bzip2'
    """
    if not as_seed and zstd.is_frame(first):
        return "zstd"
    return next((name for magic, name in _MAGIC if first.startswith(magic)), "none")


def decompress(
    chunks: Iterable[bytes], *, budget: int = DEFAULT_BUDGET, as_seed: bool = False
) -> tuple[Compression, Iterator[bytes]]:
    """Decompress a blob.

    Parameters
    ----------
    chunks : iterable of bytes
        The blob, in order.
    budget : int
        Bytes of output beyond which the layer is refused.
    as_seed : bool
        Know only the compressions Docker 1.9 knew.

    Returns
    -------
    compression : str
        none, gzip, bzip2, xz or zstd.
    pieces : iterator of bytes
        The tar, in pieces of at most 256 KiB; raises ``LayerError`` where the stream breaks.

    Raises
    ------
    LayerError
        ``EOF``: fewer than 10 bytes.
    """
    source = filter(None, chunks)  # an empty chunk is not the end
    first = b""
    for chunk in source:
        first += chunk
        if len(first) >= _SNIFFED:
            break
    if len(first) < _SNIFFED:
        raise LayerError("EOF", expected="at least 10 bytes", actual=f"{len(first)} bytes")
    compression = sniff(first, as_seed=as_seed)
    pieces = _plain(first, source) if compression == "none" else _members(compression, first, source)
    return compression, _within(pieces, budget)


def _plain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _members(compression: Compression, first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    make = _DECOMPRESSORS[compression]
    pending = first
    while True:
        member = make()
        while not member.finished:
            if not pending and member.hungry:
                pending = next(rest, b"")
                if not pending:
                    raise LayerError(
                        "unexpected EOF", expected=f"the end of the {compression} stream", actual="the end of the blob"
                    )
            fed = _FED if member.hungry else 0
            data, pending = pending[:fed], pending[fed:]
            try:
                piece = member.pull(data)
            except (_GzipError, OSError, lzma.LZMAError, EOFError, ValueError) as error:
                raise LayerError(f"{compression}: {error}", expected=f"a valid {compression} stream") from error
            if piece:
                yield piece
        pending = member.left_over + pending or next(rest, b"")
        if not pending:
            return
        while len(pending) < _SNIFFED:
            more = next(rest, b"")
            if not more:
                break
            pending += more
        if sniff(pending) != compression:
            raise LayerError(
                f"{compression}: invalid header",
                expected="the end of the blob, or another member",
                actual=f"bytes that begin with {pending[:8].hex()}",
            )


def _within(pieces: Iterator[bytes], budget: int) -> Iterator[bytes]:
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > budget:
            raise LayerError(
                "the layer expands beyond its budget",
                expected=f"at most {budget} bytes",
                actual=f"over {total}",
                code=OVER_BUDGET,
            )
        yield piece
