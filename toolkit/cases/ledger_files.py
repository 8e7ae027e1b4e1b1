"""The ledger's files in a case: as they lie on the disk, or as they would if the ledger had a place.

The rule of this file: not a byte of a line is changed; the hash over a line must come out the same in the case.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from toolkit import fsops
from toolkit.cases.part import Part
from toolkit.cases.subject import Subject
from toolkit.errors import CaseError
from toolkit.ledger.heads import ENDING, HEADS, TORN, call_of
from toolkit.ledger.ledger import Ledger
from toolkit.ledger.lines import EvidenceRow, Row
from toolkit.pulling.report import Report

FOLDER: Final = "data/ledger"


def in_files(subject: Subject, folder: Path) -> Subject:
    """Give a ledger that lives in memory a place, so that every case has one.

    Parameters
    ----------
    subject : Subject
    folder : path
        A folder of our own that is not there yet.
    """
    if subject.ledger.directory is not None:
        return subject
    _write(subject.reports, folder)
    ledger = Ledger.load(folder)
    return replace(subject, reports=[Report(ledger, report.call) for report in subject.reports])


def ledger_parts(subject: Subject) -> list[Part]:
    """Give the files of the chosen calls, what chains them, and what was set aside."""
    directory = subject.ledger.directory
    if directory is None:
        raise CaseError("the ledger has no files", where="ledger", expected="a ledger in a folder", actual="one in memory")
    calls = {report.call for report in subject.reports}
    names = [name for name in fsops.names(directory) if name.endswith(ENDING) and call_of(name.removesuffix(ENDING)) in calls]
    names += [HEADS] if fsops.exists(directory / HEADS) else []
    names += [f"{TORN}/{name}" for name in fsops.names(directory / TORN)]
    return [Part(f"{FOLDER}/{name}", partial(fsops.chunks, directory / name)) for name in names]


def _write(reports: list[Report], directory: Path) -> None:
    """Note the rows of calls again, each with its own time and place."""
    times: list[datetime] = []
    ledger = Ledger(directory, clock=lambda: times[-1])
    for report in reports:
        for row in _in_order(report):
            times.append(row.stamp.at)
            entry = row.evidence if isinstance(row, EvidenceRow) else row.record
            ledger.append(row.stamp.pull, row.stamp.seq, row.stamp.image, [entry])
        ledger.end(report.call)


def _in_order(report: Report) -> list[Row | EvidenceRow]:
    rows: list[Row | EvidenceRow] = [*report.rows, *report.ledger.evidence(report.call)]
    return sorted(rows, key=lambda row: row.stamp.seq)
