"""Paths in a tar as Go sees them.

The rule of this file: bytes in, bytes out; a path is cleaned by its letters alone, and nothing is looked up.
"""

from __future__ import annotations

import posixpath
import re
from typing import Final

_CLEAN: Final = re.compile(rb"(?:[^/.][^/]*/)*[^/.][^/]*/?", re.DOTALL)
"""A path that needs no cleaning: most of them."""


def clean(name: bytes) -> bytes:
    """Clean a path as Go's ``filepath.Clean`` does.

    >>> clean(b"./a//b/../c/"), clean(b""), clean(b"//x")
    (b'a/c', b'.', b'/x')
    """
    if _CLEAN.fullmatch(name):
        return name.rstrip(b"/")
    path = posixpath.normpath(name) if name else b"."
    return b"/" + path.lstrip(b"/") if path.startswith(b"//") else path
