"""Measuring a layer: what it is, and what is wrong with it beside what was still found."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.layers.measure import measure
from toolkit.simulator.images import layer_blob, stored_gzip

FILES = {"etc/": b"", "etc/passwd": b"root", "bin/sh": b"#!" * 300}


def tar_of(*names: str, content: bytes = b"12345") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize("compressed", [False, True])
def test_a_layer_is_measured_after_decompression(*, compressed: bool) -> None:
    tar = layer_blob(FILES, gzip=False)
    found = measure([layer_blob(FILES)] if compressed else [tar])
    assert found.compression == ("gzip" if compressed else "none")
    assert found.diff_id == "sha256:" + hashlib.sha256(tar).hexdigest()
    assert (found.tar_size, found.members, found.layer_size) == (len(tar), 3, 604)
    assert (found.problem, found.repeated) == (None, None)


def test_bytes_after_the_end_marker_belong_to_the_diff_id() -> None:
    tar = layer_blob(FILES, gzip=False) + bytes(1024) + b"trailing"
    found = measure([gzip.compress(tar)])
    assert found.diff_id == "sha256:" + hashlib.sha256(tar).hexdigest()
    assert found.tar_size == len(tar)
    assert found.trailing == len(tar) - len(b"trailing")


@given(st.integers(0, 3000), st.binary(min_size=1, max_size=5).filter(any), st.integers(0, 3000), st.integers(1, 700))
def test_the_first_byte_after_the_end_that_is_not_zero_is_found(zeros: int, rest: bytes, more: int, size: int) -> None:
    tar = layer_blob(FILES, gzip=False)
    members = tar.rstrip(b"\x00")
    end = -(-len(members) // 512) * 512 + 1024
    blob = tar[:end] + bytes(zeros) + rest + bytes(more) + b"later"
    found = measure(blob[start : start + size] for start in range(0, len(blob), size))
    assert found.trailing == end + zeros + len(rest) - len(rest.lstrip(b"\x00"))
    assert (found.tar_size, found.members, found.problem) == (len(blob), 3, None)


@pytest.mark.parametrize("zeros", [0, 1, 512, 10**6])
def test_zeros_after_the_end_marker_are_not_trailing(zeros: int) -> None:
    assert measure([layer_blob(FILES, gzip=False), bytes(zeros)]).trailing is None


def test_a_diff_id_is_of_the_algorithm_that_is_asked_for() -> None:
    tar = layer_blob(FILES, gzip=False)
    assert measure([tar], algorithm="sha512").diff_id == "sha512:" + hashlib.sha512(tar).hexdigest()


def test_all_but_the_problem_is_told_in_json() -> None:
    found = measure([tar_of("a", "a") + b"trailing"])
    values = {field.name: getattr(found, field.name) for field in fields(found) if field.name != "problem"}
    assert values["repeated"] == ("a", 10)
    assert json.loads(json.dumps(values)) == {**values, "repeated": ["a", 10]}


def test_an_empty_layer_has_no_members() -> None:
    found = measure([bytes(1024)])
    assert (found.members, found.layer_size, found.problem) == (0, 0, None)


@pytest.mark.parametrize(
    ("names", "repeated"),
    [
        (["a", "b", "a"], ("a", 15)),
        (["a", "./a"], ("a", 10)),
        (["a/b", "a//b"], ("a/b", 10)),
        (["a/../b", "b"], ("b", 10)),
        (["/a", "//a"], ("/a", 10)),
        (["./", "."], (".", 10)),
        (["a", "a", "b", "b"], ("a", 10)),
        (["a", "/a", "b/a", "A"], None),
        (["../a", "a"], None),
    ],
)
def test_the_first_path_that_stands_twice_is_told_with_the_size_up_to_there(
    names: Sequence[str], repeated: tuple[str, int] | None
) -> None:
    found = measure([tar_of(*names)])
    assert found.repeated == repeated
    assert found.members == len(names)


def test_a_path_that_is_no_text_is_shown_by_its_bytes() -> None:
    assert measure([tar_of("\udcff", "\udcff")]).repeated == ("\\xff", 10)


def test_a_member_without_a_name_is_the_directory_itself() -> None:
    assert measure([tar_of("", ".")]).repeated == (".", 10)


def test_a_cut_layer_keeps_what_was_found_and_has_no_diff_id() -> None:
    tar = tar_of("a", "b")
    found = measure([tar[:1536]])
    assert (found.compression, found.diff_id, found.members, found.layer_size) == ("none", None, 2, 10)
    assert found.problem is not None
    assert found.problem.message == "unexpected EOF"


def test_a_cut_gzip_is_a_problem_of_the_stream() -> None:
    found = measure([stored_gzip(tar_of("a"))[:-1]])
    assert found.compression == "gzip"
    assert found.problem is not None
    assert found.problem.expected == "the end of the gzip stream"


def test_too_few_bytes_have_no_compression() -> None:
    found = measure([b"short"])
    assert (found.compression, found.diff_id, found.tar_size) == (None, None, 0)
    assert found.problem is not None
    assert found.problem.message == "EOF"


def test_a_layer_beyond_its_budget_is_given_up() -> None:
    found = measure([gzip.compress(bytes(10_240))], budget=10_000)
    assert found.problem is not None
    assert found.problem.message == "the layer expands beyond its budget"
    assert found.diff_id is None
