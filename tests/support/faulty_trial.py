"""A pull of which one operation is refused, and what must hold then and after the next pull."""

from __future__ import annotations

import errno
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import toolkit as tk
from support.faulty import Faulty, Operation, Watched
from support.power_cut import PowerCut, Tree
from support.power_cut_trial import GRAPH, broken_promises, promised, wrong_bytes
from toolkit import fsops
from toolkit.records import Pull
from toolkit.sources.protocol import Source

_HEX: Final = re.compile(r"[0-9a-f]{32,}(\.\d+)?")
ERRORS: Final = (errno.ENOSPC, errno.EIO, errno.EROFS)
WAYS: Final = tuple((error, sticky) for error in ERRORS for sticky in (False, True))


@dataclass(frozen=True, slots=True)
class Fault:
    """Which operation of which pull is refused, with what, and whether it stays so."""

    before: Sequence[str]
    last: str
    number: int
    error: int
    sticky: bool

    def __str__(self) -> str:
        return f"{self.last}, operation {self.number}: {errno.errorcode[self.error]}{' and on' if self.sticky else ''}"


def operations_of(before: Sequence[str], last: str, source: Source) -> list[Operation]:
    """What a pull asks of the operating system, in order."""
    counted = Watched(_after(before, source))
    with fsops.under(counted):
        tk.pull(last, GRAPH, source=source, workers=1)
    return counted.operations


def some_of_each(operations: Sequence[Operation], most: int) -> list[int]:
    """The numbers of the first so many operations of each kind in each place; names made of hex digits are one place."""
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for number, one in enumerate(operations):
        place = one.kind, _HEX.sub("*", one.path)
        seen[place] += 1
        if seen[place] <= most:
            found.append(number)
    return found


def _after(before: Sequence[str], source: Source) -> PowerCut:
    disk = PowerCut()
    with fsops.under(disk):
        for step in before:
            tk.pull(step, GRAPH, source=source, workers=1)
    return disk


def suffer(fault: Fault, source: Source, truth: Tree) -> list[str]:
    """Pull with a fault, then without; return what was silent, wrong, lost or kept the next pull from succeeding."""
    disk = _after(fault.before, source)
    faulty = Faulty(disk, fault.number, fault.error, sticky=fault.sticky)
    found: list[str] = []
    with fsops.under(faulty):
        try:
            tk.pull(fault.last, GRAPH, source=source, workers=1)
        except tk.errors.ToolkitError as error:
            found += _untold(error, disk, faulty)
        except BaseException as error:  # noqa: BLE001  # this is what must not be
            found.append(f"untyped: {error!r}")
        else:
            found.append("silent")
    found += [f"synced again: {path}" for path in faulty.synced_again]
    found += wrong_bytes(disk.seen(), truth)
    left = disk.abandoned()
    with fsops.under(left):
        try:
            report = tk.pull(fault.last, GRAPH, source=source, workers=1)
        except tk.errors.ToolkitError as error:
            found.append(f"the next pull: {error.message}")
        else:
            promise, after = promised(report, left), left.seen()
            found += wrong_bytes(after, truth)
            for part in ("evidence", "references", "ledger"):
                found += broken_promises(part, after, [promise])
    where = faulty.refused[0] if faulty.refused else "nothing"
    return [f"{fault} ({where}): {text}" for text in found]


def _untold(error: tk.errors.ToolkitError, disk: PowerCut, faulty: Faulty) -> list[str]:
    """What the error and the rows do not say."""
    found = [] if error.next_step else [f"no next step: {error.message}"]
    if set(faulty.operations) == {Operation("status", str(GRAPH))} and error.report is None:
        return found  # the graph could not even be looked at: there is no call yet
    if error.report is None or not error.report.records(Pull):
        return [*found, "no row in the report"]
    row = error.report.pull
    if row.outcome == "accepted" or row.error_code != error.code:
        found.append(f"the row says {row.outcome} {row.error_code}")
    path = GRAPH / "ledger" / f"{error.report.call}.jsonl"
    first = faulty.refused[0]
    looks = first.path == str(GRAPH) and first.kind == "status"  # what may not be looked at is not written into
    can_write = len(faulty.refused) == 1 and not looks and not first.path.startswith(str(GRAPH / "ledger"))
    if can_write and b'"error_code"' not in (disk.read_now(path) or b""):
        found.append("no row on the disk, though it could be written")
    return found
