"""Headers as rows of the table ``files``.

The rule of this file: nothing is decided here; bytes become text, and what is no text is written in hex.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from toolkit.files.members import LayerIndex, Member
from toolkit.files.paths import text
from toolkit.records import File


def file_rows(layer: LayerIndex, shadowed: Mapping[tuple[int, int], int]) -> Iterator[File]:
    """Make the rows of a layer, in the order of its headers.

    Parameters
    ----------
    layer : LayerIndex
    shadowed : Mapping
        Layer and index of a header to the layer that replaced or hid it.

    >>> from toolkit.files.members import index_layer
    >>> list(file_rows(index_layer([bytes(1024)]), {}))
    []
    """
    return (_row(layer, member, shadowed.get((layer.position, member.number))) for member in layer.members)


def _row(layer: LayerIndex, member: Member, shadowed_by: int | None) -> File:
    attributes = member.attributes
    return File(
        position=layer.position,
        blob_digest=layer.blob_digest,
        diff_id=layer.diff_id,
        index=member.number,
        path=text(member.path),
        name=member.name.decode("utf-8", "backslashreplace"),
        raw_name=None if _is_text(member.name) else member.name.hex(),
        type=member.type,
        mode=attributes.mode,
        uid=attributes.uid,
        gid=attributes.gid,
        uname=attributes.uname,
        gname=attributes.gname,
        stored=member.stored,
        size=member.size,
        mtime=member.mtime,
        mtime_text=member.mtime_text,
        link=None if member.link is None else member.link.decode("utf-8", "backslashreplace"),
        device_major=attributes.major,
        device_minor=attributes.minor,
        sha256=None if member.sha256 is None else member.sha256.hex(),
        whiteout=member.whiteout,
        hides=None if member.hides is None else text(member.hides),
        shadowed_by=shadowed_by,
        header_offset=member.header,
        content_offset=member.content,
        extras=None if member.pax is None else _json(member.pax),
    )


def _json(records: Mapping[bytes, bytes]) -> str:
    """Write records as one JSON object; a value that is no text is an object with its hex digits."""
    plain = {
        name.decode("utf-8", "backslashreplace"): value.decode("utf-8") if _is_text(value) else {"hex": value.hex()}
        for name, value in sorted(records.items())
    }
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def _is_text(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
