"""All that a call leaves behind, as one text to be searched.

The rule of this file: it leaves nothing out. What a user, a log or a notebook could show is in it, and every byte and
every name under a folder.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from pathlib import Path

import toolkit as tk
from toolkit.records import TABLES


def errors_of(error: BaseException | None) -> Iterator[BaseException]:
    """An exception with everything it was raised from; no error is its own cause."""
    seen: set[int] = set()
    while error is not None:
        assert id(error) not in seen, f"a circle of causes at {error!r}"
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def error_shown(error: BaseException) -> str:
    """An error as text, with everything it was raised from and its traceback."""
    shown: list[str] = []
    for one in errors_of(error):
        shown += [str(one), repr(one), repr(one.args)]
    shown.append(repr({name: value for name, value in vars(error).items() if name != "report"}))
    return "\n".join([*shown, *traceback.format_exception(error)])


def rows_shown(report: tk.Report) -> str:
    """The rows and the evidence of a call: what every frame, card and page is made from."""
    return "\n".join([*(repr(row) for row in report.rows), *(repr(row) for row in report.ledger.evidence())])


def everything_shown(outcome: tk.Report | tk.ToolkitError) -> str:
    """All that a user, a log or a notebook could show of a call."""
    report = outcome if isinstance(outcome, tk.Report) else outcome.report
    assert isinstance(report, tk.Report)
    shown = [] if isinstance(outcome, tk.Report) else [error_shown(outcome)]
    shown += [repr(report), report._repr_html_(), json.dumps(report.summary()), repr(report.ledger), repr(report.graph)]
    shown.append(rows_shown(report))
    shown += [report.frame(table).to_csv() for table in TABLES]
    return "\n".join(shown)


def everything_kept(folder: Path) -> bytes:
    """All bytes, and all names, of a folder."""
    return b"\n".join(
        os_name for path in folder.rglob("*") for os_name in (str(path).encode(), path.read_bytes() if path.is_file() else b"")
    )
