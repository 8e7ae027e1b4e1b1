"""One lock for each image ID, for threads and for processes.

The rule of this file: locks die with their process, are taken in sorted order, and waiting has an end that names who
holds what.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from toolkit import fsops
from toolkit.errors import GraphLockedError

PATIENCE: Final = 60.0
"""Seconds to wait for a lock before giving up."""
_PAUSE: Final = 0.01


class _LockFile:
    """One open file per graph and process: closing any descriptor of it would drop every lock."""

    def __init__(self, path: Path) -> None:
        self.bytes = fsops.LockedBytes(path)
        self.guard = threading.Lock()
        self.threads: dict[str, threading.Lock] = {}
        self.bytes.lock(_byte(fsops.owner()))  # as long as the process lives: its files are no leftovers

    def of_threads(self, image_id: str) -> threading.Lock:
        with self.guard:
            return self.threads.setdefault(image_id, threading.Lock())


_FILES: Final[dict[tuple[int, int, str], _LockFile]] = {}
_FILES_GUARD: Final = threading.Lock()


class IdLocks:
    """The locks of one graph.

    Notes
    -----
    Origin: ``imageMutex`` of Docker 1.9, which knew threads only and was taken in arbitrary order.
    """

    def __init__(self, path: Path, *, patience: float = PATIENCE) -> None:
        self._path = path
        self._patience = patience

    @contextlib.contextmanager
    def hold(self, image_ids: Iterable[str]) -> Iterator[None]:
        """Hold the locks of some IDs; not re-entrant."""
        file = self._file()
        with contextlib.ExitStack() as stack:
            for image_id in sorted(set(image_ids)):
                stack.enter_context(self._one(file, image_id))
            yield

    def claim(self) -> None:
        """Say that this process is here: the files it makes are no leftovers as long as it lives."""
        self._file()

    def lives(self, owner: str) -> bool:
        """Whether a process that made files here (``fsops.owner``) still does."""
        if owner == fsops.owner():
            return True
        with self.attempt(owner) as holder:
            return holder is not None

    @contextlib.contextmanager
    def attempt(self, key: str) -> Iterator[str | None]:
        """Hold one lock if it is free; give None then, and otherwise who holds it."""
        file = self._file()
        lock = file.of_threads(key)
        if not lock.acquire(blocking=False):
            yield "another thread of this process"
            return
        try:
            byte = _byte(key)
            if not file.bytes.lock(byte):
                yield f"process {file.bytes.holder(byte)}"
                return
            try:
                yield None
            finally:
                file.bytes.unlock(byte)
        finally:
            lock.release()

    def _file(self) -> _LockFile:
        fsops.make_directory(self._path.parent)
        with _FILES_GUARD:
            key = (*fsops.identity(self._path), fsops.owner())  # a lock is not passed on to a child
            if key not in _FILES:
                _FILES[key] = _LockFile(self._path)
            return _FILES[key]

    @contextlib.contextmanager
    def _one(self, file: _LockFile, image_id: str) -> Iterator[None]:
        deadline = time.monotonic() + self._patience
        lock = file.of_threads(image_id)
        if not lock.acquire(timeout=self._patience):
            raise self._locked(image_id, "another thread of this process")
        try:
            byte = _byte(image_id)
            while not file.bytes.lock(byte):
                if time.monotonic() > deadline:
                    raise self._locked(image_id, f"process {file.bytes.holder(byte)}")
                time.sleep(_PAUSE)
            try:
                yield
            finally:
                file.bytes.unlock(byte)
        finally:
            lock.release()

    def _locked(self, image_id: str, holder: str) -> GraphLockedError:
        return GraphLockedError(
            f"image {image_id} has been locked by {holder} for more than {self._patience:g} s",
            where=str(self._path),
            expected="a lock that is given back",
            actual=holder,
            next_step="see what it does, or end it: its locks end with it",
        )


def _byte(key: str) -> int:
    return int(key[:15], 16)
