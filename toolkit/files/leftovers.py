"""What is stored and not seen in the end: files that can still be read, and the bytes they cost.

The rule of this file: a content counts as seen as long as one path leads to it; bytes are those stored in the tar.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from toolkit.files.layering import Layering
from toolkit.files.members import LayerIndex
from toolkit.files.paths import text
from toolkit.files.tables import How, Leftover, Waste


def leftovers(layers: Sequence[LayerIndex], layering: Layering) -> Iterator[Leftover]:
    """List the files that are stored and not seen, layer by layer.

    >>> from toolkit.files.layering import layer_all
    >>> list(leftovers([], layer_all([])))
    []
    """
    sources = [entry.source for _, entry in layering.entries if entry.source is not None]
    seen = {(layer, member.number) for layer, member in sources}
    contents = {member.sha256 for _, member in sources}
    causes = {
        (touch.before.layer, touch.before.member.number): touch.cause
        for touch in layering.touches
        if touch.before is not None and touch.before.member is not None
    }
    for layer in layers:
        for member in layer.members:
            key = layer.position, member.number
            if member.type != "file" or member.whiteout != "none" or key in seen:
                continue
            hidden_by = layering.shadowed.get(key)
            yield Leftover(
                layer=layer.position,
                index=member.number,
                path=text(member.path),
                how=_how(layer.position, hidden_by, causes.get(key)),
                hidden_by=hidden_by,
                stored=member.stored,
                size=member.size,
                sha256=None if member.sha256 is None else member.sha256.hex(),
                content_seen=member.sha256 is not None and member.sha256 in contents,
            )


def _how(layer: int, hidden_by: int | None, cause: Literal["deleted", "hidden"] | None) -> How:
    if hidden_by is None:
        return "never-seen"
    if hidden_by == layer:
        return "repeated"
    return cause or "replaced"


def waste(layers: Sequence[LayerIndex], rest: Sequence[Leftover]) -> Iterator[Waste]:
    """Sum up what nobody sees, layer by layer.

    >>> list(waste([], []))
    []
    """
    for layer in layers:
        files = [member for member in layer.members if member.type == "file" and member.whiteout == "none"]
        lost = [one for one in rest if one.layer == layer.position]
        yield Waste(
            layer=layer.position,
            blob_digest=layer.blob_digest,
            files=len(files),
            stored=sum(member.stored for member in files),
            wasted_files=len(lost),
            wasted=sum(one.stored for one in lost),
        )
