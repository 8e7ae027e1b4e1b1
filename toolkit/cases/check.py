"""Check a case: is it whole, and does everything in it follow from its ledger and its evidence?

The rule of this file: nothing is unpacked where the user works, nothing is changed, and a doubt is an error that says both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from toolkit import fsops
from toolkit.cases.anew import compare_anew
from toolkit.cases.export import spare_folder
from toolkit.cases.whole import whole
from toolkit.digests import Digest
from toolkit.errors import CaseError, UsageError


@dataclass(frozen=True, slots=True)
class CheckedCase:
    """A case that passed.

    Attributes
    ----------
    digest : str
        The sha256 of the file: compare it with the one the exporter gave you some other way.
    files, octets : int
        What was read: files of the payload, and their bytes.
    calls : int
        Verifications whose decisions are in it.
    ledger_head : str
        The head of its ledger: compare it, too, with one that was noted elsewhere.
    absent : int
        Digests decisions rest on and that ``data/absent.csv`` lists as not there.
    remarks : tuple of str
        What could not be compared, and why.
    """

    digest: str
    files: int
    octets: int
    calls: int
    ledger_head: str
    absent: int
    remarks: tuple[str, ...]

    def __repr__(self) -> str:
        absent = f"; {self.absent} pieces of evidence are listed as absent" if self.absent else ""
        lines = [
            f"whole: {self.files} files, {self.octets} bytes, {self.calls} calls{absent}",
            f"  {self.digest}",
            f"  head of the ledger {self.ledger_head}",
            *(f"  remark: {remark}" for remark in self.remarks),
        ]
        return "\n".join(lines)


def check_case(path: str | PathLike[str], *, digest: str | None = None, head: str | None = None) -> CheckedCase:
    """Check a case file to its last byte, then make its tables and pages again.

    Parameters
    ----------
    path : path
        The file.
    digest : str, optional
        The sha256 of the file as its exporter gave it.
    head : str, optional
        A head of the ledger that was noted elsewhere, of the graph the case was exported from: 64 hex digits.

    Returns
    -------
    CheckedCase

    Raises
    ------
    CaseError
        A byte is not as it was written, or something does not follow from ledger and evidence; with the file inside the case, and
        both sides.
    LedgerError
        A line of the ledger cannot be read.
    UsageError
        There is no such file.
    DigestSyntaxError
        ``digest`` is none.

    Notes
    -----
    Origin: RFC 8493 section 3; contract 39.

    Examples
    --------
    >>> import toolkit as tk
    >>> from toolkit.cases.export import export_case
    >>> graph = tk.Graph.temporary()
    >>> report = tk.pull("teach/clean:1", graph, source=tk.simulator.teaching_registry())
    >>> case = check_case(export_case(report, graph.layout.root / "clean.zip"))
    >>> case.calls, case.absent, case.remarks
    (1, 0, ())
    """
    target = Path(path)
    if fsops.size(target) is None or fsops.is_directory(target):
        raise UsageError(
            f"there is no case at {target}",
            where=str(target),
            expected="a zip made by export_case",
            actual="a folder" if fsops.is_directory(target) else "nothing",
            next_step="`layerproof export CASE.zip --graph GRAPH` makes one",
        )
    expected = None if digest is None else Digest.parse(digest)
    case = whole(fsops.chunks(target), where=target.name)
    if expected is not None and str(expected) != f"sha256:{case.digest}":
        raise CaseError(
            "the case is whole, but it is not the one you were told of",
            where=target.name,
            expected=str(expected),
            actual=f"sha256:{case.digest}",
            next_step="ask whoever gave you the digest for the file",
        )
    with spare_folder() as spare:
        found = compare_anew(case, lambda: fsops.chunks(target), spare, where=target.name, head=head)
    return CheckedCase(
        digest=f"sha256:{case.digest}",
        files=case.info.streams,
        octets=case.info.octets,
        calls=found.calls,
        ledger_head=found.head,
        absent=found.absent,
        remarks=found.remarks,
    )
