"""Putting a tar together: what is missing or changed is named, and metadata that cannot be read is refused."""

from __future__ import annotations

import base64
import contextlib
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tars import END, contents, file, pieces

from toolkit.errors import LayerError
from toolkit.layers.tar_rebuild import LONGEST_LINE, FileEntry, entries, rebuild
from toolkit.layers.tar_split import SEGMENT, split

TAR = file(b"etc/", kind=b"5") + file(b"etc/a", b"hello") + file(b"caf\xe9", b"world") + END


def metadata(tar: bytes = TAR) -> bytes:
    lines: list[bytes] = []
    split([tar], lines.append)
    return b"".join(lines)


def refusal(files: dict[bytes, bytes]) -> LayerError:
    def give(name: bytes) -> list[bytes] | None:
        return [files[name]] if name in files else None

    with pytest.raises(LayerError) as caught:
        b"".join(rebuild([metadata()], give))
    return caught.value


def test_members_are_told_in_order_with_size_and_sum() -> None:
    found = [one for one in entries([metadata()]) if isinstance(one, FileEntry)]
    assert [(one.name, one.size, one.shown) for one in found] == [
        (b"etc/", 0, "etc/"),
        (b"etc/a", 5, "etc/a"),
        (b"caf\xe9", 5, "caf\\xe9"),
    ]
    assert [bool(one.crc) for one in found] == [False, True, True]


@pytest.mark.parametrize("size", [1, 7, 100, 10**9])
def test_metadata_is_read_however_it_is_cut(size: int) -> None:
    assert b"".join(rebuild(pieces(metadata(), size), lambda name: pieces(contents(TAR)[name], 2))) == TAR


def test_contents_are_asked_for_by_name_and_only_where_there_are_any() -> None:
    asked: list[bytes] = []

    def give(name: bytes) -> list[bytes]:
        asked.append(name)
        return [contents(TAR)[name]]

    assert b"".join(rebuild([metadata()], give)) == TAR
    assert asked == [b"etc/a", b"caf\xe9"]


def test_a_missing_file_is_named() -> None:
    error = refusal({b"etc/a": b"hello"})
    assert error.message == "the file 'caf\\\\xe9' of the layer is not there"
    assert (error.where, error.expected, error.actual) == ("caf\\xe9", "5 bytes", "no such file")


@pytest.mark.parametrize(
    ("content", "actual"),
    [
        (b"hellO", "5 bytes of CRC-64 "),
        (b"hell", "4 bytes of CRC-64 "),
        (b"", "0 bytes of CRC-64 0000000000000000"),
        (b"hello!", "more than 5 bytes"),
    ],
)
def test_a_changed_file_is_named(content: bytes, actual: str) -> None:
    error = refusal({b"etc/a": content})
    assert error.message == 'file integrity checksum failed for "etc/a"'
    assert error.where == "etc/a"
    assert str(error.expected).startswith("5 bytes of CRC-64 ")
    assert str(error.actual).startswith(actual)


def line(**members: Any) -> bytes:
    return json.dumps({"type": 1, "name": "a", "payload": None, "position": 0} | members).encode()


SUM = base64.b64encode(bytes(8)).decode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \n\n",
        line() + b"\n",
        line(),
        b"\n" + line() + b"\r\n \n",
        line(size=0, payload=""),
        line(size=3, payload=SUM),
        line(type=2, payload="YQ=="),
        b'{"type":2,"payload":"YQ==","position":0}',
        b'{"type":2,"payload":"","position":0}\r\n',
        b'{"type":2,"name":"","size":0,"payload":"YQ==","position":0}\n',
        b'{"type":1,"name":"a/","size":0,"payload":null,"position":0}\n',
        line(name_raw="YQ==", name=""),
        line(unknown=1),
    ],
)
def test_what_another_program_may_have_written_is_read(data: bytes) -> None:
    for size in (1, 10**9):
        assert len([one for one in entries(pieces(data, size)) if one]) == bool(data.strip() and b'"payload":""' not in data[:25])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"no JSON", "a line of JSON"),
        (b"[" * 100_000, "a line of JSON"),
        (b"\xff\xfe", "a line of JSON"),
        (b"[]", "an object"),
        (line(position=1), "position 0"),
        (line(position=None), "position 0"),
        (line() + b"\n" + line(), "position 1"),
        (line(type=3), "a segment, or a file with its size and its CRC-64"),
        (line(type=None), "a segment, or a file with its size and its CRC-64"),
        (line(size=3), "a segment, or a file with its size and its CRC-64"),
        (line(size=-1), "a segment, or a file with its size and its CRC-64"),
        (line(size=True, payload=SUM), "a segment, or a file with its size and its CRC-64"),
        (line(payload=SUM), "a segment, or a file with its size and its CRC-64"),
        (line(size=3, payload="YQ=="), "a segment, or a file with its size and its CRC-64"),
        (line(size=3, payload="é"), "base64"),
        (line(size=3, payload=[]), "payload in base64"),
        (line(name=5), "a name"),
        (line(name="\ud800"), "a name"),
        (line(name_raw="x"), "base64"),
        (SEGMENT + b'YQ","position":0}', "base64"),
        (SEGMENT + b'Y!==","position":0}', "base64"),
        (SEGMENT + b'YQ==","position":1}', "position 0"),
        (SEGMENT + b'YQ=="}', "a segment and its position"),
        (SEGMENT + b'YQ==","position":-0}', "a segment and its position"),
        (line(name="a" * LONGEST_LINE), f"a line of at most {LONGEST_LINE} bytes"),
    ],
)
def test_metadata_that_cannot_be_read_is_refused_with_its_place(data: bytes, expected: str) -> None:
    with pytest.raises(LayerError, match="the metadata of the tar cannot be read") as caught:
        list(entries(pieces(data, 10**5)))
    assert caught.value.expected == expected
    assert caught.value.where in ("tar-split entry 0", "tar-split entry 1")
    assert caught.value.actual is not None


@pytest.mark.parametrize("data", [SEGMENT, SEGMENT + b"YQ", SEGMENT + b"YWFh"])
def test_a_segment_that_does_not_end_is_cut(data: bytes) -> None:
    with pytest.raises(LayerError, match="unexpected EOF") as caught:
        list(entries([data]))
    assert caught.value.where == "tar-split entry 0"


def test_a_long_segment_is_never_held_whole() -> None:
    def data() -> Iterator[bytes]:
        yield SEGMENT
        for _ in range(512):
            yield b"AAAA" * 2**14
        yield b'","position":0}\n'

    tracemalloc.start()
    size = sum(len(one) for one in entries(data()) if isinstance(one, bytes))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size == 512 * 3 * 2**14
    assert peak < 2 * 2**20


@given(st.binary(max_size=60), st.integers(0, 200), st.integers(0, 60))
@settings(deadline=None)
def test_nothing_but_a_layer_error_comes_out(noise: bytes, place: int, cut: int) -> None:
    data = bytearray(metadata(file(b"a", b"x")))
    data[place * 10 : place * 10 + cut] = noise
    with contextlib.suppress(LayerError):
        assert all(isinstance(one, bytes | FileEntry) for one in entries([bytes(data)]))
