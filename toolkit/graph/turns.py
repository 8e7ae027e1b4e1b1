"""One worker for each piece of work; whoever comes later hears all of it and then sees for themselves.

The rule of this file: a turn is a lock that dies with its process, and a file in which its owner tells what happens.
Nobody who listens can hold the owner up, and nobody but the owner ends a turn.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from toolkit import fsops
from toolkit.digests import sha256
from toolkit.errors import GraphLockedError
from toolkit.graph.layout import Layout
from toolkit.graph.locks import IdLocks

SILENCE: Final = 180.0
"""Seconds an owner may tell nothing before those who wait give up: longer than any wait on a network."""
_PAUSE: Final = 0.02

Entry = dict[str, Any]
"""What an owner tells: plain JSON."""


@dataclass(frozen=True, slots=True)
class Waited:
    """That the work was somebody else's first: whose, and for how long in seconds."""

    owner: str
    seconds: float


class Turn:
    """The right to do a piece of work, held."""

    def __init__(self, layout: Layout, key: str, waited: Waited | None) -> None:
        self._path = layout.turn(key)
        self.waited = waited
        self._guard = threading.Lock()
        fsops.discard(self._path)  # of an owner that was killed
        self._file: fsops.AppendedFile | None = fsops.AppendedFile(self._path)

    def tell(self, entry: Entry) -> None:
        """Let those who wait know; costs one small write and waits for nobody."""
        with self._guard:
            if self._file is not None:
                self._file.write(json.dumps(entry).encode("ascii") + b"\n")

    def end(self) -> None:
        """Take the file away; who reads it still can to its end."""
        with self._guard:
            file, self._file = self._file, None
        if file is not None:
            file.close()
            fsops.discard(self._path)


class Turns:
    """The shared work of one graph, among threads and processes.

    Notes
    -----
    Origin: ``TagStore.poolAdd``, ``poolRemoveWithError`` and ``broadcaster.Buffered`` of Docker 1.9, without their
    weaknesses: there a joiner removed the owner's entry (W8), inherited its failure, and a listener that stalled held
    up the whole tag store (W7).
    """

    def __init__(self, layout: Layout, locks: IdLocks, *, silence: float = SILENCE) -> None:
        self._layout = layout
        self._locks = locks
        self._silence = silence

    def clean(self, path: Path) -> None:
        """Take away what an owner told that was killed."""
        with self._locks.attempt(path.stem) as holder:
            if holder is None:
                fsops.discard(path)

    @contextlib.contextmanager
    def free(self, work: str) -> Iterator[bool]:
        """Hold a turn if nobody else does; give whether that is so."""
        with self._locks.attempt(_key(work)) as holder:
            yield holder is None

    @contextlib.contextmanager
    def take(self, work: str, hear: Callable[[Entry], None], *, stopped: Callable[[], bool] = bool) -> Iterator[Turn]:
        """Wait until nobody else does a piece of work, then hold it.

        Parameters
        ----------
        work : str
            What is to be done, e.g. ``blob sha256:…``.
        hear : callable
            Given everything the present owner tells, from its first word. Who takes over from an owner one listens to, and
            ends within a fiftieth of a second, may go unheard.
        stopped : callable
            Whether to give up; asked many times a second.

        Raises
        ------
        GraphLockedError
            The owner has told nothing for too long.
        InterruptedError
            Stopped.
        """
        key = _key(work)
        with contextlib.closing(_Listener(self._layout.turn(key), hear)) as listener:
            yield from self._taken(work, key, listener, stopped)

    def _taken(self, work: str, key: str, listener: _Listener, stopped: Callable[[], bool]) -> Iterator[Turn]:
        began = time.monotonic()
        owner = ""
        while True:
            with self._locks.attempt(key) as holder:
                if holder is None:
                    if owner:
                        listener.listen()
                    turn = Turn(self._layout, key, Waited(owner, time.monotonic() - began) if owner else None)
                    try:
                        yield turn
                    finally:
                        turn.end()
                    return
            owner = holder
            listener.listen()
            if time.monotonic() - max(began, listener.last) > self._silence:
                raise GraphLockedError(
                    f"{work} is being done by {holder}, which has told nothing for more than {self._silence:g} s",
                    where=str(self._layout.locks),
                    expected="a word, or an end",
                    actual=holder,
                    next_step="see what it does, or end it: what it has downloaded is kept",
                )
            if stopped():
                raise InterruptedError(work)
            time.sleep(_PAUSE)


def _key(work: str) -> str:
    return sha256(f"turn: {work}".encode()).partition(":")[2]


class _Listener:
    """Hears what owners tell, from the first word, at its own pace."""

    def __init__(self, path: Path, hear: Callable[[Entry], None]) -> None:
        self._file = fsops.Follower(path)
        self._half = b""
        self._hear = hear
        self._number = 0
        self.last = 0.0

    def listen(self) -> None:
        """Hand on the lines that are new and whole."""
        new = self._file.read()
        if not new and self._file.number == self._number:
            return
        self.last, self._number = time.monotonic(), self._file.number
        *lines, self._half = (self._half + new).split(b"\n")
        for line in lines:
            with contextlib.suppress(ValueError):  # a killed owner leaves half a line
                self._hear(json.loads(line))

    def close(self) -> None:
        """Stop listening."""
        self._file.close()
