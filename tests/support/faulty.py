"""Systems that go wrong on purpose: at the n-th operation, once or from then on."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from toolkit.fsops import System

Given = TypeVar("Given")
AnyPath = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of the operating system: what, and on which path."""

    kind: str
    path: str


class Watched(System):
    """Another system, and every call to it, counted before it is made.

    Parameters
    ----------
    inner : System
        Does the work.

    Attributes
    ----------
    operations : list of Operation
        Every call so far, in order.
    """

    def __init__(self, inner: System) -> None:
        super().__init__()
        self.inner = inner
        self.durable = inner.durable
        self.operations: list[Operation] = []
        self._paths: dict[int, str] = {}
        self._guard = threading.RLock()

    def before(self, operation: Operation) -> None:
        """Override to go wrong."""

    def _do(self, kind: str, path: str, call: Callable[[], Given]) -> Given:
        with self._guard:
            operation = Operation(kind, path)
            self.operations.append(operation)
            self.before(operation)
        return call()

    def _on(self, kind: str, descriptor: int, call: Callable[[], Given]) -> Given:
        return self._do(kind, self._paths.get(descriptor, ""), call)

    def open(self, path: AnyPath, flags: int, mode: int = 0o777, *, folder: int | None = None) -> int:
        kind = "create" if flags & os.O_CREAT else "open"
        descriptor = self._do(kind, str(path), lambda: self.inner.open(path, flags, mode, folder=folder))
        self._paths[descriptor] = str(path)
        return descriptor

    def close(self, descriptor: int) -> None:
        self._on("close", descriptor, lambda: self.inner.close(descriptor))

    def read(self, descriptor: int, size: int) -> bytes:
        return self._on("read", descriptor, lambda: self.inner.read(descriptor, size))

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        return self._on("write", descriptor, lambda: self.inner.write(descriptor, data))

    def seek(self, descriptor: int, offset: int) -> int:
        return self._on("seek", descriptor, lambda: self.inner.seek(descriptor, offset))

    def truncate(self, descriptor: int, size: int) -> None:
        self._on("truncate", descriptor, lambda: self.inner.truncate(descriptor, size))

    def sync(self, descriptor: int) -> None:
        self._on("sync", descriptor, lambda: self.inner.sync(descriptor))

    def start_write_back(self, descriptor: int, offset: int, count: int) -> None:
        self.inner.start_write_back(descriptor, offset, count)

    def set_mode(self, descriptor: int, mode: int) -> None:
        self._on("set_mode", descriptor, lambda: self.inner.set_mode(descriptor, mode))

    def status_of(self, descriptor: int) -> os.stat_result:
        return self._on("status_of", descriptor, lambda: self.inner.status_of(descriptor))

    def status(self, path: AnyPath) -> os.stat_result:
        return self._do("status", str(path), lambda: self.inner.status(path))

    def may_write(self, path: AnyPath) -> bool:
        return self.inner.may_write(path)

    def link_status(self, path: AnyPath) -> os.stat_result:
        return self._do("link_status", str(path), lambda: self.inner.link_status(path))

    def names(self, path: AnyPath) -> list[str]:
        return self._do("names", str(path), lambda: self.inner.names(path))

    def make_directory(self, path: AnyPath, mode: int) -> None:
        self._do("make_directory", str(path), lambda: self.inner.make_directory(path, mode))

    def remove_directory(self, path: AnyPath) -> None:
        self._do("remove_directory", str(path), lambda: self.inner.remove_directory(path))

    def remove(self, path: AnyPath) -> None:
        self._do("remove", str(path), lambda: self.inner.remove(path))

    def link(self, source: AnyPath, target: AnyPath) -> None:
        self._do("link", str(target), lambda: self.inner.link(source, target))

    def rename(self, source: AnyPath, target: AnyPath) -> None:
        self._do("rename", str(target), lambda: self.inner.rename(source, target))

    def resolve(self, path: Path) -> Path:
        return self._do("resolve", str(path), lambda: self.inner.resolve(path))

    def lock(self, descriptor: int, byte: int) -> bool:
        return self._on("lock", descriptor, lambda: self.inner.lock(descriptor, byte))

    def unlock(self, descriptor: int, byte: int) -> None:
        self._on("unlock", descriptor, lambda: self.inner.unlock(descriptor, byte))

    def lock_holder(self, descriptor: int, byte: int) -> int:
        return self._on("lock_holder", descriptor, lambda: self.inner.lock_holder(descriptor, byte))

    def claim(self, descriptor: int, *, shared: bool = False) -> bool:
        return self._on("claim", descriptor, lambda: self.inner.claim(descriptor, shared=shared))


class Faulty(Watched):
    """Refuses the n-th operation, and with ``sticky`` every later one that it may refuse.

    Parameters
    ----------
    inner : System
    number : int
        Which operation is refused, counted from 0.
    error : int
        With what, from ``errno``.
    sticky : bool
        Whether the disk stays like that. A full disk then refuses what needs room, a read-only one whatever changes it, a broken
        one everything.

    kinds : set of str, optional
        Which kinds are counted and refused; all when absent.

    Attributes
    ----------
    refused : list of Operation
        What was refused.
    synced_again : list of str
        Files that were synced although a sync of theirs had failed.
    """

    NEEDS_ROOM = frozenset({"create", "write", "sync", "make_directory", "link", "rename"})
    CHANGES = NEEDS_ROOM | {"truncate", "set_mode", "remove", "remove_directory"}

    def __init__(
        self, inner: System, number: int, error: int, *, sticky: bool = False, kinds: frozenset[str] | None = None
    ) -> None:
        super().__init__(inner)
        self._kinds = kinds
        self._counted = -1
        self._number = number
        self._error = error
        self._sticky = sticky
        self._poison: set[int] = set()
        self.refused: list[Operation] = []
        self.synced_again: list[str] = []

    def before(self, operation: Operation) -> None:
        if self._kinds is not None and operation.kind not in self._kinds:
            return
        self._counted += 1
        if self._counted == self._number or (self._sticky and self._counted > self._number and self._affects(operation)):
            self.refused.append(operation)
            raise OSError(self._error, os.strerror(self._error), operation.path)

    def _affects(self, operation: Operation) -> bool:
        affected = {28: self.NEEDS_ROOM, 30: self.CHANGES}.get(self._error)
        return affected is None or operation.kind in affected

    def sync(self, descriptor: int) -> None:
        status = self.inner.status_of(descriptor)
        if not stat.S_ISDIR(status.st_mode) and status.st_ino in self._poison:
            self.synced_again.append(self._paths[descriptor])
        try:
            super().sync(descriptor)
        except OSError:
            self._poison.add(status.st_ino)
            raise

    def close(self, descriptor: int) -> None:
        try:
            super().close(descriptor)
        except OSError:
            self.inner.close(descriptor)  # whatever it answers, the descriptor is gone
            raise

    def truncate(self, descriptor: int, size: int) -> None:
        super().truncate(descriptor, size)
        self._poison.discard(self.inner.status_of(descriptor).st_ino)  # what could not be synced is cut off


class ShortWrites(Watched):
    """Takes at most so many bytes at once, as a system may."""

    def __init__(self, inner: System, most: int) -> None:
        super().__init__(inner)
        self._most = most

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        return super().write(descriptor, memoryview(data)[: self._most])
