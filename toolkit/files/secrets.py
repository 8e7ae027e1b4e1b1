"""Secrets that were left in layers, also in files that a later layer took away.

The rule of this file: a value that was found is looked at, masked and forgotten; rows have its place and length. What is
declared in ``secret_rules`` is looked for, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from toolkit.files.layering import Layering
from toolkit.files.members import LayerIndex, Member
from toolkit.files.paths import clean, text, whiteout_of
from toolkit.files.secret_rules import CONTENT_RULES, PATH_RULES, PLACEHOLDERS, ContentRule
from toolkit.files.tables import Secret
from toolkit.layers.streams import DEFAULT_BUDGET, decompress
from toolkit.layers.tar_walk import walk

LONGEST: Final = 2048
"""As long as a match may be, in bytes; every pattern is bounded by less."""
_BEHIND: Final = 16
"""As far as a pattern looks back."""


class Match(NamedTuple):
    """A place in a stream: the rule, where the value starts, how long it is, and what may be shown."""

    rule: str
    offset: int
    length: int
    masked: str


class Scanner:
    """Looks through the content of one file that comes in pieces.

    Parameters
    ----------
    path : bytes
        Some rules are about some files only.

    Examples
    --------
    >>> scanner = Scanner(b"a")
    >>> scanner.feed(b"key: AKIAABCDEFGH")
    >>> scanner.feed(b"IJKLMNOP;")
    >>> [(match.rule, match.offset, match.masked) for match in scanner.finish()]
    [('aws-access-key', 5, 'AKIA****')]
    """

    def __init__(self, path: bytes) -> None:
        self._rules = tuple(rule for rule in CONTENT_RULES if rule.only is None or rule.only.fullmatch(path))
        self._window = b""
        self._start = 0
        self._from = 0
        self._past: dict[str, int] = {}
        self._found: list[Match] = []

    def feed(self, piece: bytes) -> None:
        """Look through the next bytes; a match near their end is left for when more has come."""
        self._window += piece
        until = len(self._window) - LONGEST
        if until > self._from:
            self._look(until)
            cut = until - _BEHIND
            if cut > 0:
                self._window, self._start, self._from = self._window[cut:], self._start + cut, _BEHIND
            else:
                self._from = until

    def finish(self) -> list[Match]:
        """Look through the rest, and tell what was found, in the order of the file."""
        self._look(len(self._window))
        return sorted(self._found, key=lambda one: (one.offset, one.rule))

    def _look(self, until: int) -> None:
        """Take the matches that begin before a place in the window; the rest is context."""
        for rule in self._rules:
            if any(anchor in self._window for anchor in rule.anchors):
                for match in rule.pattern.finditer(self._window, self._from):
                    if match.start() >= until:
                        break
                    value, start = match[1], self._start + match.start()
                    is_part = start < self._past.get(rule.slug, 0)
                    self._past[rule.slug] = self._start + match.end()
                    if not is_part and not _is_placeholder(value):
                        self._found.append(Match(rule.slug, self._start + match.start(1), len(value), _masked(rule, value)))


def _is_placeholder(value: bytes) -> bool:
    lower = value.lower()
    return any(word in lower for word in PLACEHOLDERS)


def _masked(rule: ContentRule, value: bytes) -> str:
    return value[: rule.shown].decode("ascii", "replace") + "****"


def scan_layer(chunks: Iterable[bytes], *, budget: int = DEFAULT_BUDGET) -> Iterator[tuple[int, Match]]:
    """Look through the contents of a layer's regular files.

    Parameters
    ----------
    chunks : iterable of bytes
        The blob, whose digest was verified before.
    budget : int
        Bytes beyond which an expanding layer is given up.

    Yields
    ------
    index : int
        The header's place in the layer.
    match : Match

    Raises
    ------
    LayerError
        The layer breaks off; what was found before that was yielded.

    >>> list(scan_layer([bytes(1024)]))
    []
    """
    scanner: Scanner | None = None

    def look(piece: bytes) -> None:
        if scanner is not None:
            scanner.feed(piece)

    index = -1
    for number, header in enumerate(walk(decompress(chunks, budget=budget)[1], tap=look)):
        for match in [] if scanner is None else scanner.finish():
            yield index, match
        path, index = clean(header.name), number
        looked_at = header.type in (b"0", b"\x00", b"7") and header.stored and whiteout_of(path)[0] == "none"
        scanner = Scanner(path) if looked_at else None
    for match in [] if scanner is None else scanner.finish():
        yield index, match


def secrets_of(layer: LayerIndex, matches: Iterable[tuple[int, Match]], layering: Layering) -> Iterator[Secret]:
    """Make the rows of a layer: of files by their names, and of what was found in them.

    >>> from toolkit.files.layering import layer_all
    >>> list(secrets_of(LayerIndex(position=0, blob_digest="", blob_size=0, compression="none", flavour="",
    ...     diff_id=None, tar_size=0, members=()), [], layer_all([])))
    []
    """
    seen = {
        member.number
        for _, entry in layering.entries
        if entry.source is not None
        for position, member in (entry.source,)
        if position == layer.position
    }

    def row(member: Member, rule: str, match: Match | None = None) -> Secret:
        return Secret(
            rule=rule,
            layer=layer.position,
            index=member.number,
            path=text(member.path),
            offset=None if match is None else match.offset,
            length=None if match is None else match.length,
            masked=None if match is None else match.masked,
            seen=member.number in seen,
            hidden_by=None if member.number in seen else layering.shadowed.get((layer.position, member.number)),
        )

    for member in layer.members:
        if member.type == "file" and member.size and member.whiteout == "none":
            yield from (row(member, rule.slug) for rule in PATH_RULES if rule.pattern.fullmatch(member.path))
    for index, match in matches:
        yield row(layer.members[index], match.rule, match)
