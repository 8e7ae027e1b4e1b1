"""Names: where they go, whether they climb out, and which are whiteouts."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.files.paths import clean, leaves_root, text, whiteout_of

PARTS = st.lists(st.sampled_from([b"a", b"b", b".", b"..", b"", b".wh.a"]), max_size=8).map(b"/".join)


@settings(deadline=None)
@given(PARTS)
def test_a_clean_name_is_what_posix_makes_of_it_below_the_root(name: bytes) -> None:
    assert b"/" + clean(name) == posixpath.normpath(b"/" + name).replace(b"//", b"/")


@settings(deadline=None)
@given(PARTS)
def test_a_name_leaves_the_root_if_it_would_without_one(name: bytes) -> None:
    depth = lowest = 0
    for part in name.split(b"/"):
        depth += -1 if part == b".." else int(part not in (b"", b"."))
        lowest = min(lowest, depth)
    assert leaves_root(name) == (lowest < 0)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b".wh.a", ("file", b"a")),
        (b"d/.wh.a", ("file", b"d/a")),
        (b"d/.wh..a", ("file", b"d/.a")),
        (b"d/.wh.", ("file", None)),
        (b"d/.wh..", ("file", None)),
        (b"d/.wh...", ("file", None)),
        (b".wh..wh..opq", ("opaque", b"")),
        (b"d/.wh..wh..opq", ("opaque", b"d")),
        (b"d/.wh..wh.plnk", ("metadata", None)),
        (b".wh.d/a", ("none", None)),
        (b"d/wh.a", ("none", None)),
    ],
)
def test_a_whiteout_is_told_by_its_last_part(path: bytes, expected: tuple[str, bytes | None]) -> None:
    assert whiteout_of(path) == expected


def test_a_path_is_shown_as_text() -> None:
    assert [text(path) for path in (b"", b"a/b", b"\xff")] == [".", "a/b", "\\xff"]
