"""Files whose bytes are locked, never read or written.

The rule of this file: a lock belongs to the process, and the kernel drops it when any descriptor of the file is closed; so
a file is opened once and stays open.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from toolkit.fsops.refusals import guarded
from toolkit.fsops.system import System, current


def identity(path: Path) -> tuple[int, int]:
    """Device and inode of a file that is made if need be: the same file under any spelling of its path."""
    system = current()
    with guarded(path, "open"):
        try:
            status = system.status(path)
        except FileNotFoundError:
            with contextlib.suppress(FileExistsError):  # another process was quicker
                system.close(system.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            status = system.status(path)
        return status.st_dev, status.st_ino


class LockedBytes:
    """A file whose bytes can be locked, one by one, by processes.

    Parameters
    ----------
    path : path
        The file; made if need be.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._system: System = current()
        with guarded(path, "open"):
            self._descriptor = self._system.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def lock(self, byte: int) -> bool:
        """Lock a byte; False when another process has it."""
        with guarded(self._path, "lock a byte of"):
            return self._system.lock(self._descriptor, byte)

    def unlock(self, byte: int) -> None:
        """Give a byte back."""
        with guarded(self._path, "unlock a byte of"):
            self._system.unlock(self._descriptor, byte)

    def holder(self, byte: int) -> str:
        """Who holds a byte: the process's number, or ``unknown``."""
        try:
            return str(self._system.lock_holder(self._descriptor, byte))
        except OSError:
            return "unknown"
