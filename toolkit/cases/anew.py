"""Does everything in a case follow from its ledger and its evidence?

The rule of this file: every table and page is made again and compared. What another version of a library draws or packs
otherwise is compared by what it says; that is a remark, never silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from toolkit import fsops
from toolkit._version import VERSION
from toolkit.cases import derived
from toolkit.cases.evidence import FOLDER as EVIDENCE
from toolkit.cases.evidence import file_of
from toolkit.cases.ledger_files import FOLDER as LEDGER
from toolkit.cases.parquet import frame_of
from toolkit.cases.part import Part, measured
from toolkit.cases.whole import Whole, files
from toolkit.errors import CaseError
from toolkit.ledger.heads import HEADS
from toolkit.ledger.ledger import Ledger
from toolkit.ledger.verify_ledger import verify_ledger
from toolkit.pulling.report import Report
from toolkit.records import Holding

Chunks = Callable[[], Iterable[bytes]]
_PICTURE: Final = re.compile(rb'src="data:image/png;base64,[A-Za-z0-9+/=]*"')
_NEXT: Final = "somebody changed the case after it was exported, and made its lists anew: do not rely on it"


class _Names:
    """The evidence a case has; nobody reads it to make the rest."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)

    def holds(self, digest: str) -> bool:
        """Whether it is in the case."""
        return file_of(digest) in self._names

    def chunks(self, digest: str) -> Iterator[bytes]:
        """Not asked for: evidence was compared with its name already."""
        raise CaseError("evidence of a case is not read twice", where=digest)


@dataclass(frozen=True, slots=True)
class Anew:
    """What came of it: the calls of the ledger, the digests listed as absent, the ledger's head, and remarks."""

    calls: int
    absent: int
    head: str
    remarks: tuple[str, ...]


def compare_anew(case: Whole, chunks: Chunks, spare: Path, *, where: str, head: str | None = None) -> Anew:
    """Make everything again and compare.

    Parameters
    ----------
    case : Whole
    chunks : callable
        Gives the file again, in pieces.
    spare : path
        An empty folder of our own.
    where : str
        What to call the case in an error.
    head : str, optional
        The head of the ledger as it was noted elsewhere.

    Returns
    -------
    Anew

    Raises
    ------
    CaseError
        The ledger is not as it was written, or a file does not follow from ledger and evidence.
    LedgerError
        A line of the ledger cannot be read.
    """
    _unpack(chunks(), spare, where=where)
    ledger = Ledger.load(spare, strict=False)
    remarks = _judged(verify_ledger(spare, head=head), where)
    reports = [Report(ledger, call) for call in ledger.pulls_in_order()]
    if not reports:
        raise _wrong("a case without a call", f"{where}, {LEDGER}", "at least one call", "none")
    if case.info.version != VERSION:
        remark = f"made by layerproof {case.info.version}; tables and pages were not made again, for this is {VERSION}"
        return Anew(len(reports), 0, ledger.head, (*remarks, remark))
    evidence = {name for name in case.digests if name.startswith(f"{EVIDENCE}/")}
    expected = derived.contents(reports, _Names(evidence), layers=case.info.layers)
    _compare_names(case, evidence, expected, where)
    different = [part for part in expected.made if measured(part).sha256 != case.digests[part.name]]
    remarks += _compare_contents(different, case, chunks, where=where)
    return Anew(len(reports), expected.absent, ledger.head, tuple(remarks))


def _judged(rows: list[Holding], where: str) -> list[str]:
    """Refuse a ledger that is not as it was written; tell how much of it is not here."""
    for row in rows:
        is_broken = row.outcome == "rotten" or (row.outcome == "unknown" and row.compared == "line")
        if is_broken or (row.outcome == "absent" and row.subject == HEADS):
            raise CaseError(
                f"the ledger is not as it was written: {row.reason}",
                where=f"{where}, {LEDGER}/{row.subject}",
                expected=row.expected or "a line of the chain",
                actual=row.actual or "another",
                next_step=_NEXT,
            )
    absent = sum(row.outcome == "absent" for row in rows)
    return [f"the ledger names {absent} more files that are not in this case: it was exported in part"] if absent else []


def _unpack(chunks: Iterable[bytes], spare: Path, *, where: str) -> None:
    for name, opened in files(chunks, where=where):
        if name.startswith(f"{LEDGER}/"):
            path = spare / name.removeprefix(f"{LEDGER}/")
            fsops.make_directory(path.parent)
            with fsops.NewFile(path) as file:
                for piece in opened.pieces:
                    file.write(piece)


def _compare_names(case: Whole, evidence: set[str], expected: derived.Contents, where: str) -> None:
    named = {part.name for part in (*expected.evidence, *expected.made)}
    there = {name for name in case.digests if name.startswith("data/") and not name.startswith(f"{LEDGER}/")}
    for name in sorted(named ^ there):
        raise _wrong(
            "a file no row of the ledger leads to" if name in there else "a file the ledger leads to is missing",
            f"{where}, {name}",
            "a file" if name in named else "nothing",
            f"{'evidence' if name in evidence else 'a file'} of {case.digests[name]}" if name in there else "nothing",
        )


def _compare_contents(parts: list[Part], case: Whole, chunks: Chunks, *, where: str) -> list[str]:
    """Compare what is not the same to the byte by what it says."""
    if not parts:
        return []
    wanted = {part.name: part for part in parts}
    remarks = []
    for name, opened in files(chunks(), where=where):
        if name not in wanted:
            continue
        made, found = b"".join(wanted[name].read()), b"".join(opened.pieces)
        if not _says_the_same(name, made, found):
            raise _wrong(
                "a file does not follow from the ledger and the evidence",
                f"{where}, {name}",
                measured(wanted[name]).sha256,
                case.digests[name],
            )
        remarks.append(
            f"{name} is packed or drawn by other versions of libraries; what it says was compared, its pictures were not"
        )
    return remarks


def _says_the_same(name: str, made: bytes, found: bytes) -> bool:
    if name.endswith(".parquet"):
        return frame_of(made).equals(frame_of(found))
    return name.endswith(".html") and _PICTURE.sub(b"", made) == _PICTURE.sub(b"", found)


def _wrong(message: str, where: str, expected: str, actual: str) -> CaseError:
    return CaseError(message, where=where, expected=expected, actual=actual, next_step=_NEXT)
