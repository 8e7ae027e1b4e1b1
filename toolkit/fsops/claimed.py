"""Files that one process writes, and that say as long as it lives that it does.

The rule of this file: a claim belongs to the open file, so it dies with its process, and two openings in one process are two
claimants. What was written in part is cut off again.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from toolkit.errors import GraphIOError
from toolkit.fsops.folders import sync_directory
from toolkit.fsops.looking import CHUNK
from toolkit.fsops.refusals import guarded
from toolkit.fsops.system import System, current
from toolkit.fsops.written import Written, write_all

_NOT_OURS = (errno.ENOENT, errno.ELOOP, errno.EISDIR, errno.ENXIO)


class ClaimedFile(Written):
    """A file that grows by whole records, for whoever holds its claim.

    Parameters
    ----------
    path : path
    new : bool
        Whether it must not be there yet; otherwise it is made if need be.

    Attributes
    ----------
    path : path
    is_poisoned : bool
        Whether a sync of it failed.
    """

    def __init__(self, path: Path, *, new: bool = False) -> None:
        system = current()
        flags = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CREAT | (os.O_EXCL if new else 0)
        with guarded(path, "append to"):
            self._take(path, system, system.open(path, flags, 0o600))

    def _take(self, path: Path, system: System, descriptor: int) -> None:
        self.path = path
        self._system = system
        self._descriptor = descriptor
        self._named = False
        self._is_torn = False
        self._size: int | None = None
        self.is_poisoned = False

    @classmethod
    def existing(cls, path: Path) -> Self | None:
        """Open a file that is there; None when there is none, or something that is no plain file."""
        file, system = cls.__new__(cls), current()
        with guarded(path, "open"):
            try:
                descriptor = system.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK)
            except OSError as error:
                if error.errno in _NOT_OURS:
                    return None
                raise
        file._take(path, system, descriptor)  # noqa: SLF001  # another way to make one of us
        return file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def claim(self) -> bool:
        """Claim it; False when somebody else has."""
        self._size = None
        with guarded(self.path, "claim"):
            return self._system.claim(self._descriptor)

    def chunks(self, offset: int = 0) -> Iterator[bytes]:
        """Read it to its end, in pieces."""
        with guarded(self.path, "read"):
            self._system.seek(self._descriptor, offset)
            while chunk := self._system.read(self._descriptor, CHUNK):
                yield chunk

    def write(self, data: bytes) -> None:
        """Add all of it, or nothing of it and raise."""
        if self._is_torn:
            raise GraphIOError(
                f"{self.path} ends in a part of a record that could not be cut off",
                where=str(self.path),
                expected="a file of whole records",
                actual="one that the disk cut short",
                next_step="look at the file system; what stands before that part is good",
            )
        before = self.size
        try:
            with guarded(self.path, "append to"):
                write_all(self._system, self._descriptor, data)
        except BaseException:
            self._is_torn = True
            self._size = None
            with contextlib.suppress(GraphIOError):  # then it ends in a torn record for good, which every reader survives
                self.cut(before)
                self._is_torn = False
            raise
        self._size = before + len(data)

    def cut(self, size: int) -> None:
        """Drop what stands behind so many bytes."""
        if self.size != size:
            with guarded(self.path, "truncate"):
                self._system.truncate(self._descriptor, size)
            self._size = size

    def sync(self) -> None:
        """Make what was written durable, and with it the file's name."""
        super().sync()
        if not self._named:
            sync_directory(self.path.parent)
            self._named = True

    @property
    def size(self) -> int:
        """How many bytes are in it, asked of the system once: nobody else writes what is claimed."""
        if self._size is None:
            with guarded(self.path, "look at"):
                self._size = self._system.status_of(self._descriptor).st_size
        return self._size

    def close(self) -> None:
        """Close it, and give the claim back; safe to call twice."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            with guarded(self.path, "close"):
                self._system.close(descriptor)


def is_claimed(path: Path) -> bool:
    """Whether a living process writes a file; asked without changing anything."""
    system = current()
    with guarded(path, "look at"):
        try:
            descriptor = system.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            if error.errno in _NOT_OURS:
                return False
            raise
        try:
            return not system.claim(descriptor, shared=True)
        finally:
            system.close(descriptor)
