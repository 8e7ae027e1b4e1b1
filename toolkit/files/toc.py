"""The table of contents an eStargz layer carries, compared with the tar it lies in.

The rule of this file: the tar is what everybody unpacks, so it is right; each difference is told. A lazy snapshotter believes
the table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from toolkit.files.members import TOC, LayerIndex, Member
from toolkit.files.paths import clean, text
from toolkit.records import FileType

_TYPES: Final[dict[str, FileType]] = {
    "reg": "file",
    "dir": "directory",
    "symlink": "symlink",
    "hardlink": "hardlink",
    "char": "character",
    "block": "block",
    "fifo": "fifo",
}


class Difference(NamedTuple):
    """One disagreement: the path, the header if there is one, and what differs."""

    path: str
    number: int | None
    detail: str


def differences(layer: LayerIndex) -> Iterator[Difference]:
    """Compare a layer's table with its tar; nothing for a layer without one.

    Notes
    -----
    Origin: stargz-snapshotter, docs/estargz.md, "TOC, TOCEntries and Footer".

    >>> from toolkit.files.members import index_layer
    >>> list(differences(index_layer([bytes(1024)])))
    []
    """
    if layer.toc is None:
        return
    try:
        entries = json.loads(layer.toc)["entries"]
        named = {clean(str(one["name"]).encode("utf-8")): one for one in entries if one["type"] != "chunk"}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        yield Difference(text(TOC), None, f"it cannot be read: {error!r}")
        return
    for member in layer.members:
        if member.path == TOC:
            continue
        entry = named.pop(member.path, None)
        if entry is None:
            yield Difference(text(member.path), member.number, "the table does not have it")
        else:
            yield from (Difference(text(member.path), member.number, detail) for detail in _differing(member, entry))
    for path in named:
        yield Difference(text(path), None, "only the table has it")


def _differing(member: Member, entry: dict[str, Any]) -> Iterator[str]:
    if _TYPES.get(str(entry["type"])) != member.type:
        yield f"the table says {entry['type']!s}, the tar {member.type}"
    elif member.type == "file":
        digest = None if member.sha256 is None else f"sha256:{member.sha256.hex()}"
        for what, told, there in (("size", entry.get("size", 0), member.size), ("digest", entry.get("digest", digest), digest)):
            if told != there:
                yield f"the table says {what} {told}, the tar {there}"
    elif member.link is not None and entry.get("linkName") != text(member.link):
        yield f"the table says target {entry.get('linkName')}, the tar {text(member.link)}"
