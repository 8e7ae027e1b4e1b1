"""Paths, cleaned by their letters."""

from __future__ import annotations

import pytest

from toolkit.layers.go_path import clean


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (b"etc/passwd", b"etc/passwd"),
        (b"etc/", b"etc"),
        (b"./etc", b"etc"),
        (b"a//b/../c", b"a/c"),
        (b"../../x", b"../../x"),
        (b"a/..", b"."),
        (b"", b"."),
        (b".", b"."),
        (b"/", b"/"),
        (b"//x", b"/x"),
        (b"/../x", b"/x"),
        (b".hidden/a", b".hidden/a"),
        (b"a\n/b\xff", b"a\n/b\xff"),
    ],
)
def test_a_path_is_cleaned_as_go_does(name: bytes, path: bytes) -> None:
    assert clean(name) == path
