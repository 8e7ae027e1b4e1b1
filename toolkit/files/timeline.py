"""What each layer did to each path.

The rule of this file: a change is told by comparing what stood at a path before the layer and after it, never by the header
alone. Content decides between changed and not; then the attributes.
"""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.files.layering import Entry, Layering, Touch
from toolkit.files.paths import text
from toolkit.files.tables import Change, Step
from toolkit.records import FileType


def steps(layering: Layering) -> Iterator[Step]:
    """Tell what happened, layer by layer from the base, sorted by path within each.

    >>> from toolkit.files.layering import layer_all
    >>> list(steps(layer_all([])))
    []
    """
    return (_step(touch) for touch in layering.touches)


def _step(touch: Touch) -> Step:
    before, after = touch.before, touch.after
    differing = _differing(before, after) if before is not None and after is not None else []
    if after is None:
        change: Change = touch.cause or "hidden"
    elif before is None:
        change = "added"
    elif _content(before) != _content(after):
        change = "changed"
    else:
        change = "attributes-changed" if differing else "unchanged"
    return Step(
        layer=touch.layer,
        path=text(touch.path),
        change=change,
        attributes=",".join(differing),
        type=_type(after),
        type_before=_type(before),
        size=_size(after),
        size_before=_size(before),
        sha256=_sha256(after),
        sha256_before=_sha256(before),
        before_layer=None if before is None else before.layer,
    )


def _content(entry: Entry) -> object:
    """What a path is, but for its attributes; two names of one file are the same."""
    if entry.member is None:
        return ("directory",)
    if entry.source is None:
        return entry.member.link
    layer, source = entry.source
    if source.type == "file":
        return source.sha256 or (layer, source.number)  # nobody can tell whether sparse files are the same
    return (source.type, source.link, source.attributes.major, source.attributes.minor)[: 1 if source.type == "directory" else 4]


def _differing(before: Entry, after: Entry) -> list[str]:
    return [name for name, value in _attributes(before).items() if value != _attributes(after)[name]]


def _attributes(entry: Entry) -> dict[str, object]:
    if entry.source is None:
        return dict.fromkeys(("mode", "uid", "gid", "mtime", "extras"))
    source = entry.source[1]
    return {
        "mode": source.attributes.mode,
        "uid": source.attributes.uid,
        "gid": source.attributes.gid,
        "mtime": (source.mtime, source.mtime_text),
        "extras": source.pax,
    }


def _type(entry: Entry | None) -> FileType | None:
    if entry is None:
        return None
    return "directory" if entry.member is None else entry.member.type


def _size(entry: Entry | None) -> int | None:
    return None if entry is None else 0 if entry.source is None else entry.source[1].size


def _sha256(entry: Entry | None) -> str | None:
    digest = None if entry is None or entry.source is None else entry.source[1].sha256
    return None if digest is None else digest.hex()
