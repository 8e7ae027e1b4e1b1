"""The operating system, as far as this package uses it: every call that touches a file, and nothing else.

The rule of this file: a method is one call, decides nothing and raises what the system raises. Nothing else in the package
opens, looks at, writes, syncs, links, locks or removes a file, so whoever replaces the system here sees all of it.
"""

# This file is the seam to the operating system; pathlib would hide which call is made.
# ruff: noqa: PTH102, PTH104, PTH106, PTH108, PTH116, PTH208

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import struct
from collections.abc import Callable, Iterator
from os import PathLike
from pathlib import Path
from typing import Final

AnyPath = str | PathLike[str]

_SYNC_FILE_RANGE_WRITE: Final = 2


class System:
    """The calls of the operating system; descriptors belong to the system that gave them."""

    def __init__(self) -> None:
        self.durable: set[tuple[str, int, int]] = set()
        """Directories (path, device, inode) whose own name is known to be on the disk."""

    # -- descriptors ---------------------------------------------------------------------------------------------

    def open(self, path: AnyPath, flags: int, mode: int = 0o777, *, folder: int | None = None) -> int:
        """Open a file; relative to an open ``folder`` if one is given."""
        return os.open(path, flags | os.O_CLOEXEC, mode, dir_fd=folder)

    def close(self, descriptor: int) -> None:
        """Close a descriptor."""
        os.close(descriptor)

    def read(self, descriptor: int, size: int) -> bytes:
        """Read at most so many bytes."""
        return os.read(descriptor, size)

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        """Write, and tell how many bytes were taken."""
        return os.write(descriptor, data)

    def seek(self, descriptor: int, offset: int) -> int:
        """Go to a place, counted from the beginning."""
        return os.lseek(descriptor, offset, os.SEEK_SET)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut a file."""
        os.ftruncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        """Wait until a file or directory is on the disk."""
        os.fsync(descriptor)

    def start_write_back(self, descriptor: int, offset: int, count: int) -> None:
        """Ask the disk to begin; a hint, so what it answers does not matter: the sync at the end is what counts."""
        call = _sync_file_range()
        if call is not None:
            call(descriptor, offset, count, _SYNC_FILE_RANGE_WRITE)

    def set_mode(self, descriptor: int, mode: int) -> None:
        """Set the permissions of an open file."""
        os.fchmod(descriptor, mode)

    def status_of(self, descriptor: int) -> os.stat_result:
        """What an open file is."""
        return os.fstat(descriptor)

    # -- names ---------------------------------------------------------------------------------------------------

    def status(self, path: AnyPath) -> os.stat_result:
        """What a path leads to, through links."""
        return os.stat(path)

    def may_write(self, path: AnyPath) -> bool:
        """Whether this process might change what stands under a path; asked of the system, nothing is tried."""
        return os.access(path, os.W_OK)

    def link_status(self, path: AnyPath) -> os.stat_result:
        """What stands under a path, links not followed."""
        return os.lstat(path)

    def names(self, path: AnyPath) -> list[str]:
        """The names in a directory, in any order."""
        return os.listdir(path)

    def make_directory(self, path: AnyPath, mode: int) -> None:
        """Make one directory."""
        os.mkdir(path, mode)

    def remove_directory(self, path: AnyPath) -> None:
        """Remove an empty directory."""
        os.rmdir(path)

    def remove(self, path: AnyPath) -> None:
        """Take a file's name away."""
        os.unlink(path)

    def link(self, source: AnyPath, target: AnyPath) -> None:
        """Give a file a second name, which must be free."""
        os.link(source, target)

    def rename(self, source: AnyPath, target: AnyPath) -> None:
        """Give a file or directory another name; what stood there is lost."""
        os.rename(source, target)

    def resolve(self, path: Path) -> Path:
        """Follow every link of a path to what is there."""
        return path.resolve(strict=True)

    # -- locks ---------------------------------------------------------------------------------------------------

    def lock(self, descriptor: int, byte: int) -> bool:
        """Lock one byte for this process, unless another one has it."""
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def unlock(self, descriptor: int, byte: int) -> None:
        """Give a byte back."""
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, byte)

    def lock_holder(self, descriptor: int, byte: int) -> int:
        """Ask the kernel for the process that holds a byte."""
        question = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, byte, 1, 0)
        return int(struct.unpack("hhqqi4x", fcntl.fcntl(descriptor, fcntl.F_GETLK, question))[4])

    def claim(self, descriptor: int, *, shared: bool = False) -> bool:
        """Lock an open file as a whole, for this opening of it, unless another opening has it; closing gives it back."""
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    # -- temporary folders ---------------------------------------------------------------------------------------

    def make_temporary_directory(self) -> Path:
        """Make a directory of our own, where the system has room for such."""
        import tempfile

        return Path(tempfile.mkdtemp(prefix="layerproof-"))

    def remove_tree(self, path: Path) -> None:
        """Remove a directory with everything in it, as far as that can be done."""
        import shutil

        shutil.rmtree(path, ignore_errors=True)


@functools.cache
def _sync_file_range() -> Callable[[int, int, int, int], int] | None:
    """The system call that starts writing to the disk without waiting for it; None where there is none."""
    import ctypes

    try:
        call = ctypes.CDLL(None, use_errno=True).sync_file_range
    except (AttributeError, OSError):
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return call


_SYSTEMS: Final[list[System]] = [System()]
"""The real one, and those that stand in for it at the moment."""


def current() -> System:
    """The system in use: the real one, unless ``under`` says otherwise."""
    return _SYSTEMS[-1]


@contextlib.contextmanager
def under(system: System) -> Iterator[System]:
    """Put another system in the place of the real one, for every thread, as long as the context lasts.

    Parameters
    ----------
    system : System
        One that fails on purpose, is killed, forgets what was not synced, or only counts.

    Examples
    --------
    >>> class Full(System):
    ...     def write(self, descriptor, data):
    ...         raise OSError(28, "No space left on device")
    >>> with under(Full()) as full:
    ...     current() is full
    True
    >>> current() is full
    False
    """
    _SYSTEMS.append(system)
    try:
        yield system
    finally:
        _SYSTEMS.remove(system)
