"""The bytes of one member of an image.

The rule of this file: they are compared with the digest the index has, which was taken in a blob whose digest was verified;
more than the limit is an error, never a cut.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from os import PathLike
from typing import TYPE_CHECKING, Final

from toolkit.errors import LayerError, LimitError, MemberError, VerificationError
from toolkit.files.members import LayerIndex, Member
from toolkit.files.paths import clean, text
from toolkit.graph.store import Graph
from toolkit.layers.streams import decompress
from toolkit.pulling.report import Report
from toolkit.survey.image_files import ImageFiles, files, verified

if TYPE_CHECKING:
    from toolkit.sources.opening import Openable

LIMIT: Final = 64 * 1024 * 1024
"""Largest file that is read without being asked for by its size, in bytes."""


def read_file(
    image: Report | ImageFiles | str,
    path: str | bytes,
    *,
    layer: int | None = None,
    graph: Graph | str | PathLike[str] | None = None,
    source: Openable | None = None,
    limit: int = LIMIT,
) -> bytes:
    r"""Read one regular file of an image.

    Parameters
    ----------
    image, graph, source
        As in ``files``; with what ``files`` returned, no layer is indexed again.
    path : str or bytes
        Where it is; directories on the way may be links, the file itself may not.
    layer : int, optional
        Read it as that layer has it, also when a later one replaced or deleted it; 0 is the base.
    limit : int
        Largest size in bytes.

    Returns
    -------
    bytes

    Raises
    ------
    MemberError
        Nothing is there, or no regular file.
    LimitError
        It is larger than the limit.
    VerificationError
        The bytes are not those that were indexed.

    Examples
    --------
    >>> from toolkit import simulator
    >>> read_file("teach/clean:1", "etc/motd", source=simulator.teaching_registry())
    b'welcome\n'
    """
    found = files(image, graph=graph, source=source)
    wanted = clean(path if isinstance(path, bytes) else path.encode("utf-8", "surrogateescape"))
    position, member = _now(found, wanted) if layer is None else _then(found, wanted, layer)
    if member.type != "file" or member.is_sparse:
        raise MemberError(
            f"{text(wanted)} has no content that can be read",
            where=f"{found.name}, layer {position}",
            expected="a regular file without holes",
            actual="a sparse file" if member.type == "file" else _described(member),
            next_step="read what a link leads to" if member.link is not None else "",
        )
    if member.stored > limit:
        raise LimitError(
            f"{text(wanted)} is larger than the limit",
            where=f"{found.name}, layer {position}",
            expected=f"at most {limit} bytes",
            actual=f"{member.stored} bytes",
            next_step="give a larger limit",
        )
    data = b"".join(_pieces(found, found.layers[position], member))
    if member.sha256 is None or hashlib.sha256(data).digest() != member.sha256:
        raise VerificationError(
            f"{text(wanted)} is not what was indexed",
            where=f"{found.name}, layer {position}",
            expected="nothing: its layer breaks off" if member.sha256 is None else member.sha256.hex(),
            actual=hashlib.sha256(data).hexdigest(),
            next_step="look at the layer again with files(...)",
            code="file-digest",
        )
    return data


def _now(found: ImageFiles, path: bytes) -> tuple[int, Member]:
    """What stands at a path in the end."""
    entry = found.layering.tree.find(path)
    if entry is None:
        layers = [layer.position for layer in found.layers for member in layer.members if member.path == path]
        raise MemberError(
            f"no path {text(path)!r} in the image",
            where=found.name,
            next_step=f"it is in layer {layers[-1]}: give layer={layers[-1]}" if layers else "look for it in files(...).members",
        )
    if entry.source is None:
        raise MemberError(
            f"{text(path)} has no content that can be read",
            where=f"{found.name}, layer {entry.layer}",
            expected="a regular file",
            actual="a directory no header names" if entry.member is None else "a hard link to nothing",
        )
    return entry.source


def _then(found: ImageFiles, path: bytes, position: int) -> tuple[int, Member]:
    """The last header of a layer with a path, and what it leads to if it is a hard link."""
    if not 0 <= position < len(found.layers):
        raise MemberError("no such layer", where=found.name, expected=f"0 to {len(found.layers) - 1}", actual=position)
    seen: set[bytes] = set()
    at = position
    while True:
        member = _last(found.layers[at], path)
        if member is not None and (member.type != "hardlink" or path in seen):
            return at, member
        if member is not None:
            seen.add(path)
            path = clean(member.link or b"")
        elif seen and at > 0:
            at -= 1  # a hard link may lead into a lower layer
        else:
            raise MemberError(
                f"no path {text(path)!r} in layer {position}",
                where=found.name,
                next_step="look for it in files(...).members",
            )


def _last(layer: LayerIndex, path: bytes) -> Member | None:
    return next((member for member in reversed(layer.members) if member.path == path and member.type != "pax-global"), None)


def _described(member: Member) -> str:
    return member.type if member.link is None else f"{member.type} to {text(member.link)}"


def _pieces(found: ImageFiles, layer: LayerIndex, member: Member) -> Iterator[bytes]:
    """Decompress up to the content, and give it."""
    offset, end = 0, member.content + member.stored
    for piece in decompress(verified(found.graph, layer.blob_digest))[1]:
        start, stop = max(member.content - offset, 0), min(end - offset, len(piece))
        if start < stop:
            yield piece[start:stop]
        offset += len(piece)
        if offset >= end:
            return
    if offset < end:
        raise LayerError("unexpected EOF", where=f"offset {offset}", expected=f"{end - offset} more bytes")
