"""Files of a ledger in the making: opened, grown, finished, and finished for a writer that died.

The rule of this file: whatever makes a file known, or finishes it, happens under the claim of HEADS; a file is synced before
HEADS says that it is finished, and HEADS before anybody is told. Nothing is cut off that is not kept under its own hash.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from toolkit import fsops
from toolkit.errors import GraphIOError, LedgerError
from toolkit.ledger import chain, heads
from toolkit.ledger.heads import ENDING, HEADS, TORN, Entry

PATIENCE: Final = 60.0
"""Seconds to wait for HEADS before giving up."""
_PAUSE: Final = 0.005
_FINISHED: Final = 0o400
_WINDOW: Final = 4096


@contextlib.contextmanager
def claimed(directory: Path, *, patience: float = PATIENCE) -> Iterator[Heads]:
    """Claim HEADS of a ledger, and put its end right if a writer was stopped inside a line.

    Raises
    ------
    LedgerError
        Another process has held it for longer than anybody needs it.
    """
    fsops.make_directory(directory)
    with fsops.ClaimedFile(directory / HEADS) as file:
        deadline = time.monotonic() + patience
        while not file.claim():
            if time.monotonic() > deadline:
                raise LedgerError(
                    f"somebody else has held {HEADS} for more than {patience:g} s",
                    where=str(directory / HEADS),
                    expected="a claim that is given back",
                    actual="one that is not",
                    next_step=f"see who it is (`fuser {directory / HEADS}`), and end it: its claim ends with it",
                    code="ledger-locked",
                )
            time.sleep(_PAUSE)
        if file.size == 0:
            fsops.sync_directory(directory)  # so that no file of a call can outlive a HEADS that was made before it
        yield Heads(directory, file)


class Heads:
    """HEADS, while it is claimed.

    Attributes
    ----------
    head : str
        The hash of the last line.
    """

    def __init__(self, directory: Path, file: fsops.ClaimedFile) -> None:
        self._directory = directory
        self._file = file
        whole, last = _end(file)
        self.head = chain.hash_of(last) if last else chain.start(HEADS)
        if whole < file.size:
            torn = set_aside(directory, file, whole)
            count = sum(1 for _ in chain.whole_lines(file.chunks()))
            self.append(Entry(name=HEADS, lines=count, head=self.head, adopted=True, torn=torn))

    def names(self) -> set[str]:
        """The files that are finished."""
        return {heads.name_in(line) for line in chain.whole_lines(self._file.chunks())}

    def append(self, entry: Entry) -> None:
        """Write down that a file is finished, durably."""
        line = heads.dump(self.head, entry)
        before = self._file.size
        self._file.write(line)
        try:
            self._file.sync()
        except BaseException:
            with contextlib.suppress(GraphIOError):  # then it stands there, and the file it names was synced before it
                self._file.cut(before)
            raise
        self.head = chain.hash_of(line)


def _end(file: fsops.ClaimedFile) -> tuple[int, bytes]:
    """How many bytes of a file are whole lines, and the last of these."""
    size, window = file.size, _WINDOW
    while True:
        begin = max(0, size - window)
        data = b"".join(file.chunks(begin))
        whole = data.rfind(b"\n") + 1
        start = data.rfind(b"\n", 0, max(0, whole - 1)) + 1
        if start > 0 or begin == 0:
            return begin + whole if whole else 0, data[start:whole]
        window *= 4


def set_aside(directory: Path, file: fsops.ClaimedFile, good: int) -> str:
    """Keep what stands behind so many bytes of a file under its own hash, durably, and cut it off; give the hash."""
    torn = b"".join(_behind(file.chunks(), good))
    name = hashlib.sha256(torn).hexdigest()
    folder = directory / TORN
    fsops.make_directory(folder)
    fsops.write_whole(folder / name, torn, mode=_FINISHED)
    file.cut(good)
    file.sync()
    return name


def _behind(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk[size:]
        size = max(0, size - len(chunk))


def adopt(directory: Path, book: Heads) -> None:
    """Finish every file whose writer no longer lives.

    Parameters
    ----------
    directory : path
    book : Heads
        Claimed, so that nobody makes or finishes a file meanwhile.
    """
    finished = book.names()
    for filename in fsops.names(directory):
        name = filename.removesuffix(ENDING)
        if name == filename or name in finished or not heads.is_name(name):
            continue
        file = fsops.ClaimedFile.existing(directory / filename)
        if file is None:
            continue
        with file:
            if file.claim():
                _adopt(directory, book, name, file)


def _adopt(directory: Path, book: Heads, name: str, file: fsops.ClaimedFile) -> None:
    found = chain.scan(name, file.chunks())
    torn = set_aside(directory, file, found.size) if found.size < file.size else None
    if torn is None:
        file.sync()
    book.append(Entry(name=name, lines=found.lines, head=found.head, adopted=True, torn=torn))
    file.set_mode(_FINISHED)


class CallFile:
    """The file of a call that goes on.

    Parameters
    ----------
    directory : path
    call : str
        Its name; a call that goes on after its file was finished gets a further file, with a number.
    book : Heads
        Claimed.

    Attributes
    ----------
    name : str
    lines, evidence : int
        How many lines it has, and how many of them are evidence.
    head : str
        The hash of the last.
    is_finished : bool
        Whether HEADS says so: nothing is added any more.
    """

    def __init__(self, directory: Path, call: str, book: Heads) -> None:
        assert book.head, "nobody adopts it before it is claimed"
        self._file, self.name = _new_file(directory, call)
        self.lines = self.evidence = 0
        self.head = chain.start(self.name)
        self.is_finished = False
        if not self._file.claim():
            raise LedgerError(
                "a file that was just made is claimed by somebody else",
                where=str(self._file.path),
                next_step="do not touch the files of a ledger while it is written",
            )

    def write(self, bodies: Iterable[bytes]) -> None:
        """Add lines: all of them or none."""
        head, lines, evidence, data = self.head, self.lines, self.evidence, []
        for body in bodies:
            line = chain.link(head, body)
            head = chain.hash_of(line)
            lines += 1
            evidence += line.startswith(chain.EVIDENCE, chain.BODY_STARTS)
            data.append(line)
        self._file.write(b"".join(data))
        self.head, self.lines, self.evidence = head, lines, evidence

    @property
    def is_poisoned(self) -> bool:
        """Whether a sync of it failed, so that it has to be written anew."""
        return self._file.is_poisoned

    def renew(self, bodies: Iterable[bytes], book: Heads) -> None:
        """Write every line anew into another file, which takes the name."""
        assert book.head, "nobody adopts it before it is claimed again"
        path, head, data = self._file.path, chain.start(self.name), []
        for body in bodies:
            data.append(chain.link(head, body))
            head = chain.hash_of(data[-1])
        fsops.replace(path, b"".join(data))
        self._file.close()
        self._file = fsops.ClaimedFile(path)
        self._file.claim()
        self.head, self.lines = head, len(data)
        self.evidence = sum(line.startswith(chain.EVIDENCE, chain.BODY_STARTS) for line in data)

    def sync(self) -> None:
        """Make its lines durable."""
        self._file.sync()

    def finish(self, book: Heads) -> None:
        """Write down that it is finished; it was synced. From then on it is, also if what is left to do fails."""
        book.append(Entry(name=self.name, lines=self.lines, head=self.head))
        self.is_finished = True
        try:
            self._file.set_mode(_FINISHED)
        finally:
            self._file.close()


def _new_file(directory: Path, call: str) -> tuple[fsops.ClaimedFile, str]:
    if not heads.is_name(call) or heads.call_of(call) != call:
        raise LedgerError(
            f"{call!r} cannot be the name of a call",
            where=str(directory),
            expected="letters, digits, - and _",
            actual=call,
            next_step="let `open_call` give the name",
        )
    number = 0
    while True:
        name = call if number == 0 else f"{call}.{number}"
        path = directory / f"{name}{ENDING}"
        if not fsops.exists(path):
            return fsops.ClaimedFile(path, new=True), name
        number += 1
