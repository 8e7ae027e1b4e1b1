"""The export: whole or not at all, never over something, and of what it was asked."""

from __future__ import annotations

import errno
import json
import shutil
import zipfile
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.shop import Shop

import toolkit as tk
from toolkit import fsops
from toolkit.cases.check import check_case
from toolkit.cases.evidence import ABSENT_COLUMNS, Shelf, divided, wanted
from toolkit.cases.export import export_case
from toolkit.cases.parquet import frame_of
from toolkit.cases.part import Part, measured
from toolkit.digests import Digest
from toolkit.errors import CaseError, GraphIOError, LedgerError, UsageError
from toolkit.records import TABLES
from toolkit.sources.protocol import Source


@pytest.fixture
def clean(graph: tk.Graph, teaching: Source) -> tk.Report:
    return tk.pull("teach/clean:1", graph, source=teaching)


def names(case: Path) -> set[str]:
    with zipfile.ZipFile(case) as opened:
        return {name.removeprefix("case/data/") for name in opened.namelist()}


def test_a_file_that_is_there_stays_as_it_is(clean: tk.Report, tmp_path: Path) -> None:
    target = tmp_path / "CASE.zip"
    target.write_bytes(b"mine")
    with pytest.raises(UsageError, match="there already"):
        export_case(clean, target)
    assert target.read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["CASE.zip", "graph"]


def test_a_file_that_appears_meanwhile_stays_as_it_is(clean: tk.Report, tmp_path: Path) -> None:
    target = tmp_path / "CASE.zip"

    class Late(fsops.System):
        """Somebody takes the name at the last moment."""

        def link(self, source: str | PathLike[str], target: str | PathLike[str]) -> None:
            Path(target).write_bytes(b"theirs")
            super().link(source, target)

    with fsops.under(Late()), pytest.raises(UsageError, match="there already"):
        export_case(clean, target)
    assert target.read_bytes() == b"theirs"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["CASE.zip", "graph"]


def test_a_full_disk_leaves_nothing_behind(clean: tk.Report, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()

    class Full(fsops.System):
        """No byte fits into the folder of the case."""

        def write(self, descriptor: int, data: bytes | memoryview) -> int:
            if str(folder) in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(descriptor, data)

    with fsops.under(Full()), pytest.raises(GraphIOError, match="No space left"):
        export_case(clean, folder / "CASE.zip")
    assert list(folder.iterdir()) == []


def test_a_report_a_ledger_a_graph_and_a_path_give_the_same_case(clean: tk.Report, tmp_path: Path) -> None:
    graph = clean.graph
    assert graph is not None
    ledger = tk.Ledger.load(graph.layout.ledger)
    subjects: dict[str, Any] = {
        "report": clean,
        "ledger": ledger,
        "graph": graph,
        "path": graph.layout.root,
        "text": str(graph.layout.root),
    }
    cases = [export_case(subject, tmp_path / f"{name}.zip").read_bytes() for name, subject in subjects.items()]
    assert set(cases) == {cases[0]}


def test_a_ledger_without_a_graph_says_that_its_evidence_is_not_here(clean: tk.Report, tmp_path: Path) -> None:
    assert clean.graph is not None
    shutil.copytree(clean.graph.layout.ledger, tmp_path / "elsewhere" / "ledger2")
    case = export_case(tk.Ledger.load(tmp_path / "elsewhere" / "ledger2"), tmp_path / "CASE.zip")
    assert not [name for name in names(case) if name.startswith("evidence/")]
    assert check_case(case).absent == 4
    whole = export_case(tk.Ledger.load(tmp_path / "elsewhere" / "ledger2"), tmp_path / "whole.zip", graph=clean.graph)
    assert check_case(whole).absent == 0


def test_an_inspection_in_memory_has_its_documents(teaching: Source, tmp_path: Path) -> None:
    report = tk.inspect("teach/clean:1", source=teaching)
    case = export_case(report, tmp_path / "CASE.zip")
    body = report.manifests["body_digest"].iloc[0].partition(":")[2]
    assert f"evidence/sha256/{body}" in names(case)
    assert check_case(case).absent == 3
    with zipfile.ZipFile(case) as opened:
        lines = opened.read(f"case/data/ledger/{report.call}.jsonl").splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(len(lines)))


def test_the_tables_come_back_from_parquet_as_they_are(clean: tk.Report, tmp_path: Path) -> None:
    case = export_case(clean, tmp_path / "CASE.zip")
    with zipfile.ZipFile(case) as opened:
        for table in TABLES:
            frame = clean.frame(table)
            name = f"case/data/frames/parquet/{table}.parquet"
            assert (name in opened.namelist()) == (not frame.empty), table
            if not frame.empty:
                pd.testing.assert_frame_equal(frame_of(opened.read(name)), frame)


def test_a_reference_nobody_asked_for_is_a_usage_error(clean: tk.Report, tmp_path: Path) -> None:
    assert clean.graph is not None
    with pytest.raises(UsageError, match="no call of the ledger asked for teach/other:1"):
        export_case(clean.graph, tmp_path / "CASE.zip", references=["teach/clean:1", "teach/other:1"])
    assert not (tmp_path / "CASE.zip").exists()


def test_a_digest_names_a_call_too(clean: tk.Report, tmp_path: Path) -> None:
    assert clean.graph is not None
    case = export_case(clean.graph, tmp_path / "CASE.zip", references=[clean.digest or ""])
    assert check_case(case).calls == 1


def test_an_empty_ledger_has_nothing_to_export(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no call to export"):
        export_case(tk.Ledger(), tmp_path / "CASE.zip")
    with pytest.raises(LedgerError):
        export_case(tmp_path / "no-graph", tmp_path / "CASE.zip")


def test_rotten_evidence_is_not_exported_under_its_name(clean: tk.Report, tmp_path: Path) -> None:
    assert clean.graph is not None
    path = clean.graph.blobs.evidence(clean.layers["evidence"].iloc[0])
    assert path is not None
    path.chmod(0o644)
    path.write_bytes(b"rotten")
    with pytest.raises(CaseError, match="not what their name says") as caught:
        export_case(clean, tmp_path / "CASE.zip")
    assert caught.value.expected == path.name


def test_what_changes_while_it_is_written_is_an_error() -> None:
    answers: Iterator[bytes] = iter((b"first", b"second"))
    part = measured(Part("data/x", lambda: iter((next(answers),))))
    with pytest.raises(CaseError, match="changed while"):
        list(part.again())


def test_content_under_sha512_lies_under_its_own_name(graph: tk.Graph, tmp_path: Path) -> None:
    case = tk.simulator.CASES["oci-sha512-content"]
    report = tk.pull(f"localhost/{case.asked(case.build())}", graph, source=tk.simulator.serve([case]))
    made = export_case(report, tmp_path / "CASE.zip")
    assert any(name.startswith("evidence/sha512/") for name in names(made))
    assert check_case(made).absent == 0


def test_what_nobody_holds_is_listed_with_its_role(graph: tk.Graph) -> None:
    shop = Shop()
    shop.index(shop.image())
    report = tk.inspect("shop/app:1", source=shop.transport())
    parts, absent = divided(wanted([report]), Shelf(graph, {}), layers=True)
    assert parts == []
    assert all(len(row) == len(ABSENT_COLUMNS) for row in absent)
    assert {row[1] for row in absent} >= {"document", "layer"}
    assert all(Digest.is_exact(row[0]) for row in absent)
