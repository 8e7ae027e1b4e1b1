"""zstd frames: however they are cut, to their end, in small pieces, and refused where they are damaged."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from typing import Final

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.errors import LayerError
from toolkit.layers.measure import measure
from toolkit.layers.streams import PIECE, decompress, sniff
from toolkit.layers.zstd import MAGIC, is_frame
from toolkit.simulator.images import layer_blob

BLOCK: Final = 128 * 1024
DATA: Final = b"".join(b"%d," % number for number in range(50_000))
TAR: Final = layer_blob({"etc/": b"", "etc/passwd": b"root", "bin/sh": b"#!" * 300}, gzip=False)

SKIP: Final = st.builds(lambda kind, payload: skippable(payload, kind), st.integers(0, 15), st.binary(max_size=30))
COMPRESSORS: Final = st.builds(
    zstandard.ZstdCompressor,
    level=st.sampled_from([-3, 1, 3, 19]),
    write_checksum=st.booleans(),
    write_content_size=st.booleans(),
)


def skippable(payload: bytes, kind: int = 0) -> bytes:
    return (0x184D2A50 + kind).to_bytes(4, "little") + len(payload).to_bytes(4, "little") + payload


def block(kind: int, size: int, content: bytes, *, last: bool = True) -> bytes:
    return (int(last) | kind << 1 | size << 3).to_bytes(3, "little") + content


def frame(*blocks: bytes, window: int = 0x38) -> bytes:
    """A frame made by hand: a window (of 128 KiB unless told) and blocks, no checksum, no size."""
    return MAGIC + bytes((0, window)) + b"".join(blocks)


def split(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def expand(*chunks: bytes) -> bytes:
    return b"".join(decompress(chunks)[1])


def refusal(*chunks: bytes) -> LayerError:
    with pytest.raises(LayerError) as caught:
        expand(*chunks)
    return caught.value


@given(
    st.lists(st.tuples(COMPRESSORS, st.binary(max_size=200)), min_size=1, max_size=4),
    st.lists(SKIP, max_size=3),
    st.integers(1, 400),
)
@settings(deadline=None)
def test_frames_come_back_however_a_blob_is_cut(
    frames: list[tuple[zstandard.ZstdCompressor, bytes]], skips: list[bytes], size: int
) -> None:
    parts = [compressor.compress(data) for compressor, data in frames]
    blob = skippable(b"ahead") + b"".join(part + skip for part, skip in zip(parts, [*skips, *[b""] * 4], strict=False))
    expected = b"".join(data for _, data in frames)
    assert expand(blob) == expand(*split(blob, size)) == expected


@pytest.mark.parametrize("size", [1, 1000, 10**7])
def test_many_blocks_come_back_however_a_blob_is_cut(size: int) -> None:
    assert len(DATA) > 2 * BLOCK
    assert expand(*split(zstandard.compress(DATA), size)) == DATA


@given(COMPRESSORS, st.binary(max_size=60), st.data())
@settings(deadline=None)
def test_a_blob_cut_anywhere_but_between_frames_is_refused(
    compressor: zstandard.ZstdCompressor, content: bytes, data: st.DataObject
) -> None:
    first = compressor.compress(content)
    frames = [skippable(b"ten bytes."), first, skippable(b"some"), first]
    blob = b"".join(frames)
    whole = {sum(map(len, frames[:count])) for count in range(1, 4)}
    end = data.draw(st.integers(10, len(blob) - 1).filter(lambda end: end not in whole))
    error = refusal(blob[:end])
    assert error.message in ("unexpected EOF", "zstd: invalid header")
    if error.message == "zstd: invalid header":  # fewer than the four bytes of a magic number stand behind a frame
        assert any(0 < end - border < 4 for border in whole)


@pytest.mark.parametrize("kind", range(16))
def test_every_kind_of_skippable_frame_is_passed_over(kind: int) -> None:
    skip = skippable(b"not data", kind)
    assert sniff(skip) == "zstd"
    data = zstandard.compress(b"data")
    assert expand(skip + data) == expand(data + skip) == expand(skip + skippable(b"", kind) + data) == b"data"
    assert expand(skip + skippable(b"", kind)) == b""


def test_a_long_skippable_frame_is_passed_over_chunk_by_chunk() -> None:
    def chunks() -> Iterator[bytes]:
        yield (0x184D2A5F).to_bytes(4, "little") + (64 * 2**20).to_bytes(4, "little") + bytes(2)
        yield bytes(2**20 - 2)
        for _ in range(63):
            yield bytes(2**20)
        yield zstandard.compress(b"data")

    tracemalloc.start()
    data = b"".join(decompress(chunks())[1])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert data == b"data"
    assert peak < 8 * 2**20


@pytest.mark.parametrize("first", [b"\x4f\x2a\x4d\x18", b"\x60\x2a\x4d\x18", b"\x50\x2a\x4d", b"\x28\xb5\x2f", b""])
def test_other_bytes_are_no_frame(first: bytes) -> None:
    assert not is_frame(first)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (block(0, 4, b"data"), b"data"),
        (block(1, 5, b"a"), b"aaaaa"),
        (block(0, 0, b""), b""),
        (block(1, BLOCK, b"a", last=False) + block(0, 1, b"b"), b"a" * BLOCK + b"b"),
    ],
)
def test_blocks_made_by_hand_are_read(content: bytes, expected: bytes) -> None:
    blob = skippable(b"..") + frame(content)
    assert expand(blob) == expand(*split(blob, 1)) == expected


@pytest.mark.parametrize(
    "content",
    [
        block(3, 4, b"data"),
        block(1, BLOCK + 1, b"a"),
        block(1, 2**21 - 1, b"a"),
        block(0, BLOCK + 1, bytes(BLOCK + 1)),
        block(2, 4, b"\xff\xff\xff\xff"),
    ],
)
def test_a_block_that_is_reserved_too_long_or_damaged_is_refused(content: bytes) -> None:
    error = refusal(skippable(b"..") + frame(content))
    assert error.message.startswith("zstd: ")
    assert not error.message.startswith("zstd: zstd: ")
    assert error.expected == "a valid zstd stream"
    assert isinstance(error.__cause__, zstandard.ZstdError)


def test_a_wrong_checksum_is_refused() -> None:
    blob = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(DATA))
    assert expand(bytes(blob)) == DATA
    blob[-1] ^= 1
    assert "checksum" in refusal(bytes(blob)).message


def test_a_window_of_128_mib_is_read_and_a_larger_one_is_refused() -> None:
    content = block(0, 4, b"data")
    assert expand(frame(content, window=17 << 3)) == b"data"
    assert "too much memory" in refusal(frame(content, window=17 << 3 | 1)).message
    one_segment = MAGIC + bytes((0xE0,)) + (2**40).to_bytes(8, "little") + content
    assert "too much memory" in refusal(one_segment).message


@pytest.mark.parametrize(("flag", "size"), [(1, 1), (2, 2), (3, 4)])
def test_dictionary_zero_is_none_however_long_its_number_is(flag: int, size: int) -> None:
    assert expand(MAGIC + bytes((flag, 0x38)) + bytes(size) + block(0, 4, b"data")) == b"data"


def test_a_frame_that_wants_a_dictionary_is_refused() -> None:
    samples: list[bytes | bytearray | memoryview] = [
        b"layer %d of an image with %d layers" % (number, number * 7) for number in range(2000)
    ]
    dictionary = zstandard.train_dictionary(4096, samples)
    blob = zstandard.ZstdCompressor(dict_data=dictionary).compress(b"layer 7 of an image with 49 layers")
    assert "Dictionary mismatch" in refusal(blob).message


def test_a_bomb_is_given_in_small_pieces() -> None:
    bomb = zstandard.compress(bytes(64 * 2**20), 19)
    assert len(bomb) < 2**15
    sizes = [len(piece) for piece in decompress([bomb])[1]]
    assert (sum(sizes), max(sizes) <= PIECE) == (64 * 2**20, True)


def test_a_bomb_needs_little_memory_also_in_the_library() -> None:
    code = (
        "import resource, sys, zstandard\n"
        "from toolkit.layers.streams import decompress\n"
        "bomb = bytes.fromhex(sys.argv[1])\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "total = sum(map(len, decompress([bomb])[1]))\n"
        "print(total, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    bomb = frame(*[block(1, BLOCK, b"\0", last=False)] * 8192, block(0, 0, b""))  # 32 KiB for 1 GiB
    shown = subprocess.run([sys.executable, "-c", code, bomb.hex()], capture_output=True, text=True, check=True)
    total, kilobytes = map(int, shown.stdout.split())
    assert total == 2**30
    assert kilobytes < 16 * 1024


def test_a_bomb_ends_at_its_budget() -> None:
    bomb = frame(*[block(1, BLOCK, b"\0", last=False)] * 10_000, block(0, 0, b""))  # 40 kB for 1.2 GiB
    found = measure([bomb], budget=2**20)
    assert found.problem is not None
    assert found.problem.message == "the layer expands beyond its budget"
    assert found.tar_size <= 2**20


def test_a_zstd_layer_is_measured_and_docker_1_9_did_not_know_it() -> None:
    blob = zstandard.compress(TAR)
    found, seed = measure([blob]), measure([blob], as_seed=True)
    assert found.compression == "zstd"
    assert found.diff_id == "sha256:" + hashlib.sha256(TAR).hexdigest()
    assert (found.tar_size, found.members, found.layer_size, found.problem) == (len(TAR), 3, 604, None)
    assert (seed.compression, seed.diff_id) == ("none", None)
    assert seed.problem is not None


def test_the_library_is_loaded_only_when_a_zstd_layer_is_met() -> None:
    code = (
        "import gzip, sys\n"
        "from toolkit.layers.measure import measure\n"
        "blobs = gzip.compress(bytes(1024)), bytes.fromhex(sys.argv[1])\n"
        "for blob in blobs:\n"
        "    assert measure([blob]).problem is None\n"
        "    print('zstandard' in sys.modules)\n"
    )
    blob = zstandard.compress(bytes(1024)).hex()
    shown = subprocess.run([sys.executable, "-c", code, blob], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["False", "True"]
