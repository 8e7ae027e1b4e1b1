"""What all files that are written have in common: bytes are written to the last one, and a failed sync is for good.

The rule of this file: a file whose sync failed is poison and is never synced again, because the system may have dropped what it
could not write and call the next sync a success.
"""

from __future__ import annotations

import errno
from pathlib import Path

from toolkit.errors import GraphIOError
from toolkit.fsops.refusals import guarded
from toolkit.fsops.system import System


def write_all(system: System, descriptor: int, data: bytes | memoryview) -> None:
    """Write to the last byte; a system that takes nothing is an error, not a reason to try for ever."""
    view = memoryview(data)
    while view:
        taken = system.write(descriptor, view)
        if taken <= 0:
            raise OSError(errno.EIO, "the system took nothing of what was to be written")
        view = view[taken:]


class Written:
    """An open file that is written.

    Attributes
    ----------
    path : path
    is_poisoned : bool
        Whether a sync of it failed.
    """

    path: Path
    is_poisoned: bool
    _system: System
    _descriptor: int

    def sync(self) -> None:
        """Make the content durable; what cannot be synced is poison for good."""
        if self.is_poisoned:
            raise GraphIOError(
                f"{self.path} could not be synced before, and is not to be trusted",
                where=str(self.path),
                expected="a file whose every sync succeeded",
                actual="one that failed",
                next_step="do it again: the file is written anew",
            )
        self.is_poisoned = True
        with guarded(self.path, "sync"):
            self._system.sync(self._descriptor)
        self.is_poisoned = False

    def set_mode(self, mode: int) -> None:
        """Set the permissions for good."""
        with guarded(self.path, "set the permissions of"):
            self._system.set_mode(self._descriptor, mode)
