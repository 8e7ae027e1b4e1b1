"""What a case holds besides evidence and ledger: made from them, and only from them.

The rule of this file: from the same rows and bytes come the same files, whoever makes them; that is how a case is checked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from toolkit._version import VERSION
from toolkit.cases import readme
from toolkit.cases.csv_text import csv_of, csv_of_rows
from toolkit.cases.evidence import ABSENT_COLUMNS, Store, divided, wanted
from toolkit.cases.page import ended, pages
from toolkit.cases.parquet import parquet_of
from toolkit.cases.part import Part
from toolkit.cases.places import in_case
from toolkit.pulling.report import Report
from toolkit.records import TABLES

if TYPE_CHECKING:
    import pandas as pd

ABSENT: Final = "data/absent.csv"


@dataclass(frozen=True, slots=True)
class Contents:
    """The files of a case but the ledger's: kept bytes, and what is made of the rows; ``absent`` counts what is not there."""

    evidence: list[Part]
    made: list[Part]
    absent: int


def contents(reports: list[Report], store: Store, *, layers: bool) -> Contents:
    """Say which files a case has.

    Parameters
    ----------
    reports : list of Report
        The calls, in order.
    store : Store
        Where kept bytes are.
    layers : bool
        Whether layers that were accepted go into the case.
    """
    kept, absent = divided(wanted(reports), store, layers=layers)
    names = frozenset(part.name for part in kept)
    made = [
        Part.of("data/README.txt", readme.text(len(reports))),
        Part("data/report.json", partial(_json, reports)),
        Part("data/report.html", partial(_html, reports, names)),
    ]
    if absent:
        made.append(Part(ABSENT, partial(csv_of_rows, ABSENT_COLUMNS, absent)))
    return Contents(kept, [*made, *_frames(reports)], len(absent))


def _frames(reports: list[Report]) -> Iterator[Part]:
    used = {row.record.TABLE for report in reports for row in report.rows}
    for name in TABLES:
        if name in used:
            yield Part(f"data/frames/csv/{name}.csv", partial(_csv, reports, name))
            yield Part(f"data/frames/parquet/{name}.parquet", partial(_parquet, reports, name))


def _csv(reports: list[Report], table: str) -> Iterator[bytes]:
    return csv_of(_frame(reports, table))


def _parquet(reports: list[Report], table: str) -> Iterator[bytes]:
    return iter((parquet_of(_frame(reports, table)),))


def _frame(reports: list[Report], table: str) -> pd.DataFrame:
    """The rows of some calls of one ledger, by call and within a call by number."""
    place = {report.call: number for number, report in enumerate(reports)}
    rows = reports[0].ledger.frame(table)
    rows = rows[rows["pull"].isin(list(place))]
    order = rows.assign(place=rows["pull"].map(place)).sort_values(["place", "seq"], kind="stable").index
    return rows.loc[order].reset_index(drop=True)


def _html(reports: list[Report], kept: frozenset[str]) -> Iterator[bytes]:
    return (piece.encode("utf-8") for piece in pages([(report, in_case(report.call, kept)) for report in reports]))


def _json(reports: list[Report]) -> Iterator[bytes]:
    """Every report as ``layerproof inspect --json`` prints it, one call after the other."""
    yield f'{{"layerproof": {json.dumps(VERSION)}, "reports": ['.encode("ascii")
    for number, report in enumerate(reports):
        text = {"call": report.call, "outcome": "running"} if ended(report) is None else {"call": report.call, **report.summary()}
        yield (",\n" if number else "\n").encode("ascii") + json.dumps(text, indent=1).encode("ascii")
    yield b"\n]}\n"
