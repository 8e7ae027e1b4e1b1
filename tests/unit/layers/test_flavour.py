"""The flavour of a layer: told by the footer of the blob, and by nothing like it."""

from __future__ import annotations

import gzip
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from toolkit.layers.flavour import FOOTER, flavour_of
from toolkit.layers.measure import measure
from toolkit.simulator.images import layer_blob

TAR = layer_blob({"etc/": b"", "etc/passwd": b"root"}, gzip=False)
OFFSET = b"%016x" % 1234


def member_with(extra: bytes, content: bytes = b"") -> bytes:
    """A gzip member that keeps its content as it is, with an extra field."""
    head = b"\x1f\x8b\x08\x04" + bytes(5) + b"\xff" + len(extra).to_bytes(2, "little") + extra
    size = len(content)
    stored = b"\x01" + size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little") + content
    return head + stored + zlib.crc32(content).to_bytes(4, "little") + size.to_bytes(4, "little")


def skippable(payload: bytes, magic: int = 0x184D2A50) -> bytes:
    return magic.to_bytes(4, "little") + len(payload).to_bytes(4, "little") + payload


ESTARGZ = member_with(b"SG\x16\x00" + OFFSET + b"STARGZ")
STARGZ = member_with(OFFSET + b"STARGZ")
FULL = ESTARGZ[:-13] + zlib.compress(b"abc", wbits=-15) + zlib.crc32(b"abc").to_bytes(4, "little") + b"\x03\0\0\0"
CHUNKED = skippable(bytes(56) + b"GNUlInUx")


def test_the_footers_are_as_long_as_their_formats_say() -> None:
    assert [len(footer) for footer in (ESTARGZ, FULL, STARGZ, CHUNKED)] == [51, 51, 47, FOOTER]


@pytest.mark.parametrize("footer", [ESTARGZ, STARGZ])
def test_estargz_is_a_gzip_that_ends_in_its_footer(footer: bytes) -> None:
    found = measure([gzip.compress(TAR) + footer])
    assert (found.flavour, found.compression, found.problem) == ("estargz", "gzip", None)
    assert found.diff_id == measure([TAR]).diff_id


def test_zstd_chunked_is_a_zstd_that_ends_in_its_footer() -> None:
    blob = zstandard.compress(TAR) + skippable(b"a table of contents") + CHUNKED
    found = measure([blob])
    assert (found.flavour, found.compression, found.problem) == ("zstd:chunked", "zstd", None)
    assert found.diff_id == measure([TAR]).diff_id


@pytest.mark.parametrize(
    "blob",
    [
        TAR,
        gzip.compress(TAR),
        zstandard.compress(TAR),
        gzip.compress(TAR) + ESTARGZ + gzip.compress(b""),
        gzip.compress(TAR) + member_with(b"SG\x16\x00" + OFFSET + b"STARGX"),
        gzip.compress(TAR) + member_with(b"SG\x17\x00" + OFFSET + b"STARGZ "),
        gzip.compress(TAR) + member_with(OFFSET + b"STARGZ", bytes(1)),
        gzip.compress(TAR) + FULL,
        zstandard.compress(TAR) + CHUNKED + skippable(b""),
        zstandard.compress(TAR) + skippable(bytes(56) + b"GNUlInUx", magic=0x184D2A51),
        zstandard.compress(TAR) + skippable(bytes(57) + b"GNUlInUx"),
        TAR + ESTARGZ,
        TAR + CHUNKED,
    ],
)
def test_nothing_else_has_a_flavour(blob: bytes) -> None:
    found = measure([blob])
    assert (found.flavour, found.problem) == ("", None)


def test_a_layer_that_cannot_be_read_has_no_flavour() -> None:
    found = measure([gzip.compress(TAR[:700]) + ESTARGZ])
    assert found.problem is not None
    assert found.flavour == ""


@given(st.integers(1, 100), st.sampled_from([ESTARGZ, STARGZ, CHUNKED]))
def test_the_flavour_does_not_depend_on_how_a_blob_is_cut(size: int, footer: bytes) -> None:
    blob = (zstandard.compress(TAR) if footer is CHUNKED else gzip.compress(TAR)) + footer
    found = measure(blob[start : start + size] for start in range(0, len(blob), size))
    assert found == measure([blob])
    assert found.flavour


@given(st.binary(max_size=80))
def test_short_tails_are_no_footers(tail: bytes) -> None:
    assert flavour_of("gzip", tail) == flavour_of("zstd", tail) == flavour_of(None, tail) == ""
