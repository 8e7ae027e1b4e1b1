"""What a careful reader should look at: members and layers that can mislead or hurt whoever unpacks them.

The rule of this file: a hazard is a fact about headers, not a verdict; each has a slug and a sentence here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from toolkit.files.layering import Layering
from toolkit.files.members import LayerIndex, Member
from toolkit.files.paths import leaves_root, text
from toolkit.files.tables import Hazard, HazardKind
from toolkit.files.toc import differences

HAZARDS: Final[Mapping[HazardKind, str]] = {
    "duplicate-name": "two headers of one layer have the same path, and readers take the first or the last",
    "leaves-root": "a name climbs out of the root",
    "absolute-name": "a name begins at the root of whoever unpacks it",
    "link-leaves-root": "a link's target climbs out of the root",
    "device": "a device",
    "setuid": "a program that runs as its owner",
    "setgid": "a program that runs as its group",
    "world-writable": "anybody may write to it",
    "unreadable-field": "a field of the header holds no number",
    "unknown-type": "a header of a type nobody knows",
    "through-link": "a member goes through a directory that is a link",
    "link-loop": "a member's directory is a circle of links",
    "parent-is-no-directory": "a member lies below something that was no directory, and replaced it",
    "dangling-hard-link": "a hard link to nothing",
    "hides-nothing": "a whiteout of what no lower layer has",
    "toc-disagrees": "the table of contents and the tar say different things",
    "diff-id-differs": "the tar is not what the configuration says it is",
    "bomb": "a layer that grows more than two-hundredfold when it is decompressed",
    "trailing-bytes": "bytes that are not zero behind the end marker",
    "damaged-layer": "a layer that cannot be read to its end",
}

RATIO: Final = 200
"""How many times its size a layer may grow."""
_SMALL: Final = 1024 * 1024
"""Below this many bytes of tar, growth hurts nobody: an empty tar of 10 KiB shrinks to 45 bytes."""


def hazards(layers: Sequence[LayerIndex], layering: Layering) -> Iterator[Hazard]:
    """List the hazards of an image, layer by layer, then how its members went onto the tree.

    >>> from toolkit.files.layering import layer_all
    >>> list(hazards([], layer_all([])))
    []
    """
    for layer in layers:
        yield from _of_layer(layer)
        yield from _repeated(layer)
        for member in layer.members:
            yield from (_row(kind, layer, member, detail) for kind, detail in _of_member(member))
        for path, index, detail in differences(layer):
            yield Hazard(hazard="toc-disagrees", layer=layer.position, index=index, path=path, detail=detail)
    for note in layering.notes:
        yield Hazard(
            hazard=note.kind,
            layer=note.layer,
            index=note.member.number,
            path=text(note.member.path),
            detail=text(note.detail),
        )


def _row(kind: HazardKind, layer: LayerIndex, member: Member, detail: str) -> Hazard:
    return Hazard(hazard=kind, layer=layer.position, index=member.number, path=text(member.path), detail=detail)


def _of_layer(layer: LayerIndex) -> Iterator[Hazard]:
    if layer.diff_id is not None and layer.claimed_diff_id not in (None, layer.diff_id):
        detail = f"{layer.claimed_diff_id} is claimed, {layer.diff_id} is right"
        yield Hazard(hazard="diff-id-differs", layer=layer.position, detail=detail)
    if layer.tar_size > _SMALL and layer.tar_size > RATIO * layer.blob_size:
        detail = f"{layer.blob_size} bytes grow to {layer.tar_size}"
        yield Hazard(hazard="bomb", layer=layer.position, detail=detail)
    if layer.trailing is not None:
        yield Hazard(hazard="trailing-bytes", layer=layer.position, detail=f"from offset {layer.trailing} of the tar")
    if layer.problem is not None:
        detail = " ".join(part for part in (layer.problem.message, layer.problem.where) if part)
        yield Hazard(hazard="damaged-layer", layer=layer.position, detail=detail)


def _repeated(layer: LayerIndex) -> Iterator[Hazard]:
    first: dict[bytes, int] = {}
    for member in layer.members:
        if member.type == "pax-global":
            continue
        index = first.setdefault(member.path, member.number)
        if index != member.number:
            yield _row("duplicate-name", layer, member, f"header {index} has it too")


def _of_member(member: Member) -> Iterator[tuple[HazardKind, str]]:
    name, kind, attributes = member.name, member.type, member.attributes
    if leaves_root(name):
        yield "leaves-root", text(name)
    if name.startswith(b"/"):
        yield "absolute-name", text(name)
    if member.link is not None and _link_leaves(member, member.link):
        yield "link-leaves-root", text(member.link)
    if kind in ("character", "block"):
        yield "device", f"{kind} {attributes.major}:{attributes.minor}"
    if kind == "other":
        yield "unknown-type", text(name)
    mode = attributes.mode or 0
    if kind == "file":
        yield from ((word, f"{mode:o}") for word, bit in _RUNS_AS if mode & bit)
    if mode & 0o002 and (kind == "file" or (kind == "directory" and not mode & 0o1000)):
        yield "world-writable", f"{mode:o}"
    unread = [field for field in ("mode", "uid", "gid") if getattr(attributes, field) is None]
    unread += ["mtime"] if member.mtime is None else []
    if unread:
        yield "unreadable-field", ", ".join(unread)


_RUNS_AS: Final[tuple[tuple[HazardKind, int], ...]] = (("setuid", 0o4000), ("setgid", 0o2000))


def _link_leaves(member: Member, link: bytes) -> bool:
    """Whether a link climbs out: from where it stands for a relative symbolic one, from the root otherwise."""
    if member.type == "hardlink" or link.startswith(b"/"):
        return leaves_root(link)
    return leaves_root(member.path.rpartition(b"/")[0] + b"/" + link)
