"""Export a case: evidence, ledger and everything made of them, in one file.

The rule of this file: the file appears whole, under a name that was free, or not at all; the same case gives the same bytes.
Evidence of any size passes through in pieces; only a table is held in memory whole.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path

from toolkit import fsops
from toolkit._version import VERSION
from toolkit.cases import bag
from toolkit.cases.derived import contents
from toolkit.cases.ledger_files import in_files, ledger_parts
from toolkit.cases.part import Measured, Part, measured
from toolkit.cases.subject import Subject, subject_of
from toolkit.cases.zip_frame import closing, local_header
from toolkit.errors import CaseError, UsageError
from toolkit.graph.store import Graph
from toolkit.ledger.ledger import Ledger
from toolkit.pulling.report import Report

_EVIDENCE = "data/evidence/sha256/"
_PERMISSIONS = 0o644


def export_case(
    subject: Report | Ledger | Graph | str | PathLike[str],
    path: str | PathLike[str],
    *,
    references: Sequence[str] = (),
    graph: Graph | str | PathLike[str] | None = None,
    layers: bool = True,
) -> Path:
    """Write a case file: a zipped BagIt bag that anybody can check with ``unzip`` and ``sha256sum`` alone.

    Parameters
    ----------
    subject : Report, Ledger, Graph or path
        One call; a ledger; or a graph, or the path of one, with the ledger in it.
    path : path
        The file to make; there must be none under that name.
    references : sequence of str, optional
        Only calls that asked for one of these; every call when empty.
    graph : Graph or path, optional
        Where the evidence lies, if not in the report's graph or around the ledger.
    layers : bool
        Whether layers that were accepted go into the case. Without them the case is small, and names them in
        ``data/absent.csv``; what was refused is always in it.

    Returns
    -------
    Path
        The file. Hand its sha256 over some other way than the file itself.

    Raises
    ------
    UsageError
        There is something under that name already, or no call of that reference.
    CaseError
        Kept bytes are not what their name says any more, or something changed meanwhile.

    Notes
    -----
    Origin: RFC 8493 (BagIt 1.0); contract 39, 40 and 42.

    Examples
    --------
    >>> import toolkit as tk
    >>> graph = tk.Graph.temporary()
    >>> report = tk.pull("teach/clean:1", graph, source=tk.simulator.teaching_registry())
    >>> export_case(report, graph.layout.root / "clean.zip").name
    'clean.zip'
    """
    target = Path(path)
    if fsops.exists(target):
        raise _taken(target)
    meant = subject_of(subject, references, graph)
    with spare_folder() as spare:
        files = _files(in_files(meant, spare / "ledger"), spare, layers=layers)
        fresh = target.with_name(fsops.fresh_name(f".{target.name}."))
        try:
            _write(files, fresh)
            if not fsops.link_new(fresh, target):
                raise _taken(target)
        finally:
            fsops.discard(fresh)
    return target


@contextlib.contextmanager
def spare_folder() -> Iterator[Path]:
    """A folder of our own that goes away again."""
    folder = fsops.make_temporary_directory()
    try:
        yield folder
    finally:
        fsops.remove_tree(folder)


def _files(subject: Subject, spare: Path, *, layers: bool) -> list[Measured]:
    found = contents(subject.reports, subject.store, layers=layers)
    noted = ledger_parts(subject)
    payload = [_kept(part) for part in found.evidence]
    payload += [measured(part) for part in noted]
    payload += [_spooled(part, spare) for part in found.made]
    info = bag.Info(
        version=VERSION,
        day=f"{max(row.stamp.at for report in subject.reports for row in report.rows):%Y-%m-%d}",
        calls=len(subject.reports),
        layers=layers,
        octets=sum(one.size for one in payload),
        streams=len(payload),
    )
    manifest = bag.listing({one.part.name: one.sha256 for one in payload})
    tags = [
        measured(Part.of(name, data))
        for name, data in ((bag.BAGIT, bag.DECLARATION), (bag.INFO, info.text()), (bag.MANIFEST, manifest))
    ]
    tag_manifest = Part.of(bag.TAG_MANIFEST, bag.listing({one.part.name: one.sha256 for one in tags}))
    return sorted([*payload, *tags, measured(tag_manifest)], key=lambda one: one.part.name)


def _kept(part: Part) -> Measured:
    found = measured(part)
    if part.name.startswith(_EVIDENCE) and part.name != _EVIDENCE + found.sha256:
        raise CaseError(
            "kept bytes are not what their name says any more",
            where=part.name,
            expected=part.name.removeprefix(_EVIDENCE),
            actual=found.sha256,
            next_step="`layerproof verify --graph GRAPH` moves them away; export again then: the case says they are absent",
        )
    return found


def _spooled(part: Part, spare: Path) -> Measured:
    """Make a file once, and keep it aside: pictures and tables are not drawn twice."""
    path = spare / fsops.token(16)
    with fsops.NewFile(path) as file:
        for piece in part.read():
            file.write(piece)
    return measured(Part(part.name, lambda: fsops.chunks(path)))


def _write(files: list[Measured], path: Path) -> None:
    entries = [one.entry(bag.FOLDER) for one in files]
    with fsops.NewFile(path, mode=_PERMISSIONS) as file:
        for one, entry in zip(files, entries, strict=True):
            file.write(local_header(entry))
            for piece in one.again():
                file.write(piece)
        file.write(closing(entries))
        file.sync()


def _taken(target: Path) -> UsageError:
    return UsageError(
        f"{target} is there already",
        where=str(target),
        expected="a free name: a case is never written over something",
        actual="a file of that name",
        next_step="give another name, or move the file away",
    )
