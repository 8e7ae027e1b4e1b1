"""The tables of this room: one frozen dataclass for each, one field for each column.

The rule of this file: as in ``records``: a column is declared here, with its meaning and unit, and nowhere else. These tables
are made anew from layers whenever somebody asks, so they are in no ledger.
"""
# ruff: noqa: RUF009  # column() declares a column, it is not a shared default

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from toolkit.records import FileType, column

Change = Literal["added", "changed", "attributes-changed", "unchanged", "deleted", "hidden"]
"""unchanged: stored again as it was. deleted: a whiteout names it. hidden: it went with a directory above it."""

How = Literal["deleted", "hidden", "replaced", "repeated", "never-seen"]
"""repeated: a later header of its own layer took its place. never-seen: no tree has it, as for a name below a circle of links."""

HazardKind = Literal[
    "duplicate-name",
    "leaves-root",
    "absolute-name",
    "link-leaves-root",
    "device",
    "setuid",
    "setgid",
    "world-writable",
    "unreadable-field",
    "unknown-type",
    "through-link",
    "link-loop",
    "parent-is-no-directory",
    "dangling-hard-link",
    "hides-nothing",
    "toc-disagrees",
    "diff-id-differs",
    "bomb",
    "trailing-bytes",
    "damaged-layer",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """One row per path of the tree."""

    path: str = column("where it is, below the root; a dot for the root itself")
    type: FileType = column("what it is; hardlink for every further name of a file")
    mode: int | None = column("permission bits; missing where no header names the directory", default=None)
    uid: int | None = column("owner's number", default=None)
    gid: int | None = column("group's number", default=None)
    size: int = column("size of a file", unit="B")
    mtime: int | None = column("time of change", unit="s", default=None)
    link: str | None = column("target of a link", default=None)
    sha256: str | None = column("64 hex digits over a file's content", default=None)
    layer: int = column("layer that put it there")
    index: int | None = column("its header in that layer; missing where a directory is only implied", default=None)
    content_layer: int | None = column("layer that has the content", default=None)
    content_index: int | None = column("header with the content", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One row per path a layer did something to."""

    layer: int = column("the layer; 0 is the base")
    path: str = column("the path")
    change: Change = column("what became of it")
    attributes: str = column("which attributes differ, separated by commas; empty where none was before or none is left")
    type: str | None = column("what it is now", default=None)
    type_before: str | None = column("what it was", default=None)
    size: int | None = column("its size now", unit="B", default=None)
    size_before: int | None = column("its size before", unit="B", default=None)
    sha256: str | None = column("64 hex digits over its content now", default=None)
    sha256_before: str | None = column("the same before", default=None)
    before_layer: int | None = column("layer that had put it there", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """One row per regular file that is stored and that no path leads to."""

    layer: int = column("layer that still has it")
    index: int = column("its header in that layer")
    path: str = column("where it was")
    how: How = column("why it is not seen")
    hidden_by: int | None = column("layer that took it away", default=None)
    stored: int = column("bytes of content in the tar", unit="B")
    size: int = column("size a reader sees", unit="B")
    sha256: str | None = column("64 hex digits over its content", default=None)
    content_seen: bool = column("whether the same content stands elsewhere in the tree")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waste:
    """One row per layer: what it stores, and how much of that nobody sees."""

    layer: int = column("the layer; 0 is the base")
    blob_digest: str = column("digest of its blob")
    files: int = column("regular files in it")
    stored: int = column("bytes of their content", unit="B")
    wasted_files: int = column("those that no path leads to")
    wasted: int = column("bytes of their content", unit="B")


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """One row per place that looks like a secret; a content that several headers have is a row for each."""

    rule: str = column("slug of the rule")
    layer: int = column("layer that has it")
    index: int = column("its header in that layer")
    path: str = column("the file")
    offset: int | None = column("where in the file; missing when its name tells", unit="B", default=None)
    length: int | None = column("length of the value", unit="B", default=None)
    masked: str | None = column("its first letters, where they only say what kind it is, and stars", default=None)
    seen: bool = column("whether the file is seen in the end")
    hidden_by: int | None = column("layer that took it away", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """One row per hazard found."""

    hazard: HazardKind = column("slug of the hazard")
    layer: int = column("layer it is in")
    index: int | None = column("its header in that layer; missing when it is about the layer", default=None)
    path: str | None = column("its path", default=None)
    detail: str = column("what exactly")
