"""Files that are written: new ones, ones that only grow, and indexes.

The rule of this file: what is not whole and synced never gets a name, but for an index that can be made anew.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final, Self

from toolkit.fsops.folders import discard, link_new, sync_directory
from toolkit.fsops.naming import fresh_name
from toolkit.fsops.refusals import guarded
from toolkit.fsops.system import System, current
from toolkit.fsops.written import Written, write_all

_WRITE_BACK: Final = 8 * 1024 * 1024
_NO_FILE_OF_OURS: Final = (errno.ENOENT, errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.EACCES)
"""Nothing there; a link, a folder or a pipe; or a file that was about to be committed, and is read-only already."""


def write_new(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a file that must not exist yet, and sync it: for folders in the making, since it may be seen half written."""
    with NewFile(path, mode=mode) as file:
        file.write(data)
        file.sync()


def write_whole(path: Path, data: bytes, *, mode: int = 0o600, staging: Path | None = None) -> bool:
    """Write a file that appears with all of its bytes, and durably; False when there is one already, which stays.

    Parameters
    ----------
    path : path
    data : bytes
    mode : int
    staging : path, optional
        The folder in which it is written first; the one it will stand in when absent.
    """
    fresh = (staging or path.parent) / fresh_name(f".{path.name}.")
    try:
        write_new(fresh, data, mode=mode)
        return link_new(fresh, path)
    finally:
        discard(fresh)


def replace(path: Path, data: bytes, *, mode: int = 0o600, durable: bool = True) -> None:
    """Write an index anew: the old content or the new is there at every moment. Not for evidence.

    What is not ``durable`` may be lost, or half there, after a power cut: for what can be made anew.
    """
    fresh = path.with_name(fresh_name(f".{path.name}."))
    try:
        with NewFile(fresh, mode=mode) as file:
            file.write(data)
            if durable:
                file.sync()
        with guarded(path, "replace"):
            current().rename(fresh, path)
    except BaseException:
        discard(fresh)
        raise
    if durable:
        sync_directory(path.parent)


class AppendedFile:
    """A file that only grows, open for a while; nobody relies on it after its process has ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._system = current()
        with guarded(path, "append to"):
            self._descriptor = self._system.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)

    def write(self, data: bytes) -> None:
        """Add all of it, or raise."""
        with guarded(self._path, "append to"):
            write_all(self._system, self._descriptor, data)

    def close(self) -> None:
        """Close the descriptor."""
        with guarded(self._path, "close"):
            self._system.close(self._descriptor)


class NewFile(Written):
    """A file in the making, under a name nobody else has."""

    def __init__(self, path: Path, *, mode: int = 0o600) -> None:
        system = current()
        with guarded(path, "create"):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            self._take(path, system, system.open(path, flags, mode), 0)

    def _take(self, path: Path, system: System, descriptor: int, size: int) -> None:
        self.path = path
        self._system = system
        self._descriptor = descriptor
        self._flushed = size
        self._unflushed = 0
        self.is_poisoned = False

    @classmethod
    def reopened(cls, path: Path) -> Self | None:
        """Go on with a file that was not finished; None when it is not there, or no plain file of ours."""
        file = cls.__new__(cls)
        system = current()
        with guarded(path, "open"):
            try:
                descriptor = system.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK)
            except OSError as error:
                if error.errno in _NO_FILE_OF_OURS:
                    return None
                raise
            try:
                status = system.status_of(descriptor)
            except OSError:
                system.close(descriptor)
                raise
            file._take(path, system, descriptor, status.st_size)  # noqa: SLF001  # another way to make one of us
            if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_nlink != 1:
                file.close()
                return None
        return file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def write(self, data: bytes | memoryview) -> None:
        """Write all of it, or raise; the disk is set to work early, so that the sync at the end is short."""
        with guarded(self.path, "write"):
            write_all(self._system, self._descriptor, data)
        self._unflushed += len(data)
        if self._unflushed >= _WRITE_BACK:
            self._system.start_write_back(self._descriptor, self._flushed, self._unflushed)
            self._flushed, self._unflushed = self._flushed + self._unflushed, 0

    def restart(self) -> None:
        """Drop what was written."""
        with guarded(self.path, "truncate"):
            self._system.truncate(self._descriptor, 0)
            self._system.seek(self._descriptor, 0)
        self._flushed = self._unflushed = 0

    @property
    def size(self) -> int:
        """How many bytes the system says are in it."""
        with guarded(self.path, "look at"):
            return self._system.status_of(self._descriptor).st_size

    def close(self) -> None:
        """Close the descriptor; safe to call twice."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            with guarded(self.path, "close"):
                self._system.close(descriptor)
