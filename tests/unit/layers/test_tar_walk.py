"""Walking a tar: the headers of every kind of archive, and where a damaged one is given up."""

from __future__ import annotations

import contextlib
import io
import tarfile
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.errors import LayerError
from toolkit.layers.tar_walk import BLOCK, TarHeader, number, walk

END: Final = bytes(2 * BLOCK)
FORMATS: Final = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


def archive(*members: tarfile.TarInfo, kind: int = tarfile.USTAR_FORMAT, pax: dict[str, str] | None = None) -> bytes:
    """Write members whose content is as many letters as their size says."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind, pax_headers=pax) as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"c" * member.size))
    return buffer.getvalue()


def member(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, **attributes: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info


def header(name: bytes = b"a", size: bytes = b"00000000000\x00", kind: bytes = b"0", **fields: bytes) -> bytes:
    """Make one header by hand; ``fields`` are named by where they start, as in ``at257``."""
    block = bytearray(BLOCK)
    for start, value in ((0, name), (124, size), (156, kind), *((int(key[2:]), value) for key, value in fields.items())):
        block[start : start + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\x00 " % sum(block)
    return bytes(block)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def octal(size: int) -> bytes:
    return b"%011o\x00" % size


def extension(kind: bytes, content: bytes) -> bytes:
    return header(b"././@LongLink", octal(len(content)), kind) + padded(content)


def record(name: bytes, value: bytes) -> bytes:
    length = len(name) + len(value) + 3
    length += len(str(length + len(str(length))))
    return b"%d %s=%s\n" % (length, name, value)


def headers(tar: bytes, size: int = 10**9) -> list[TarHeader]:
    return list(walk(tar[start : start + size] for start in range(0, len(tar), size)))


def refusal(tar: bytes) -> LayerError:
    with pytest.raises(LayerError) as caught:
        headers(tar)
    return caught.value


@pytest.mark.parametrize("size", [1, 100, 512, 513, 10**9])
@pytest.mark.parametrize("kind", FORMATS.values(), ids=FORMATS)
def test_every_member_is_seen_however_the_archive_is_cut(kind: int, size: int) -> None:
    tar = archive(
        member("dir/", kind=tarfile.DIRTYPE),
        member("dir/file", 1000),
        member("empty"),
        member("link", kind=tarfile.SYMTYPE, linkname="dir/file"),
        kind=kind,
    )
    found = headers(tar, size)
    assert [(one.name, one.type, one.size, one.link) for one in found] == [
        (b"dir/", b"5", 0, b""),
        (b"dir/file", b"0", 1000, b""),
        (b"empty", b"0", 0, b""),
        (b"link", b"2", 0, b"dir/file"),
    ]
    assert [one.offset for one in found] == [0, 512, 2048, 2560]


@pytest.mark.parametrize("kind", [FORMATS["gnu"], FORMATS["pax"]], ids=["gnu", "pax"])
def test_a_long_name_and_a_long_link_belong_to_the_member_they_precede(kind: int) -> None:
    name, link = "n" * 300, "l" * 400
    tar = archive(member(name, 3), member("x", kind=tarfile.SYMTYPE, linkname=link), member("last"), kind=kind)
    assert [(one.name, one.link) for one in headers(tar)] == [
        (name.encode(), b""),
        (b"x", link.encode()),
        (b"last", b""),
    ]


def test_a_long_name_ends_at_its_first_zero() -> None:
    tar = extension(b"L", b"long/name\x00rest") + extension(b"K", b"long/link\x00rest") + header(kind=b"2") + END
    assert [(one.name, one.link) for one in headers(tar)] == [(b"long/name", b"long/link")]


def test_a_name_in_two_parts_is_joined() -> None:
    deep = "/".join(["d" * 50] * 4)
    assert headers(archive(member(deep)))[0].name == deep.encode()


def test_only_posix_headers_have_a_prefix() -> None:
    prefix = b"before"
    assert headers(header(at257=b"ustar\x0000", at345=prefix) + END)[0].name == b"before/a"
    assert headers(header(at345=prefix) + END)[0].name == b"a"


def test_pax_records_go_before_what_the_header_says() -> None:
    content = record(b"path", "né".encode()) + record(b"linkpath", b"to") + record(b"size", b"5") + record(b"comment", b"a=b\n")
    tar = extension(b"x", content) + header(size=octal(9), at157=b"there") + padded(b"ccccc") + header(b"next") + END
    first, second = headers(tar)
    assert (first.name, first.link, first.size) == ("né".encode(), b"to", 5)
    assert first.pax[b"comment"] == b"a=b\n"
    assert (second.name, second.pax) == (b"next", {})


def test_a_global_pax_header_is_a_member_of_its_own() -> None:
    tar = archive(member("a", 1), kind=tarfile.PAX_FORMAT, pax={"comment": "hello"})
    first, second = headers(tar)
    assert first.type == b"g"
    assert (second.name, second.size, second.pax) == (b"a", 1, {})


@pytest.mark.parametrize("kind", [b"1", b"2", b"3", b"4", b"5", b"6"])
def test_links_devices_directories_and_fifos_have_no_content(kind: bytes) -> None:
    first, second = headers(header(size=octal(700), kind=kind) + header(b"next") + END)
    assert (first.type, second.name) == (kind, b"next")


@pytest.mark.parametrize("kind", [b"0", b"\x00", b"7", b"V"])
def test_anything_else_has_content(kind: bytes) -> None:
    first, second = headers(header(size=octal(700), kind=kind) + padded(b"c" * 700) + header(b"next") + END)
    assert (first.type, first.size, second.name) == (kind, 700, b"next")


@pytest.mark.parametrize("extended", [0, 1, 2])
def test_the_size_of_an_old_sparse_file_counts_its_holes(extended: int) -> None:
    blocks = b"".join(b"\x00" * 504 + bytes([index + 1 < extended]) + b"\x00" * 7 for index in range(extended))
    first = header(size=octal(5), kind=b"S", at482=bytes([extended > 0]), at483=octal(1_000_000))
    found = headers(first + blocks + padded(b"ccccc") + header(b"next") + END)
    assert [(one.name, one.size) for one in found] == [(b"a", 1_000_000), (b"next", 0)]


def test_a_cut_sparse_header_is_an_error() -> None:
    error = refusal(header(kind=b"S", at482=b"\x01") + bytes(100))
    assert (error.message, error.where, error.expected) == ("unexpected EOF", "offset 612", "a sparse header")


@pytest.mark.parametrize(
    ("records", "stored", "name"),
    [
        ({b"GNU.sparse.size": b"4000", b"GNU.sparse.numblocks": b"1", b"GNU.sparse.map": b"0,5"}, b"ccccc", b"a"),
        (
            {
                b"GNU.sparse.major": b"1",
                b"GNU.sparse.minor": b"0",
                b"GNU.sparse.name": b"real",
                b"GNU.sparse.realsize": b"4000",
                b"path": b"GNUSparseFile.0/real",
            },
            padded(b"1\n0\n5\n") + b"ccccc",
            b"real",
        ),
    ],
)
def test_the_size_of_a_pax_sparse_file_counts_its_holes(records: dict[bytes, bytes], stored: bytes, name: bytes) -> None:
    content = b"".join(record(*one) for one in records.items())
    tar = extension(b"x", content) + header(size=octal(len(stored))) + padded(stored) + header(b"next") + END
    assert [(one.name, one.size) for one in headers(tar)] == [(name, 4000), (b"next", 0)]


def test_contents_go_to_the_tap_after_their_header_and_without_padding() -> None:
    tar = archive(member("a", 700), member("b"), member("c", 3))
    heard: list[bytes] = []
    pieces = [tar[start : start + 100] for start in range(0, len(tar), 100)]
    seen = [(one.name, sum(map(len, heard))) for one in walk(pieces, tap=heard.append)]
    assert seen == [(b"a", 0), (b"b", 700), (b"c", 700)]
    assert b"".join(heard) == b"c" * 703


@pytest.mark.parametrize("end", [b"", bytes(BLOCK), END, END + b"anything at all", END + bytes(9000)])
def test_an_archive_ends_with_its_bytes_or_with_zeros_and_is_read_to_its_very_end(end: bytes) -> None:
    left = [header(), end, b"", b"more" if len(end) >= 2 * BLOCK else b""]
    chunks = iter(left)
    assert [one.name for one in walk(chunks)] == [b"a"]
    assert list(chunks) == []


def test_an_empty_archive_has_no_members() -> None:
    assert headers(b"") == headers(END) == []


@pytest.mark.parametrize(
    ("tar", "place", "expected"),
    [
        (b"x" * 100, "offset 0", "a header of 512 bytes"),
        (header() + b"x" * 511, "offset 512", "a header of 512 bytes"),
        (header(size=octal(5)) + b"ccc", "offset 515", "2 more bytes"),
        (header(size=octal(512)), "offset 512", "512 more bytes"),
        (header(b"long", octal(20), b"L") + b"short", "offset 517", "20 bytes"),
        (header(b"long", octal(20), b"x") + b"c" * 20, "offset 532", "492 more bytes"),
    ],
)
def test_a_cut_archive_is_an_error_with_its_offset(tar: bytes, place: str, expected: str) -> None:
    error = refusal(tar)
    assert (error.message, error.where, error.expected) == ("unexpected EOF", place, expected)


@pytest.mark.parametrize(
    ("tar", "place"),
    [
        (b"x" * 512, "offset 0"),
        (header() + b"\x01" + header()[1:], "offset 512"),
        (bytes(512) + header(), "offset 512"),
        (header() + bytes(512) + b"\x00" * 511, "offset 1024"),
        (header(size=b"9" * 11 + b"\x00"), "offset 0"),
        (header(size=b"-1\x00"), "offset 0"),
        (header(size=b"\xff" * 12), "offset 0"),
        (header(size=b"\x80\x00\x00\x00\x80" + bytes(7)), "offset 0"),
        (extension(b"x", b"x") + header(), "offset 0"),
        (extension(b"x", b"7 a=b\nx") + header(), "offset 0"),
        (extension(b"x", b"99 a=b\n") + header(), "offset 0"),
        (extension(b"x", b"-6 a=b\n") + header(), "offset 0"),
        (extension(b"x", b"0 a=b\n") + header(), "offset 0"),
        (extension(b"x", b"6 a=bc") + header(), "offset 0"),
        (extension(b"x", b"6 abc\n") + header(), "offset 0"),
        (extension(b"x", b"5 =b\n") + header(), "offset 0"),
        (extension(b"x", record(b"size", b"+5")) + header(), "offset 1024"),
        (extension(b"x", record(b"size", b"9" * 19)) + header(), "offset 1024"),
        (extension(b"x", record(b"GNU.sparse.size", b"x")) + header(), "offset 1024"),
    ],
)
def test_a_damaged_header_is_an_error_with_its_offset(tar: bytes, place: str) -> None:
    error = refusal(tar)
    assert (error.message, error.where) == ("archive/tar: invalid tar header", place)
    assert error.expected
    assert error.actual


def test_a_signed_checksum_is_a_checksum_too() -> None:
    block = bytearray(header("né".encode()))
    signed = sum(block) - sum(block[148:156]) + 8 * 32 - 2 * 256
    block[148:156] = b"%06o\x00 " % signed
    assert headers(bytes(block) + END)[0].name == "né".encode()


def test_an_extension_has_a_largest_size() -> None:
    limit = 1024 * 1024
    content = record(b"comment", b"c" * (limit - 20))
    assert headers(extension(b"x", content + bytes(0)) + header() + END)[0].name == b"a"
    error = refusal(header(b"long", octal(limit + 1), b"x"))
    assert (error.message, error.where) == ("archive/tar: header field too long", "offset 0")
    assert (error.expected, error.actual) == ("at most 1 MiB", f"{limit + 1} bytes")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"0000644\x00", 0o644),
        (b"   644 \x00", 0o644),
        (b"\x00644\x00\x00\x00\x00", 0o644),
        (b"644\x00999\x00", 0o644),
        (bytes(8), 0),
        (b" " * 8, 0),
        (b"\x80\x00\x00\x00\x00\x00\x01\x00", 256),
        (b"\x80" + bytes(3) + b"\x7f" + b"\xff" * 7, 2**63 - 1),
    ],
)
def test_a_number_is_octal_or_base_256(field: bytes, value: int) -> None:
    assert number(field, 0) == value


@given(st.binary(max_size=1600), st.integers(0, 3))
@settings(deadline=None)
def test_nothing_but_a_layer_error_comes_out(noise: bytes, place: int) -> None:
    tar = bytearray(extension(b"x", record(b"path", b"b")) + header() + END)
    tar[place * 100 : place * 100 + len(noise)] = noise
    with contextlib.suppress(LayerError):
        assert all(one.size >= 0 for one in headers(bytes(tar)))


@pytest.mark.parametrize("left", [0, 1, 400])
def test_an_archive_may_end_before_the_padding_of_its_last_member_does(left: int) -> None:
    """As umoci 0.4.7 writes it, and Go reads it."""
    member = tarfile.TarInfo("a")
    member.size = 3
    whole = member.tobuf() + b"abc"
    found = list(walk([whole + bytes(left)]))
    assert [(one.name, one.size) for one in found] == [(b"a", 3)]
