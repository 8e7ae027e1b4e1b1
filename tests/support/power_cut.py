"""A file system in memory that knows what would be left after a power cut.

Everything has two sides: what a process sees, and what the disk has. A write reaches the disk by a sync of its file, a name by
a sync of its directory. Until then it may be there, not be there, or be there in part, each independently of all others and in
any order: stricter than any real file system, and no claim about one.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import random
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from toolkit.fsops import System

ROOT: Final = Path("/disk")
"""Where the file system begins; it exists, and is durable."""

_DEVICES: Final = itertools.count(1 << 40)
_FIRST_DESCRIPTOR: Final = 1_000_000
_CONTENTS: Final[dict[bytes, int]] = {}


@dataclass(slots=True, eq=False)
class Inode:
    """A file or a directory: what processes see, what the disk has, and what is on its way."""

    number: int
    mode: int
    data: bytearray = field(default_factory=bytearray)
    entries: dict[str, Inode] = field(default_factory=dict)
    links: int = 0
    disk_data: bytes = b""
    disk_entries: dict[str, Inode] = field(default_factory=dict)
    writes: list[tuple[int, bytes | None]] = field(default_factory=list)
    names: dict[str, list[Inode | None]] = field(default_factory=dict)
    contents: list[bytes] | None = None

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.mode)

    def name(self, name: str, inode: Inode | None) -> None:
        """Let a name mean something else, or nothing."""
        before = self.entries.pop(name, None)
        if before is not None:
            before.links -= 1
        if inode is not None:
            self.entries[name] = inode
            inode.links += 1
        self.names.setdefault(name, []).append(inode)

    def wrote(self, offset: int, data: bytes | None) -> None:
        """Note what may or may not reach the disk; without data the file was cut at the offset."""
        _apply(self.data, offset, data)
        self.writes.append((offset, data))
        self.contents = None

    def sync(self) -> None:
        """Bring it to the disk: content of a file, names of a directory."""
        if self.is_directory:
            self.disk_entries = dict(self.entries)
            self.names = {}
        else:
            self.disk_data = bytes(self.data)
            self.writes = []
            self.contents = None

    def possible_contents(self) -> list[bytes]:
        """What the disk may have after a power cut: the old, the new, and some of what lies between."""
        if self.contents is None:
            found = {self.disk_data: None, bytes(self.data): None}
            if self.writes:
                found[bytes(len(self.data))] = None  # its size came through, its bytes did not
                chance = random.Random(len(self.writes))  # noqa: S311  # no secret: the same states on every run
                for number in sorted({0, len(self.writes) // 2, len(self.writes) - 1}):
                    found[self._after(self.writes[:number])] = None
                    offset, data = self.writes[number]
                    torn = None if data is None else data[: len(data) // 2]
                    found[self._after([*self.writes[:number], (offset, torn)])] = None
                for _ in range(2 if len(self.writes) > 1 else 0):
                    found[self._after([one for one in self.writes if chance.random() < 0.5])] = None
            self.contents = list(found)
        return self.contents

    def _after(self, writes: list[tuple[int, bytes | None]]) -> bytes:
        data = bytearray(self.disk_data)
        for write in writes:
            _apply(data, *write)
        return bytes(data)


def _apply(data: bytearray, offset: int, written: bytes | None) -> None:
    if written is None:
        del data[offset:]
        return
    if len(data) < offset:
        data.extend(bytes(offset - len(data)))
    data[offset : offset + len(written)] = written


@dataclass(slots=True)
class _Opened:
    inode: Inode
    flags: int
    path: Path
    place: int = 0


Tree = dict[str, bytes | None]
"""A state of the disk: paths to contents; None for a directory."""


class PowerCut(System):
    """The file system.

    Parameters
    ----------
    tree : mapping, optional
        What the disk has in the beginning.

    Attributes
    ----------
    changed : callable or None
        Called after every operation that changes what may be left after a power cut, with its name and its path.
    """

    def __init__(self, tree: Tree | None = None) -> None:
        super().__init__()
        self._device = next(_DEVICES)
        self._numbers = itertools.count(2)
        self._root = Inode(1, stat.S_IFDIR | 0o755, links=1)
        self._files: dict[int, _Opened] = {}
        self._claims: dict[int, int] = {}
        self._descriptors = itertools.count(_FIRST_DESCRIPTOR)
        self._guard = threading.RLock()
        self.changed: Callable[[str, Path], None] | None = None
        for path, data in (tree or {}).items():
            self._put(path, data)

    def _put(self, path: str, data: bytes | None) -> None:
        folder = self._root
        *above, name = path.split("/")
        for part in above:
            folder = folder.entries[part]
        inode = Inode(next(self._numbers), (stat.S_IFDIR | 0o700) if data is None else (stat.S_IFREG | 0o600))
        if data is not None:
            inode.data = bytearray(data)
            inode.sync()
        folder.name(name, inode)
        folder.sync()

    # -- what the package calls ----------------------------------------------------------------------------------

    def open(self, path: str | os.PathLike[str], flags: int, mode: int = 0o777, *, folder: int | None = None) -> int:
        assert folder is None, "nothing in a graph is opened relative to a folder"
        with self._guard:
            where = Path(path)
            inode = self._find(where)
            if inode is None:
                if not flags & os.O_CREAT:
                    raise _refused(errno.ENOENT, where)
                inode = Inode(next(self._numbers), stat.S_IFREG | mode)
                self._folder_of(where).name(where.name, inode)
                self._tell("open", where)
            elif flags & os.O_EXCL:
                raise _refused(errno.EEXIST, where)
            if flags & os.O_DIRECTORY and not inode.is_directory:
                raise _refused(errno.ENOTDIR, where)
            if inode.is_directory and flags & (os.O_WRONLY | os.O_RDWR):
                raise _refused(errno.EISDIR, where)
            if flags & (os.O_WRONLY | os.O_RDWR) and not inode.mode & 0o200 and not flags & os.O_CREAT:
                raise _refused(errno.EACCES, where)
            descriptor = next(self._descriptors)
            self._files[descriptor] = _Opened(inode, flags, where)
            return descriptor

    def close(self, descriptor: int) -> None:
        with self._guard:
            inode = self._opened(descriptor).inode
            del self._files[descriptor]
            if self._claims.get(inode.number) == descriptor:
                del self._claims[inode.number]

    def read(self, descriptor: int, size: int) -> bytes:
        with self._guard:
            file = self._opened(descriptor)
            data = bytes(file.inode.data[file.place : file.place + size])
            file.place += len(data)
            return data

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        with self._guard:
            file = self._opened(descriptor)
            if file.flags & os.O_APPEND:
                file.place = len(file.inode.data)
            file.inode.wrote(file.place, bytes(data))
            file.place += len(data)
            self._tell("write", file.path)
            return len(data)

    def seek(self, descriptor: int, offset: int) -> int:
        with self._guard:
            self._opened(descriptor).place = offset
            return offset

    def truncate(self, descriptor: int, size: int) -> None:
        with self._guard:
            file = self._opened(descriptor)
            file.inode.wrote(size, None)
            self._tell("truncate", file.path)

    def sync(self, descriptor: int) -> None:
        with self._guard:
            file = self._opened(descriptor)
            file.inode.sync()
            self._tell("sync", file.path)

    def start_write_back(self, descriptor: int, offset: int, count: int) -> None:
        """Promise nothing."""

    def set_mode(self, descriptor: int, mode: int) -> None:
        with self._guard:
            inode = self._opened(descriptor).inode
            inode.mode = stat.S_IFMT(inode.mode) | mode

    def status_of(self, descriptor: int) -> os.stat_result:
        with self._guard:
            return self._status(self._opened(descriptor).inode)

    def status(self, path: str | os.PathLike[str]) -> os.stat_result:
        with self._guard:
            return self._status(self._required(Path(path)))

    def may_write(self, path: str | os.PathLike[str]) -> bool:
        return True

    def link_status(self, path: str | os.PathLike[str]) -> os.stat_result:
        return self.status(path)

    def names(self, path: str | os.PathLike[str]) -> list[str]:
        with self._guard:
            inode = self._required(Path(path))
            if not inode.is_directory:
                raise _refused(errno.ENOTDIR, Path(path))
            return list(inode.entries)

    def make_directory(self, path: str | os.PathLike[str], mode: int) -> None:
        with self._guard:
            where = Path(path)
            if self._find(where) is not None:
                raise _refused(errno.EEXIST, where)
            self._folder_of(where).name(where.name, Inode(next(self._numbers), stat.S_IFDIR | mode))
            self._tell("make_directory", where)

    def remove_directory(self, path: str | os.PathLike[str]) -> None:
        with self._guard:
            where = Path(path)
            if self._required(where).entries:
                raise _refused(errno.ENOTEMPTY, where)
            self._folder_of(where).name(where.name, None)
            self._tell("remove_directory", where)

    def remove(self, path: str | os.PathLike[str]) -> None:
        with self._guard:
            where = Path(path)
            if self._required(where).is_directory:
                raise _refused(errno.EISDIR, where)
            self._folder_of(where).name(where.name, None)
            self._tell("remove", where)

    def link(self, source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
        with self._guard:
            where = Path(target)
            inode = self._required(Path(source))
            if self._find(where) is not None:
                raise _refused(errno.EEXIST, where)
            self._folder_of(where).name(where.name, inode)
            self._tell("link", where)

    def rename(self, source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
        with self._guard:
            old, new = Path(source), Path(target)
            inode, there = self._required(old), self._find(new)
            if there is not None and there.is_directory and (there.entries or not inode.is_directory):
                raise _refused(errno.ENOTEMPTY, new)
            self._folder_of(new).name(new.name, inode)
            self._folder_of(old).name(old.name, None)
            self._tell("rename", new)

    def resolve(self, path: Path) -> Path:
        with self._guard:
            self._required(path)
            return path

    def lock(self, descriptor: int, byte: int) -> bool:
        return True

    def unlock(self, descriptor: int, byte: int) -> None:
        """Nobody else is here."""

    def lock_holder(self, descriptor: int, byte: int) -> int:
        return 0

    def claim(self, descriptor: int, *, shared: bool = False) -> bool:
        with self._guard:
            number = self._opened(descriptor).inode.number
            if self._claims.get(number, descriptor) != descriptor:
                return False
            if not shared:
                self._claims[number] = descriptor
            return True

    # -- what tests ask ------------------------------------------------------------------------------------------

    def path_of(self, descriptor: int) -> Path:
        """The path a descriptor was opened by."""
        return self._opened(descriptor).path

    def number_at(self, path: Path) -> int | None:
        """Which inode stands under a path; None when there is none."""
        with self._guard:
            inode = self._find(path)
            return None if inode is None else inode.number

    def read_now(self, path: Path) -> bytes | None:
        """What a process would read, without an operation."""
        with self._guard:
            inode = self._find(path)
            return None if inode is None else bytes(inode.data)

    def abandoned(self) -> PowerCut:
        """The same disk after every process on it was killed: nothing is lost that only a power cut would lose."""
        with self._guard:
            other = PowerCut()
            other._root = self._root  # one of us
            other._numbers = self._numbers
            return other

    def seen(self) -> Tree:
        """What processes see."""
        with self._guard:
            return dict(_walk(self._root, "", lambda inode: inode.entries, lambda inode: bytes(inode.data)))

    def states(self, count: int, chance: random.Random) -> Iterator[Tree]:
        """States in which a power cut may leave the disk now: extremes first, then so many at random, none twice.

        Parameters
        ----------
        count : int
            How many to draw; equal ones are given once.
        chance : random.Random
        """
        with self._guard:
            names, files = self._open_questions()
            sizes = [len(options) for _, _, options in names] + [len(options) for _, options in files]
            total = 1
            for size in sizes:
                total *= size
            drawn = (
                range(total)
                if total <= count
                else dict.fromkeys([*_extremes(sizes), *(chance.randrange(total) for _ in range(count))])
            )
            for number in drawn:
                rest = number
                picked_names: dict[tuple[int, str], Inode | None] = {}
                picked_files: dict[int, bytes] = {}
                for folder, name, values in names:
                    rest, index = divmod(rest, len(values))
                    picked_names[folder.number, name] = values[index]
                for inode, contents in files:
                    rest, index = divmod(rest, len(contents))
                    picked_files[inode.number] = contents[index]
                yield dict(_walk(self._root, "", _entries_after(picked_names), _content_after(picked_files)))

    def _open_questions(self) -> tuple[list[tuple[Inode, str, list[Inode | None]]], list[tuple[Inode, list[bytes]]]]:
        """Everything of which the disk may have more than one version: names and contents."""
        names: list[tuple[Inode, str, list[Inode | None]]] = []
        files: list[tuple[Inode, list[bytes]]] = []
        seen: set[int] = set()
        todo = [self._root]
        while todo:
            inode = todo.pop()
            if inode.number in seen:
                continue
            seen.add(inode.number)
            if not inode.is_directory:
                contents = inode.possible_contents()
                if len(contents) > 1:
                    files.append((inode, contents))
                continue
            todo += inode.disk_entries.values()
            for name, values in inode.names.items():
                options = list(dict.fromkeys([inode.disk_entries.get(name), values[-1], *values]))
                todo += [one for one in options if one is not None]
                if len(options) > 1:
                    names.append((inode, name, options))
        return names, files

    # -- inside --------------------------------------------------------------------------------------------------

    def _opened(self, descriptor: int) -> _Opened:
        if descriptor not in self._files:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._files[descriptor]

    def _tell(self, operation: str, path: Path) -> None:
        if self.changed is not None and path.is_relative_to(ROOT):
            self.changed(operation, path)

    def _find(self, path: Path) -> Inode | None:
        if path == ROOT.parent:
            return self._root  # where it is mounted: nothing there changes
        assert path.is_relative_to(ROOT), path
        inode = self._root
        for part in path.parts[len(ROOT.parts) :]:
            if not inode.is_directory:
                raise _refused(errno.ENOTDIR, path)
            found = inode.entries.get(part)
            if found is None:
                return None
            inode = found
        return inode

    def _required(self, path: Path) -> Inode:
        inode = self._find(path)
        if inode is None:
            raise _refused(errno.ENOENT, path)
        return inode

    def _folder_of(self, path: Path) -> Inode:
        inode = self._required(path.parent)
        if not inode.is_directory:
            raise _refused(errno.ENOTDIR, path)
        return inode

    def _status(self, inode: Inode) -> os.stat_result:
        size = len(inode.data)
        return os.stat_result((inode.mode, inode.number, self._device, inode.links, os.geteuid(), os.getegid(), size, 0, 0, 0))


def _walk(
    folder: Inode, prefix: str, entries: Callable[[Inode], dict[str, Inode]], content: Callable[[Inode], bytes]
) -> Iterator[tuple[str, bytes | None]]:
    found = entries(folder)
    for name in sorted(found):
        inode = found[name]
        if inode.is_directory:
            yield f"{prefix}{name}", None
            yield from _walk(inode, f"{prefix}{name}/", entries, content)
        else:
            yield f"{prefix}{name}", content(inode)


def _entries_after(picked: dict[tuple[int, str], Inode | None]) -> Callable[[Inode], dict[str, Inode]]:
    def entries(inode: Inode) -> dict[str, Inode]:
        found = dict(inode.disk_entries)
        for name in inode.names:
            value = picked.get((inode.number, name), found.get(name))
            if value is None:
                found.pop(name, None)
            else:
                found[name] = value
        return found

    return entries


def _content_after(picked: dict[int, bytes]) -> Callable[[Inode], bytes]:
    return lambda inode: picked.get(inode.number, inode.disk_data)


def _extremes(sizes: list[int]) -> Iterator[int]:
    """Nothing came through, all of it, all but one thing, and one thing alone."""
    weights = list(itertools.accumulate(sizes, lambda one, two: one * two, initial=1))[:-1]
    newest = sum(weight * min(1, size - 1) for weight, size in zip(weights, sizes, strict=True))
    yield 0
    yield newest
    for weight in weights:
        yield weight
        yield newest - weight


def _refused(number: int, path: Path) -> OSError:
    return OSError(number, os.strerror(number), str(path))


@contextlib.contextmanager
def watched(disk: PowerCut, changed: Callable[[str, Path], None]) -> Iterator[None]:
    """Call something after every change, as long as the context lasts."""
    disk.changed = changed
    try:
        yield
    finally:
        disk.changed = None
