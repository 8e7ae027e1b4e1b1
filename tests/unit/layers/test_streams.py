"""Decompression: every member to its end, nothing after it, and a budget."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from typing import Final

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.errors import LayerError
from toolkit.layers.streams import PIECE, Compression, decompress, sniff

COMPRESS: Final[dict[Compression, Callable[[bytes], bytes]]] = {
    "none": bytes,
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
}
COMPRESSED: Final = [name for name in COMPRESS if name != "none"]
DATA: Final = b"".join(b"%d," % number for number in range(5000))


def split(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def expand(*chunks: bytes, budget: int = 10**9) -> bytes:
    return b"".join(decompress(chunks, budget=budget)[1])


def refusal(*chunks: bytes, budget: int = 10**9) -> LayerError:
    with pytest.raises(LayerError) as caught:
        expand(*chunks, budget=budget)
    return caught.value


@pytest.mark.parametrize(
    ("first", "compression"),
    [
        (b"BZh91AY&SY", "bzip2"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", "gzip"),
        (b"\xfd7zXZ\x00\x00\x04\xe6\xd6", "xz"),
        (b"\x1f\x8b\x07\x00\x00\x00\x00\x00\x00\xff", "none"),
        (b"\xfd7zXZ\x01\x00\x04\xe6\xd6", "none"),
        (b"\x28\xb5\x2f\xfd\x00\x00\x00\x00\x00\x00", "zstd"),
        (b"", "none"),
    ],
)
def test_compression_is_told_by_the_first_bytes(first: bytes, compression: Compression) -> None:
    assert sniff(first) == compression
    assert sniff(first, as_seed=True) == ("none" if compression == "zstd" else compression)


@pytest.mark.parametrize("size", [1, 7, 10**6])
@pytest.mark.parametrize("compression", COMPRESS)
def test_a_blob_is_expanded_however_it_is_cut(compression: Compression, size: int) -> None:
    found, pieces = decompress(split(COMPRESS[compression](DATA), size))
    assert found == compression
    assert b"".join(pieces) == DATA


@pytest.mark.parametrize("size", [1, 10**6])
@pytest.mark.parametrize("compression", COMPRESSED)
def test_every_member_is_read(compression: Compression, size: int) -> None:
    compress = COMPRESS[compression]
    assert expand(*split(compress(b"one,") + compress(b"") + compress(b"two"), size)) == b"one,two"


@pytest.mark.parametrize("compression", COMPRESSED)
def test_a_member_may_begin_with_a_chunk(compression: Compression) -> None:
    compress = COMPRESS[compression]
    assert expand(compress(b"one,"), compress(b"two")) == b"one,two"


@pytest.mark.parametrize("compression", COMPRESSED)
def test_pieces_are_small_however_much_a_blob_expands(compression: Compression) -> None:
    bomb = COMPRESS[compression](bytes(5 * PIECE + 1))
    for chunks in ([bomb], split(bomb, 16)):
        pieces = list(decompress(chunks)[1])
        assert sum(map(len, pieces)) == 5 * PIECE + 1
        assert max(map(len, pieces)) <= PIECE


@pytest.mark.parametrize("chunks", [[], [b""], [b"123456789"], [b"BZh", b"91AY&"]])
def test_a_blob_of_fewer_than_ten_bytes_ends_too_early(chunks: list[bytes]) -> None:
    error = refusal(*chunks)
    assert (error.message, error.expected) == ("EOF", "at least 10 bytes")
    assert error.actual == f"{sum(map(len, chunks))} bytes"


@pytest.mark.parametrize("size", [1, 10**6])
@pytest.mark.parametrize("compression", COMPRESSED)
def test_a_cut_stream_is_an_error_at_every_byte(compression: Compression, size: int) -> None:
    blob = COMPRESS[compression](b"some bytes")
    for end in range(10, len(blob)):
        error = refusal(*split(blob[:end], size))
        assert error.message == "unexpected EOF"
        assert (error.expected, error.actual) == (f"the end of the {compression} stream", "the end of the blob")


@pytest.mark.parametrize("compression", COMPRESSED)
def test_a_cut_second_member_is_an_error(compression: Compression) -> None:
    compress = COMPRESS[compression]
    assert refusal(compress(b"one"), compress(b"two")[:-1]).message == "unexpected EOF"


@pytest.mark.parametrize("compression", COMPRESSED)
def test_a_damaged_stream_is_an_error(compression: Compression) -> None:
    blob = COMPRESS[compression](DATA)
    middle = len(blob) // 2
    error = refusal(blob[:middle] + bytes(16) + blob[middle + 16 :])
    assert error.message.startswith(f"{compression}: ")
    assert error.expected == f"a valid {compression} stream"
    assert error.__cause__ is not None


@pytest.mark.parametrize("rest", [b"x", b"\x00" * 4, b"not another member", b"\x1f\x8b\x07", b"BZ"])
@pytest.mark.parametrize("compression", COMPRESSED)
def test_what_follows_the_end_is_an_error(compression: Compression, rest: bytes) -> None:
    for chunks in ([COMPRESS[compression](b"a") + rest], [COMPRESS[compression](b"a"), *split(rest, 1)]):
        error = refusal(*chunks)
        assert error.message == f"{compression}: invalid header"
        assert error.actual == f"bytes that begin with {rest[:8].hex()}"


def test_members_of_two_kinds_do_not_follow_each_other() -> None:
    assert refusal(bz2.compress(b"one") + gzip.compress(b"two")).message == "bzip2: invalid header"


@pytest.mark.parametrize("compression", COMPRESS)
def test_a_budget_is_kept_to_the_byte(compression: Compression) -> None:
    blob = COMPRESS[compression](DATA)
    assert expand(blob, budget=len(DATA)) == DATA
    error = refusal(blob, budget=len(DATA) - 1)
    assert error.message == "the layer expands beyond its budget"
    assert error.expected == f"at most {len(DATA) - 1} bytes"


def test_an_xz_that_wants_too_much_memory_is_refused() -> None:
    blob = lzma.compress(b"a")
    block = bytearray(blob[12:24])  # the block's header: size, flags, LZMA2, its dictionary, padding, check
    block[4] = 32  # a dictionary of 256 MiB
    block[8:12] = zlib.crc32(block[:8]).to_bytes(4, "little")
    assert expand(blob) == b"a"
    assert refusal(blob[:12] + bytes(block) + blob[24:]).message == "xz: Memory usage limit exceeded"


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=6), st.sampled_from(list(COMPRESS)))
@settings(deadline=None)
def test_what_was_compressed_comes_back(parts: list[bytes], compression: Compression) -> None:
    data = b"ten bytes." + b"".join(parts)
    assert expand(*[part for part in split(COMPRESS[compression](data), 9) if part]) == data
