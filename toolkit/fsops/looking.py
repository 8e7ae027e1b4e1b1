"""Looking at what is there, and reading it.

The rule of this file: nothing here changes anything. What is not there is nothing, not an error; a link in the place of
a file of ours is not followed where its bytes would be believed.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Self

from toolkit.fsops.refusals import guarded
from toolkit.fsops.system import System, current

CHUNK: Final = 256 * 1024
"""Largest piece that is read at once, in bytes."""
_WRITERS: Final = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
_STEP: Final = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW
"""How a folder on the way to a file is opened: to go through it, not to read it."""


def read(path: Path) -> bytes | None:
    """Read a whole small file; None when it is not there."""
    with guarded(path, "read"):
        try:
            return b"".join(_pieces(path))
        except FileNotFoundError:
            return None


def chunks(path: Path) -> Iterator[bytes]:
    """Read a file of any size in pieces."""
    with guarded(path, "read"):
        yield from _pieces(path)


def _pieces(path: Path) -> Iterator[bytes]:
    with OpenFile(current(), current().open(path, os.O_RDONLY)) as file:
        while chunk := file.read(CHUNK):
            yield chunk


class OpenFile:
    """A file that is read; what the system raises is raised."""

    def __init__(self, system: System, descriptor: int) -> None:
        self._system = system
        self._descriptor = descriptor

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self._system.close(self._descriptor)

    def read(self, size: int) -> bytes:
        """Read at most so many bytes; none at the end."""
        return self._system.read(self._descriptor, size)

    def seek(self, offset: int) -> int:
        """Go to a place, counted from the beginning."""
        return self._system.seek(self._descriptor, offset)


def open_regular(path: Path) -> OpenFile | None:
    """Open a regular file wherever its path leads; None, and no waiting, when a pipe or a device stands there.

    Raises
    ------
    OSError
        It cannot be opened.
    """
    system = current()
    return _regular(system, system.open(path, os.O_RDONLY | os.O_NONBLOCK))


def open_beneath(root: Path, parts: Sequence[str]) -> OpenFile | None:
    """Open a regular file by the folders that lead to it, none of which may be a link by now.

    Parameters
    ----------
    root : path
        Where to begin.
    parts : sequence of str
        The names below it; the last one is the file's.

    Returns
    -------
    OpenFile or None
        None when what stands there is no regular file.

    Raises
    ------
    OSError
        It cannot be opened, or a link stands on the way: put there after the path was resolved.
    """
    system = current()
    folder = system.open(root, _STEP & ~os.O_NOFOLLOW)
    try:
        for part in parts[:-1]:
            inner = system.open(part, _STEP, folder=folder)
            system.close(folder)
            folder = inner
        descriptor = system.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, folder=folder)
    finally:
        system.close(folder)
    return _regular(system, descriptor)


def _regular(system: System, descriptor: int) -> OpenFile | None:
    if stat.S_ISREG(system.status_of(descriptor).st_mode):
        return OpenFile(system, descriptor)
    system.close(descriptor)
    return None


def size(path: Path) -> int | None:
    """The size of a file in bytes; None when it is not there."""
    status = _status(path)
    return None if status is None else status.st_size


def exists(path: Path) -> bool:
    """Whether there is something under a path."""
    return _status(path) is not None


def is_directory(path: Path) -> bool:
    """Whether there is a directory under a path."""
    status = _status(path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def is_read_only(path: Path) -> bool:
    """Whether what stands under a path must not be changed: its mount or its permissions say so, to its owner and to root too.

    What is not there can be made, or the attempt says why not.
    """
    status = _status(path)
    return status is not None and (not status.st_mode & _WRITERS or not current().may_write(path))


def is_exposed(path: Path) -> str | None:
    """Say who else could change a directory at any moment: its owner, if that is not us, or everybody; None when nobody can."""
    status = _status(path)
    if status is None:
        return None
    if status.st_uid != os.geteuid():
        return f"it belongs to user {status.st_uid}, not to us (user {os.geteuid()})"
    return f"everybody may write into it (mode {stat.S_IMODE(status.st_mode):04o})" if status.st_mode & stat.S_IWOTH else None


def names(path: Path) -> list[str]:
    """The names in a directory, sorted; none when it is not there."""
    with guarded(path, "list"):
        try:
            return sorted(current().names(path))
        except FileNotFoundError:
            return []


def _status(path: Path) -> os.stat_result | None:
    with guarded(path, "look at"):
        try:
            return current().status(path)
        except FileNotFoundError:
            return None


class Follower:
    """Reads a file that grows, from its first byte, also after its name is gone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._system = current()
        self._descriptor = -1
        self.number = 0
        """How many files there were under that name."""

    def read(self) -> bytes:
        """What is new; nothing when there is no file. A file that took the name over follows, on a line of its own."""
        with guarded(self._path, "read"):
            data = b"" if self._descriptor < 0 else self._rest()
            if self._descriptor < 0 or self._replaced():
                self.close()
                self._descriptor = self._opened()
                if self._descriptor >= 0:
                    self.number += 1
                    data += (b"\n" if self.number > 1 else b"") + self._rest()
        return data

    def _opened(self) -> int:
        try:
            return self._system.open(self._path, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return -1
        except OSError as error:
            if error.errno == errno.ELOOP:
                return -1  # a link is no file of ours
            raise

    def close(self) -> None:
        """Close it; safe to call twice."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            with guarded(self._path, "close"):
                self._system.close(descriptor)

    def _rest(self) -> bytes:
        return b"".join(iter(lambda: self._system.read(self._descriptor, CHUNK), b""))

    def _replaced(self) -> bool:
        try:
            named = self._system.link_status(self._path)
        except FileNotFoundError:
            return False
        return named.st_ino != self._system.status_of(self._descriptor).st_ino
