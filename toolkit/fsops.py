"""Every file operation of this package.

The rule of this file: nothing else opens, writes, syncs, links or renames. What is written is checked, synced and
never renamed over something committed; what the operating system refuses becomes a ``GraphIOError`` with the path.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import itertools
import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Self

from toolkit.errors import GraphIOError

CHUNK: Final = 256 * 1024
_WRITE_BACK: Final = 8 * 1024 * 1024
_SYNC_FILE_RANGE_WRITE: Final = 2
_FRESH: Final = re.compile(r"(?:.*\.)?([0-9a-f]{32})\.[0-9]+\.part", re.DOTALL)
_NO_FILE_OF_OURS: Final = (errno.ENOENT, errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.EACCES)
"""Nothing there; a link, a folder or a pipe; or a file that was about to be committed, and is read-only already."""

_ADVICE: Final = {
    errno.ENOSPC: "free some space, then pull again: what was downloaded is kept",
    errno.EDQUOT: "your quota is used up; free some space, then pull again",
    errno.EROFS: "the file system is read-only: use another graph, or `layerproof inspect`, which writes nothing",
    errno.EACCES: "check who owns the graph",
    errno.EPERM: "check who owns the graph",
    errno.ENOTDIR: "the path of the graph leads through a file; choose another",
}


@contextlib.contextmanager
def guarded(path: Path, verb: str) -> Iterator[None]:
    """Turn what the operating system refuses into a typed error that names the path."""
    try:
        yield
    except OSError as error:
        raise GraphIOError(
            f"cannot {verb} {path}: {error.strerror or error}",
            where=str(path),
            actual=errno.errorcode.get(error.errno or 0, "unknown"),
            next_step=_ADVICE.get(error.errno or 0, "look at the file system"),
        ) from error


def token(size: int) -> str:
    """A name nobody else has: so many random bytes, as hex digits.

    >>> len(token(16))
    32
    """
    return os.urandom(size).hex()


_OWNERS: Final[dict[int, str]] = {}
_NUMBERS: Final = itertools.count()


def owner() -> str:
    """32 hex digits that name this process among all that ever wrote into a graph."""
    process = os.getpid()
    if process not in _OWNERS:
        _OWNERS[process] = token(16)
    return _OWNERS[process]


def fresh_name(prefix: str = "") -> str:
    """A name for a file in the making, that says whose it is.

    >>> owner_of(fresh_name(".index.json.")) == owner()
    True
    """
    return f"{prefix}{owner()}.{next(_NUMBERS)}.part"


def owner_of(name: str) -> str | None:
    """Who made a file under a name of ``fresh_name``; None for any other.

    >>> owner_of("index.json") is None
    True
    """
    match = _FRESH.fullmatch(name)
    return None if match is None else match[1]


def make_directory(path: Path) -> None:
    """Make a directory and what leads to it, for the owner only."""
    with guarded(path, "make"):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)


def read(path: Path) -> bytes | None:
    """Read a whole small file; None when it is not there."""
    with guarded(path, "read"):
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None


def chunks(path: Path) -> Iterator[bytes]:
    """Read a file of any size in pieces."""
    with guarded(path, "read"), path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            yield chunk


def size(path: Path) -> int | None:
    """The size of a file in bytes; None when it is not there."""
    with guarded(path, "look at"):
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return None


def names(path: Path) -> list[str]:
    """The names in a directory, sorted; none when it is not there."""
    with guarded(path, "list"):
        try:
            return sorted(os.listdir(path))
        except FileNotFoundError:
            return []


def write_new(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a file that must not exist yet, and sync it."""
    with NewFile(path, mode=mode) as file:
        file.write(data)
        file.sync()


def replace(path: Path, data: bytes, *, mode: int = 0o600, durable: bool = True) -> None:
    """Write an index anew: the old content or the new is there at every moment. Not for evidence.

    What is not ``durable`` may be lost, or half there, after a power cut: for what can be made anew.
    """
    fresh = path.with_name(fresh_name(f".{path.name}."))
    with NewFile(fresh, mode=mode) as file:
        file.write(data)
        if durable:
            file.sync()
        with guarded(path, "replace"):
            os.replace(fresh, path)
    if durable:
        sync_directory(path.parent)


def link_new(source: Path, target: Path) -> bool:
    """Give a file a second name that must be free; False when it is taken."""
    with guarded(target, "link"):
        try:
            os.link(source, target)
        except FileExistsError:
            return False
    sync_directory(target.parent)
    return True


def move_new(source: Path, target: Path) -> None:
    """Rename a file or directory to a name that must be free."""
    with guarded(target, "move to"):
        if target.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
        os.rename(source, target)
    sync_directory(target.parent)


def discard(path: Path) -> None:
    """Remove a file or directory of ours that was never committed."""
    with guarded(path, "remove"):
        if path.is_dir() and not path.is_symlink():
            for name in os.listdir(path):
                os.unlink(path / name)
            path.rmdir()
        else:
            path.unlink(missing_ok=True)


def make_temporary_directory() -> Path:
    """Make a directory of our own that goes away again."""
    import tempfile

    return Path(tempfile.mkdtemp(prefix="layerproof-"))


def remove_tree(path: Path) -> None:
    """Remove a directory made by ``make_temporary_directory``, with everything in it."""
    import shutil

    shutil.rmtree(path, ignore_errors=True)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    with guarded(path, "sync"):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def open_for_locking(path: Path) -> int:
    """Open a file whose bytes are locked, never read or written; the descriptor stays open."""
    with guarded(path, "open"):
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def identity(path: Path) -> tuple[int, int]:
    """Device and inode of a file that is made if need be: the same file under any spelling of its path."""
    with guarded(path, "open"):
        path.touch(mode=0o600)
        status = path.stat()
        return status.st_dev, status.st_ino


class AppendedFile:
    """A file that only grows, open for a while."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with guarded(path, "append to"):
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    def write(self, data: bytes) -> None:
        """Add whole lines, or raise."""
        with guarded(self._path, "append to"):
            _write_all(self._descriptor, data)

    def sync(self) -> None:
        """Make what was written durable."""
        with guarded(self._path, "sync"):
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the descriptor."""
        with guarded(self._path, "close"):
            os.close(self._descriptor)


class NewFile:
    """A file in the making, under a name nobody else has."""

    def __init__(self, path: Path, *, mode: int = 0o600) -> None:
        with guarded(path, "create"):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            self._take(path, os.open(path, flags, mode), 0)

    def _take(self, path: Path, descriptor: int, size: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._flushed = size
        self._unflushed = 0

    @classmethod
    def reopened(cls, path: Path) -> Self | None:
        """Go on with a file that was not finished; None when it is not there, or no plain file of ours."""
        file = cls.__new__(cls)
        with guarded(path, "open"):
            try:
                flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                descriptor = os.open(path, flags)
            except OSError as error:
                if error.errno in _NO_FILE_OF_OURS:
                    return None
                raise
            status = os.fstat(descriptor)
            file._take(path, descriptor, status.st_size)  # noqa: SLF001  # another way to make one of us
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
            _write_all(self._descriptor, data)
        self._unflushed += len(data)
        if self._unflushed >= _WRITE_BACK:
            _start_write_back(self._descriptor, self._flushed, self._unflushed)
            self._flushed, self._unflushed = self._flushed + self._unflushed, 0

    def restart(self) -> None:
        """Drop what was written."""
        with guarded(self.path, "truncate"):
            os.ftruncate(self._descriptor, 0)
            os.lseek(self._descriptor, 0, os.SEEK_SET)
        self._flushed = self._unflushed = 0

    def sync(self, *, mode: int | None = None) -> None:
        """Make the content durable; with ``mode`` also set the permissions for good."""
        with guarded(self.path, "sync"):
            os.fsync(self._descriptor)
            if mode is not None:
                os.fchmod(self._descriptor, mode)

    def close(self) -> None:
        """Close the descriptor; safe to call twice."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            with guarded(self.path, "close"):
                os.close(descriptor)


class Follower:
    """Reads a file that grows, from its first byte, also after its name is gone."""

    def __init__(self, path: Path) -> None:
        self._path = path
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
            return os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return -1
        except OSError as error:
            if error.errno == errno.ELOOP:
                return -1  # a link is no file of ours
            raise

    def close(self) -> None:
        """Close it; safe to call twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _rest(self) -> bytes:
        return b"".join(iter(lambda: os.read(self._descriptor, CHUNK), b""))

    def _replaced(self) -> bool:
        try:
            named = os.lstat(self._path)
        except FileNotFoundError:
            return False
        return named.st_ino != os.fstat(self._descriptor).st_ino


def _write_all(descriptor: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


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


def _start_write_back(descriptor: int, offset: int, count: int) -> None:
    """Ask the disk to begin; a hint, so what it answers does not matter: the sync at the end is what counts."""
    call = _sync_file_range()
    if call is not None:
        call(descriptor, offset, count, _SYNC_FILE_RANGE_WRITE)
