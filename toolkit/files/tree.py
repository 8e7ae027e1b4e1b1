"""The file system in the end: what a container of this image would see.

The rule of this file: one row for each path, none for what is hidden; a hard link has the content of what it leads to.
"""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.files.layering import Entry, Layering
from toolkit.files.paths import text
from toolkit.files.tables import Path


def paths(layering: Layering) -> Iterator[Path]:
    """Tell the tree, sorted by path.

    >>> from toolkit.files.layering import layer_all
    >>> list(paths(layer_all([])))
    []
    """
    return (path_of(path, entry) for path, entry in layering.entries)


def path_of(path: bytes, entry: Entry) -> Path:
    """Tell one path; attributes and content are those of what a hard link leads to."""
    member = entry.member
    if member is None:
        return Path(path=text(path), type="directory", size=0, layer=entry.layer)
    layer, source = entry.source or (None, None)
    known = source or member
    return Path(
        path=text(path),
        type=member.type,
        mode=known.attributes.mode,
        uid=known.attributes.uid,
        gid=known.attributes.gid,
        size=known.size,
        mtime=known.mtime,
        link=None if member.link is None else text(member.link),
        sha256=None if known.sha256 is None else known.sha256.hex(),
        layer=entry.layer,
        index=member.number,
        content_layer=layer,
        content_index=None if source is None else source.number,
    )
