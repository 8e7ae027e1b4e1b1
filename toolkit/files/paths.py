"""Where a name in a tar goes: cleaned, below the root, and whether it is a whiteout.

The rule of this file: a name is bytes; it becomes text only to be shown, and what is no UTF-8 is shown as numbers.
"""

from __future__ import annotations

from typing import Final, Literal

Whiteout = Literal["none", "file", "opaque", "metadata"]
"""metadata: what aufs kept for itself, which hides nothing and is no file."""

_PREFIX: Final = b".wh."
_OPAQUE: Final = b".wh..wh..opq"
_OWN: Final = b".wh..wh."
_ODD: Final = (b"", b".", b"/")
_NOWHERE: Final = (b"", b".", b"..")


def clean(name: bytes) -> bytes:
    """Say where a name goes, relative to the root; the root itself is empty.

    Notes
    -----
    Origin: OCI image-spec, layer.md; ``..`` stops at the root, as in every unpacker that is not broken.

    >>> clean(b"./a//b/"), clean(b"/../../etc/x"), clean(b".")
    (b'a/b', b'etc/x', b'')
    """
    if name[:1] not in _ODD and b"/." not in name and b"//" not in name and not name.endswith(b"/"):
        return name  # most of them
    parts: list[bytes] = []
    for part in name.split(b"/"):
        if part == b"..":
            del parts[-1:]
        elif part not in (b"", b"."):
            parts.append(part)
    return b"/".join(parts)


def leaves_root(name: bytes) -> bool:
    """Whether a name climbs above where it starts.

    >>> leaves_root(b"a/../b"), leaves_root(b"a/../../b")
    (False, True)
    """
    depth = 0
    for part in name.split(b"/"):
        depth += -1 if part == b".." else part not in (b"", b".")
        if depth < 0:
            return True
    return False


def whiteout_of(path: bytes) -> tuple[Whiteout, bytes | None]:
    """Tell whether a clean path is a whiteout, and the path it hides; None where it hides nothing.

    Notes
    -----
    Origin: OCI image-spec, layer.md, "Whiteouts"; Docker ``pkg/archive/whiteouts.go``.

    >>> whiteout_of(b"a/.wh.b"), whiteout_of(b"a/.wh..wh..opq"), whiteout_of(b"a/b")
    (('file', b'a/b'), ('opaque', b'a'), ('none', None))
    """
    folder, slash, base = path.rpartition(b"/")
    if not base.startswith(_PREFIX):
        return "none", None
    if base == _OPAQUE:
        return "opaque", folder
    if base.startswith(_OWN):
        return "metadata", None
    hidden = base.removeprefix(_PREFIX)
    return "file", None if hidden in _NOWHERE else folder + slash + hidden


def text(path: bytes) -> str:
    r"""Show a path: the root as a dot, what is no UTF-8 as numbers.

    >>> text(b""), text(b"a\xff")
    ('.', 'a\\xff')
    """
    return path.decode("utf-8", "backslashreplace") or "."
