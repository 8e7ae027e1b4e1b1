"""Tar-split metadata: the lines Docker 1.9 wrote, and that nothing of a tar is lost between them and the contents."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tarfile
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tars import END, contents, file, header, padded, pieces, record

from toolkit.errors import LayerError
from toolkit.layers.tar_rebuild import rebuild
from toolkit.layers.tar_split import Gzipped, split


def written(tar: bytes, size: int = 10**9) -> bytes:
    lines: list[bytes] = []
    split(pieces(tar, size), lines.append)
    return b"".join(lines)


def told(tar: bytes) -> list[Any]:
    """Segments as bytes, members as dicts without position, which is compared here."""
    found: list[Any] = []
    for number, line in enumerate(written(tar).splitlines()):
        value = json.loads(line)
        assert value.pop("position") == number
        if value.pop("type") == 2:
            assert list(value) == ["payload"]
            found.append(base64.b64decode(value["payload"], validate=True))
        else:
            found.append(value)
    return found


def again(tar: bytes, size: int = 10**9) -> bytes:
    return b"".join(rebuild(pieces(written(tar, size), size), lambda name: [contents(tar)[name]]))


def test_segments_and_members_come_in_the_order_of_the_tar() -> None:
    first, second = header(b"etc/", kind=b"5"), header(b"etc/a", 9)
    assert told(first + second + padded(b"123456789") + END) == [
        first,
        {"name": "etc/", "payload": None},
        second,
        {"name": "etc/a", "size": 9, "payload": "uQlWx3WkEAE="},
        bytes(503) + END,
        b"",
    ]


def test_the_bytes_of_a_line_are_those_of_go() -> None:
    line = written(file(b'a<&>\xe2\x80\xa8\x01"', b"123456789") + END).splitlines()[1]
    assert line == (b'{"type":1,"name":"a\\u003c\\u0026\\u003e\\u2028\\u0001\\"","size":9,"payload":"uQlWx3WkEAE=","position":1}')


def test_a_name_that_is_not_utf_8_is_kept_in_base64() -> None:
    assert told(file(b"caf\xe9") + END)[1] == {"name_raw": "Y2Fm6Q==", "payload": None}


def test_a_member_without_a_name_has_none() -> None:
    assert told(file(b"") + END)[1] == {"payload": None}


def test_padding_belongs_to_the_segment_of_the_next_header() -> None:
    tar = file(b"a", b"x") + file(b"b", b"y") + END
    assert told(tar)[2] == bytes(511) + header(b"b", 1)


@pytest.mark.parametrize(
    "extensions",
    [
        file(b"././@LongLink", b"n" * 300 + b"\x00", b"L"),
        file(b"././@LongLink", b"n" * 300 + b"\x00", b"L") + file(b"././@LongLink", b"to\x00", b"K"),
        file(b"PaxHeaders/a", record(b"path", b"n" * 300), b"x"),
    ],
)
def test_the_headers_of_a_long_name_belong_to_the_segment_before_its_member(extensions: bytes) -> None:
    tar = extensions + header(b"short", 3) + padded(b"abc") + END
    segment, member, *_ = told(tar)
    assert segment == extensions + header(b"short", 3)
    assert (member["name"], member["size"]) == ("n" * 300, 3)


@pytest.mark.parametrize("kind", [b"1", b"2", b"3", b"4", b"5", b"6"])
def test_what_has_no_content_has_no_size_whatever_its_header_says(kind: bytes) -> None:
    tar = header(b"a", 700, kind) + file(b"b", b"x") + END
    assert told(tar)[1] == {"name": "a", "payload": None}
    assert again(tar) == tar


def test_a_global_header_is_a_member_with_content() -> None:
    tar = file(b"pax_global_header", record(b"comment", b"hello"), b"g") + END
    member = told(tar)[1]
    assert (member["name"], member["size"]) == ("pax_global_header", 17)
    assert again(tar) == tar


@pytest.mark.parametrize("rest", [b"behind", bytes(8192), bytes(700) + b"x"])
def test_what_follows_the_end_marker_is_the_last_segment(rest: bytes) -> None:
    assert told(file(b"a") + END + rest)[2:] == [END, rest]


def test_an_empty_tar_is_its_end_marker() -> None:
    assert told(END) == [END, b""]
    assert told(b"") == [b""]


@pytest.mark.parametrize("end", [b"", bytes(512)])
def test_a_tar_without_an_end_marker_keeps_its_last_padding(end: bytes) -> None:
    tar = file(b"a", b"x") + end
    assert told(tar)[2:] == [bytes(511) + end, b""]
    assert again(tar) == tar


def test_what_is_stored_of_a_sparse_file_is_a_segment() -> None:
    sparse = header(b"s", 700, b"S", at483=b"%011o\x00" % 10**6) + padded(b"c" * 700)
    after = file(b"b", b"x")
    tar = sparse + after + END
    assert told(tar)[:3] == [sparse[:512], {"name": "s", "payload": None}, padded(b"c" * 700) + after[:512]]
    assert again(tar) == tar


@pytest.mark.parametrize("names", [(b"a", b"a"), (b"a", b"./a"), (b"a/", b"a"), (b"", b".")])
def test_a_path_that_stands_twice_is_refused(names: tuple[bytes, bytes]) -> None:
    with pytest.raises(LayerError) as caught:
        written(b"".join(file(name) for name in names) + END)
    assert caught.value.message == "duplicates of file paths not supported"
    assert (caught.value.where, caught.value.actual) == ("offset 512", names[1].decode())


@pytest.mark.parametrize("tar", [file(b"a", b"xyz")[:514], b"x" * 512, bytes(512) + b"x" * 512])
def test_a_damaged_tar_is_refused(tar: bytes) -> None:
    with pytest.raises(LayerError, match=r"unexpected EOF|invalid tar header"):
        written(tar)


def test_the_gzip_is_the_same_for_the_same_bytes_and_has_no_time() -> None:
    def compressed(size: int) -> bytes:
        found: list[bytes] = []
        sink = Gzipped(found.append)
        for piece in pieces(bytes(range(256)) * 1000, size):
            sink(piece)
        sink.finish()
        return b"".join(found)

    whole = compressed(10**9)
    assert gzip.decompress(whole) == bytes(range(256)) * 1000
    assert compressed(64 * 1024) == compressed(64 * 1024)
    assert whole[:10] == compressed(100)[:10] == b"\x1f\x8b\x08" + bytes(6) + b"\x03"


def test_memory_does_not_grow_with_the_tar_nor_with_what_follows_it() -> None:
    length = 64 * 2**20
    long = 32 * 2**20

    def tar() -> Iterator[bytes]:
        yield header(b"a", length)
        for _ in range(length // 2**16):
            yield bytes(2**16)
        yield END
        for _ in range(long // 2**16):
            yield bytes(2**16)

    tracemalloc.start()
    taken = 0

    def count(data: bytes) -> None:
        nonlocal taken
        taken += len(data)

    split(tar(), count)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken > long * 4 / 3
    assert peak < 4 * 2**20


NAMES = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00/"), min_size=1, max_size=120)
FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)


@given(
    st.dictionaries(NAMES.filter(lambda name: name not in (".", "..")), st.binary(max_size=1100), max_size=5),
    st.sampled_from(FORMATS[1:]),
    st.sampled_from([b"", b"rest", bytes(3000)]),
    st.integers(1, 2000),
)
@settings(deadline=None)
def test_a_tar_put_together_again_is_the_tar(files: dict[str, bytes], kind: int, rest: bytes, size: int) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as archive:
        for number, (name, content) in enumerate(files.items()):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
            link = tarfile.TarInfo(f"links/{number}")
            link.type, link.linkname = (tarfile.LNKTYPE, tarfile.SYMTYPE)[number % 2], name
            archive.addfile(link)
    tar = buffer.getvalue() + rest
    assert again(tar, size) == tar
