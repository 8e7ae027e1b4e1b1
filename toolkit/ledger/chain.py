"""Lines that each hold the hash of the one before, and where such a chain breaks.

The rule of this file: it knows bytes and hashes, no content and no file. The first line holds the hash of the name of its file,
so that files cannot be exchanged; a line is hashed with its newline, so that ``sed -n 7p FILE | sha256sum`` repeats it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

PREFIX: Final = b'{"prev":"'
_HASH_ENDS: Final = len(PREFIX) + 64
BODY_STARTS: Final = _HASH_ENDS + 2
"""Where the first member after ``prev`` begins."""
EVIDENCE: Final = b'"table":"evidence",'


def start(name: str) -> str:
    """What the first line of a file holds.

    >>> start("HEADS")[:12]
    'b53fb079b449'
    """
    return hashlib.sha256(name.encode()).hexdigest()


def link(prev: str, body: bytes) -> bytes:
    r"""Put the hash of the line before into a line.

    >>> link("f" * 64, b'{"a":1}\n')[70:]
    b'fff","a":1}\n'
    """
    return b'%s%s",%s' % (PREFIX, prev.encode(), body[1:])


def hash_of(line: bytes) -> str:
    """The hash of a line, which the next one holds."""
    return hashlib.sha256(line).hexdigest()


@dataclass(frozen=True, slots=True)
class Sealed:
    """What was written down when a file was finished: how many lines it has, and the hash of the last."""

    lines: int
    head: str


@dataclass(frozen=True, slots=True)
class Break:
    """The first line of a file that is not as it was written.

    Attributes
    ----------
    line : int
        Its number, from 1; one more than there are lines when the line is missing.
    expected, actual : str or None
        Both sides.
    reason : str
        What is wrong, in a sentence.
    by_seal : bool
        Whether the lines fit each other, and only what was written down elsewhere says otherwise.
    """

    line: int
    expected: str | None
    actual: str | None
    reason: str
    by_seal: bool = False


@dataclass(frozen=True, slots=True)
class Scan:
    """What a file says about itself.

    Attributes
    ----------
    lines, size, head : int, int, str
        Number, bytes and last hash of the lines before the first broken one.
    evidence : int
        How many of them are evidence.
    broken : Break or None
    torn : int
        Bytes behind the last newline: a line of which only a part was written.
    """

    lines: int
    size: int
    head: str
    evidence: int
    broken: Break | None
    torn: int


def whole_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Split into lines, each with its newline; the last one has none if it was not written to its end."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line + b"\n"
    if rest:
        yield rest


class _Reading:
    """The lines so far: those that stand, and the last one, which only the next can vouch for."""

    def __init__(self, name: str) -> None:
        self.count, self.size, self.head, self.evidence = 0, 0, start(name), 0
        self.before = (0, 0, self.head, 0)

    def add(self, line: bytes) -> None:
        self.before = (self.count, self.size, self.head, self.evidence)
        self.count += 1
        self.size += len(line)
        self.head = hash_of(line)
        self.evidence += line.startswith(EVIDENCE, BODY_STARTS)

    def ended(self, broken: Break | None = None, torn: int = 0) -> Scan:
        return Scan(self.count, self.size, self.head, self.evidence, broken, torn)

    def without_last(self, broken: Break) -> Scan:
        count, size, head, evidence = self.before
        return Scan(count, size, head, evidence, broken, 0)


def scan(name: str, chunks: Iterable[bytes], sealed: Sealed | None = None) -> Scan:
    r"""Follow the chain of a file until it breaks.

    Parameters
    ----------
    name : str
        The file's name, without its ending.
    chunks : iterable of bytes
        Its content.
    sealed : Sealed, optional
        What was written down when it was finished; without it nothing vouches for the last line.

    Returns
    -------
    Scan
        With the first line that is broken. A line is broken if it does not hold the hash of the one before. If the next link
        holds, that line stands, and it is the one before that was changed, or what stood between that was removed or put in.

    Examples
    --------
    >>> first = link(start("a"), b'{"n":1}\n')
    >>> second = link(hash_of(first), b'{"n":2}\n')
    >>> scan("a", [first, second]).lines
    2
    >>> scan("a", [first.replace(b"1}", b"7}"), second], Sealed(2, hash_of(second))).broken.line
    1
    """
    so_far = _Reading(name)
    lines = whole_lines(chunks)
    for line in lines:
        if not line.endswith(b"\n"):
            return _sealed(so_far, sealed, torn=len(line))
        if not _is_chained(line):
            return so_far.ended(Break(so_far.count + 1, _chained_with(so_far.head), _shown(line), "it is no line of a chain"))
        if not line.startswith(so_far.head.encode(), len(PREFIX)):
            return _blame(so_far, line, next(lines, None), sealed)
        so_far.add(line)
    return _sealed(so_far, sealed)


def _blame(so_far: _Reading, line: bytes, following: bytes | None, sealed: Sealed | None) -> Scan:
    """Decide whether a line that does not hold the hash of the one before is the changed one, or the one before."""
    claimed, own = line[len(PREFIX) : _HASH_ENDS].decode("ascii", "backslashreplace"), hash_of(line)
    if following is not None and following.endswith(b"\n"):
        stands = following.startswith(PREFIX + own.encode())
    else:
        stands = sealed is not None and sealed.head == own
    if not stands:
        reason = "it does not hold the hash of the line before, and the next one does not hold its own"
        return so_far.ended(Break(so_far.count + 1, so_far.head, claimed, reason))
    if so_far.count == 0:
        reason = "it was not written as the first line of this file: lines before it were removed, or the file was exchanged"
        return so_far.ended(Break(1, so_far.head, claimed, reason))
    reason = "its hash is not the one the next line holds: it was changed, or lines around it were removed or put in"
    return so_far.without_last(Break(so_far.count, claimed, so_far.head, reason))


def _sealed(so_far: _Reading, sealed: Sealed | None, *, torn: int = 0) -> Scan:
    """Compare the end of a file with what was written down when it was finished."""
    if sealed is None:
        return so_far.ended(torn=torn)
    if so_far.count < sealed.lines:
        reason = f"the file was finished with {sealed.lines} lines, and {so_far.count} whole ones are there"
        return so_far.ended(Break(so_far.count + 1, f"{sealed.lines} lines", f"{so_far.count} lines", reason, by_seal=True), torn)
    if so_far.count > sealed.lines or torn:
        reason = f"the file was finished with {sealed.lines} lines; what follows was put in later"
        more = f"{so_far.count} lines" if not torn else f"{so_far.count} lines and {torn} bytes"
        return so_far.ended(Break(sealed.lines + 1, f"{sealed.lines} lines", more, reason, by_seal=True), torn)
    if so_far.head != sealed.head:
        reason = "its hash is not the one that was written down when the file was finished"
        broken = Break(so_far.count, sealed.head, so_far.head, reason, by_seal=True)
        return so_far.without_last(broken) if so_far.count else so_far.ended(broken)
    return so_far.ended()


def _is_chained(line: bytes) -> bool:
    return line.startswith(PREFIX) and line[_HASH_ENDS:BODY_STARTS] == b'",' and line.endswith(b"}\n")


def _chained_with(head: str) -> str:
    return PREFIX.decode() + head


def _shown(line: bytes) -> str:
    return line[:80].decode("ascii", "backslashreplace")
