"""One layer upon the other: which header stands at which path in the end, and what each layer did to each path.

The rule of this file: the whiteouts of a layer hide lower layers only, so they are applied before its other members, wherever
they stand. Parents that are links are followed inside the root, as unpackers do; nothing is looked at outside this tree.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from toolkit.files.members import LayerIndex, Member
from toolkit.files.paths import clean

_MOST_LINKS: Final = 255
"""As many links as one path may lead through, in Linux and in unpackers."""

Cause = Literal["deleted", "hidden"]
NoteKind = Literal["through-link", "link-loop", "parent-is-no-directory", "dangling-hard-link", "hides-nothing"]


class Entry(NamedTuple):
    """What stands at a path.

    ``member`` is the header, None for a parent that no header names. ``source`` is the layer and the header its content and
    attributes come from: another one for a hard link, None where that is not there.
    """

    layer: int
    member: Member | None
    source: tuple[int, Member] | None


class Touch(NamedTuple):
    """What one layer did to one path: what stood there before and stands there after; how it went, if it did."""

    layer: int
    path: bytes
    before: Entry | None
    after: Entry | None
    cause: Cause | None


class Note(NamedTuple):
    """Something unusual about how a member went onto the tree."""

    kind: NoteKind
    layer: int
    member: Member
    detail: bytes


@dataclass(slots=True)
class Node:
    """A place in the tree; only a directory has children."""

    entry: Entry
    children: dict[bytes, Node] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layering:
    """The tree after the last layer, and how it came about.

    ``entries`` are sorted by path, the root first if a header names it. ``shadowed`` says of a header, by layer and index, which
    layer replaced or hid it first.
    """

    tree: Tree
    entries: tuple[tuple[bytes, Entry], ...]
    touches: tuple[Touch, ...]

    @property
    def notes(self) -> list[Note]:
        """What was unusual, in order."""
        return self.tree.notes

    @property
    def shadowed(self) -> dict[tuple[int, int], int]:
        """Headers that are not seen in the end."""
        return self.tree.shadowed


def layer_all(layers: Sequence[LayerIndex]) -> Layering:
    """Lay all layers upon each other.

    Parameters
    ----------
    layers : sequence of LayerIndex
        Base first.

    Notes
    -----
    Origin: OCI image-spec, layer.md, "Applying Changesets".

    >>> layer_all([]).entries
    ()
    """
    tree = Tree()
    touches = tuple(touch for layer in layers for touch in tree.apply(layer))
    return Layering(tree=tree, entries=tuple(tree.entries()), touches=touches)


@dataclass(slots=True)
class Tree:
    """The tree as it grows; ``before`` and ``cause`` are about the layer at hand."""

    root: Node = field(default_factory=lambda: Node(Entry(-1, None, None), {}))
    notes: list[Note] = field(default_factory=list)
    shadowed: dict[tuple[int, int], int] = field(default_factory=dict)
    position: int = -1
    before: dict[bytes, Entry | None] = field(default_factory=dict)
    cause: dict[bytes, Cause] = field(default_factory=dict)

    def apply(self, layer: LayerIndex) -> list[Touch]:
        """Lay one more layer upon the tree; return what it did, sorted by path."""
        self.position, self.before, self.cause = layer.position, {}, {}
        for member in layer.members:
            if member.whiteout in ("file", "opaque"):
                self._hide(member)
        for member in layer.members:
            if member.whiteout == "none" and member.type != "pax-global":
                self._put(member)
        touches = []
        for path, before in sorted(self.before.items()):
            node = self.at(path)
            after = None if node is None else node.entry
            if before is not None or after is not None:
                touches.append(Touch(layer.position, path, before, after, self.cause.get(path) if after is None else None))
        return touches

    def at(self, path: bytes) -> Node | None:
        """The node at a path whose parents are directories; None where there is none."""
        node: Node | None = self.root
        for part in path.split(b"/") if path else []:
            node = None if node is None or node.children is None else node.children.get(part)
        return node

    def find(self, path: bytes) -> Entry | None:
        """What stands at a clean path, by way of parents that are links; None where nothing does."""
        _, node = self._find(path, follow_last=False)
        return None if node is None else node.entry

    def entries(self) -> Iterator[tuple[bytes, Entry]]:
        """Every path with what stands there, sorted; the root only where a header names it."""
        found = sorted(_below(self.root, b""), key=lambda one: one[0])
        if self.root.entry.member is not None:
            yield b"", self.root.entry
        yield from ((path, node.entry) for path, node in found)

    # -- whiteouts -----------------------------------------------------------------------------------------------

    def _hide(self, member: Member) -> None:
        if member.hides is None:
            self._note("hides-nothing", member, b"it names nothing")
            return
        if member.whiteout == "opaque":
            path, node = self._find(member.hides, follow_last=True)
            hidden = [] if node is None or node.children is None else list(node.children)
            for name in hidden:
                self._remove(path, name, "hidden")
        else:
            folder, _, name = member.hides.rpartition(b"/")
            path, node = self._find(folder, follow_last=True)
            hidden = [name] if node is not None and node.children is not None and name in node.children else []
            for each in hidden:
                self._remove(path, each, "deleted")
        if not hidden and member.whiteout == "file":
            self._note("hides-nothing", member, b"no lower layer has it")

    def _remove(self, folder: bytes, name: bytes, cause: Cause) -> None:
        """Take a name and all below it out of a directory that is there."""
        parent = self.at(folder)
        assert parent is not None
        assert parent.children is not None
        node = parent.children.pop(name)
        path = _join(folder, name)
        self._gone(path, node.entry, cause)
        for below, one in _below(node, path):
            self._gone(below, one.entry, "hidden")

    def _gone(self, path: bytes, entry: Entry, cause: Cause) -> None:
        self.before.setdefault(path, entry)
        self.cause.setdefault(path, cause)
        self._shadow(entry)

    def _shadow(self, entry: Entry) -> None:
        if entry.member is not None:
            self.shadowed.setdefault((entry.layer, entry.member.number), self.position)

    # -- members -------------------------------------------------------------------------------------------------

    def _put(self, member: Member) -> None:
        folder, _, name = member.path.rpartition(b"/")
        found = self._folder(folder, member)
        if found is None or not (name or member.type == "directory"):
            return  # the root stays a directory, whatever a header says
        place, parent = found
        assert parent.children is not None
        path = _join(place, name)
        old = parent.children.get(name) if name else self.root
        self.before.setdefault(path, None if old is None or old.entry.layer < 0 else old.entry)
        entry = Entry(self.position, member, self._source(member))
        if old is not None:
            self._shadow(old.entry)
            if member.type == "directory" and old.children is not None:
                old.entry = entry
                return
            for below in list(old.children or ()):
                self._remove(path, below, "hidden")
        parent.children[name] = Node(entry, {} if member.type == "directory" else None)

    def _source(self, member: Member) -> tuple[int, Member] | None:
        if member.type != "hardlink":
            return self.position, member
        target = clean(member.link or b"")
        folder, _, name = target.rpartition(b"/")
        path, node = self._find(folder, follow_last=True)
        found = None if node is None or node.children is None else node.children.get(name)
        entry = self.before.get(_join(path, name)) if found is None else found.entry
        if entry is None or entry.source is None or entry.source[1].type == "directory":
            self._note("dangling-hard-link", member, target)
            return None
        return entry.source

    def _folder(self, folder: bytes, member: Member) -> tuple[bytes, Node] | None:
        """Go to the directory a member belongs in, and make what is missing; None where links lead round in a circle."""
        pending, node, path = deque(folder.split(b"/") if folder else ()), self.root, b""
        followed = 0
        while pending:
            name = pending.popleft()
            if name == b"..":
                path = path.rpartition(b"/")[0]
                node = self._known(path)
                continue
            children = node.children
            assert children is not None
            child = children.get(name)
            target = _link(child)
            if target is not None:
                followed += 1
                if followed > _MOST_LINKS:
                    self._note("link-loop", member, folder)
                    return None
                self._note("through-link", member, _join(path, name))
                pending.extendleft(reversed(_parts(target)))
                if target.startswith(b"/"):
                    node, path = self.root, b""
                continue
            path = _join(path, name)
            if child is None or child.children is None:
                if child is not None:
                    self._note("parent-is-no-directory", member, path)
                    self._shadow(child.entry)
                self.before.setdefault(path, None if child is None else child.entry)
                child = children[name] = Node(Entry(self.position, None, None), {})
            node = child
        return path, node

    def _find(self, path: bytes, *, follow_last: bool) -> tuple[bytes, Node | None]:
        """Go to a path and make nothing; the path that was reached, and None where nothing is there."""
        pending, reached = deque(path.split(b"/") if path else ()), b""
        node: Node | None = self.root
        followed = 0
        while pending:
            name = pending.popleft()
            if name == b"..":
                reached = reached.rpartition(b"/")[0]
                node = self.at(reached)
                continue
            child = None if node is None or node.children is None else node.children.get(name)
            target = _link(child) if pending or follow_last else None
            if target is None:
                reached, node = _join(reached, name), child
                continue
            followed += 1
            if followed > _MOST_LINKS:
                return reached, None
            pending.extendleft(reversed(_parts(target)))
            if target.startswith(b"/"):
                node, reached = self.root, b""
        return reached, node

    def _known(self, path: bytes) -> Node:
        node = self.at(path)
        assert node is not None
        return node

    def _note(self, kind: NoteKind, member: Member, detail: bytes) -> None:
        self.notes.append(Note(kind, self.position, member, detail))


def _link(node: Node | None) -> bytes | None:
    """The target of a symbolic link; None for anything else."""
    if node is None or node.entry.source is None or node.entry.source[1].type != "symlink":
        return None
    return node.entry.source[1].link or b""


def _parts(target: bytes) -> list[bytes]:
    return [part for part in target.split(b"/") if part not in (b"", b".")]


def _join(folder: bytes, name: bytes) -> bytes:
    return folder + b"/" + name if folder else name


def _below(node: Node, path: bytes) -> Iterator[tuple[bytes, Node]]:
    """Everything below a node, in no order, without recursion: a path may be thousands deep."""
    pending = [(path, node)]
    while pending:
        folder, one = pending.pop()
        for name, child in (one.children or {}).items():
            below = _join(folder, name)
            yield below, child
            pending.append((below, child))
