"""The check of a case: no byte can change, and no file can be made up, without being named."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import toolkit as tk
from toolkit.cases import bag, zip_frame
from toolkit.cases.check import check_case
from toolkit.cases.export import export_case
from toolkit.cases.part import Part, measured
from toolkit.cases.whole import whole
from toolkit.errors import CaseError, DigestSyntaxError, UsageError
from toolkit.records import Check, Pull
from toolkit.sources.protocol import Source

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case of one row."""
    ledger = tk.Ledger(clock=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    call = ledger.open_call()
    call.note(
        Pull(verb="judge", reference="a", source="s", policy="strict", accepted_rules="", outcome="accepted", tool_version="1")
    )
    return export_case(tk.Report(ledger, call.name), tmp_path_factory.mktemp("tiny") / "tiny.zip")


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory, teaching: Source) -> Path:
    """A case with evidence, accepted and refused."""
    folder = tmp_path_factory.mktemp("full")
    graph = tk.Graph(folder / "graph")
    tk.pull("teach/clean:1", graph, source=teaching)
    tk.inspect("teach/tampered:blob-byte", source=teaching, graph=graph)
    return export_case(graph, folder / "full.zip")


def opened(case: Path) -> Files:
    with zipfile.ZipFile(case) as zipped:
        return {name.removeprefix("case/"): zipped.read(name) for name in zipped.namelist()}


def packed(files: Files, path: Path, *, folder: str = bag.FOLDER, lists: bool = True) -> Path:
    """Pack files as an exporter would, with lists that agree: what somebody would do who wants to deceive."""
    if lists:
        payload = {name: data for name, data in files.items() if name.startswith("data/")}
        info = bag.Info.read(files[bag.INFO])
        octets = sum(map(len, payload.values()))
        info = bag.Info(
            version=info.version, day=info.day, calls=info.calls, layers=info.layers, octets=octets, streams=len(payload)
        )
        files = {**files, bag.INFO: info.text(), bag.MANIFEST: bag.listing(sums(payload))}
        files[bag.TAG_MANIFEST] = bag.listing(sums({name: files[name] for name in bag.TAG_FILES}))
    parts = [measured(Part.of(name, files[name])) for name in sorted(files)]
    entries = [one.entry(folder) for one in parts]
    body = b"".join(zip_frame.local_header(entry) + files[one.part.name] for one, entry in zip(parts, entries, strict=True))
    path.write_bytes(body + zip_frame.closing(entries))
    return path


def sums(files: Files) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


def test_packing_anew_what_was_opened_gives_the_same_file(full: Path, tmp_path: Path) -> None:
    assert packed(opened(full), tmp_path / "again.zip").read_bytes() == full.read_bytes()


# -- bytes -------------------------------------------------------------------------------------------------------


def test_every_single_byte_of_a_small_case_counts(tiny: Path) -> None:
    data = bytearray(tiny.read_bytes())
    whole([bytes(data)], where="tiny.zip")
    for at in range(len(data)):
        data[at] ^= 1 << at % 8
        with pytest.raises(CaseError) as caught:
            whole([bytes(data)], where="tiny.zip")
        data[at] ^= 1 << at % 8
        error = caught.value
        assert error.where.startswith(("tiny.zip", bag.INFO)), at
        assert None not in (error.expected, error.actual), at
        assert error.expected != error.actual, at
    whole([bytes(data)], where="tiny.zip")


def test_bytes_around_the_files_of_a_full_case_count(full: Path) -> None:
    """Headers, names, permissions, the directory and its end: one in three; of the files themselves one in 4999."""
    data = bytearray(full.read_bytes())
    with zipfile.ZipFile(full) as zipped:
        inside = {
            at
            for one in zipped.infolist()
            for at in range(
                one.header_offset + 30 + len(one.filename), one.header_offset + 30 + len(one.filename) + one.file_size
            )
        }
    tried = [at for at in range(len(data)) if at % (4999 if at in inside else 3) == 0]
    assert len(tried) > 1500
    for at in tried:
        data[at] ^= 0x10
        with pytest.raises(CaseError):
            whole([bytes(data)], where="full.zip")
        data[at] ^= 0x10


def test_no_cut_and_no_addition_passes(tiny: Path) -> None:
    data = tiny.read_bytes()
    for end in range(0, len(data), 7):
        with pytest.raises(CaseError):
            whole([data[:end]], where="cut")
    for other in (data + b"\0", b"\0" + data, data + data, data[:-22] + b"PK" + data[-22:], data[:-2] + b"\1\0x"):
        with pytest.raises(CaseError):
            whole([other], where="other")


@pytest.mark.parametrize("size", [1, 7, 64, 4096])
def test_pieces_of_any_size_are_read_alike(tiny: Path, size: int) -> None:
    data = tiny.read_bytes()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert whole(pieces, where="tiny").digest == hashlib.sha256(data).hexdigest()


def test_a_changed_byte_is_named_by_its_file_and_both_sides(full: Path, tmp_path: Path) -> None:
    data = full.read_bytes()
    at = data.index(b"<!DOCTYPE html>")
    other = tmp_path / "other.zip"
    other.write_bytes(data[:at] + b"{" + data[at + 1 :])
    with pytest.raises(CaseError) as caught:
        check_case(other)
    assert "data/report.html" in caught.value.where
    assert "CRC-32" in str(caught.value.expected)


# -- files made up, with lists that agree ------------------------------------------------------------------------


def changed(name: str, old: bytes, new: bytes) -> Callable[[Files], None]:
    def change(files: Files) -> None:
        assert old in files[name]
        files[name] = files[name].replace(old, new)

    return change


def added(name: str, data: bytes) -> Callable[[Files], None]:
    def change(files: Files) -> None:
        files[name] = data

    return change


def without(prefix: str) -> Callable[[Files], None]:
    def change(files: Files) -> None:
        del files[next(name for name in files if name.startswith(prefix))]

    return change


def with_other_evidence(files: Files) -> None:
    name = next(name for name in files if name.startswith("data/evidence/"))
    files[name] += b"x"


def with_another_row(files: Files) -> None:
    name = next(name for name, data in files.items() if name.endswith(".jsonl") and b'"rejected"' in data)
    files[name] = files[name].replace(b'"outcome":"failed"', b'"outcome":"passed"', 1).replace(b'"rejected"', b'"accepted"')


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (changed("data/report.html", b"rejected", b"accepted"), "data/report.html"),
        (changed("data/report.json", b"rejected", b"accepted"), "data/report.json"),
        (changed("data/frames/csv/checks.csv", b"failed", b"passed"), "data/frames/csv/checks.csv"),
        (changed("data/README.txt", b"sha256sum", b"echo  sum"), "data/README.txt"),
        (changed("data/absent.csv", b"not kept", b"was kept"), "data/absent.csv"),
        (added("data/frames/csv/reuse.csv", b""), "data/frames/csv/reuse.csv"),
        (added("data/more.txt", b"x"), "data/more.txt"),
        (added("data/evidence/sha256/" + hashlib.sha256(b"x").hexdigest(), b"x"), "data/evidence/sha256/"),
        (without("data/evidence/"), "data/absent.csv"),
        (without("data/frames/parquet/"), "data/frames/parquet/"),
        (with_other_evidence, "data/evidence/sha256/"),
        (with_another_row, "data/ledger/"),
        (without("data/ledger/"), "data/"),
        (without("data/ledger/HEADS"), "data/ledger/HEADS"),
        (added("data/ledger/" + "0" * 64 + ".jsonl", b"{}\n"), "data/ledger/"),
        (added("other.txt", b"x"), "other.txt"),
        (added("data/.hidden", b"x"), ""),
        (added("data/../x", b"x"), ""),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_does_not_follow_is_found_though_every_list_agrees(
    full: Path, tmp_path: Path, change: Callable[[Files], None], named: str
) -> None:
    files = opened(full)
    change(files)
    with pytest.raises(tk.ToolkitError) as caught:
        check_case(packed(files, tmp_path / "other.zip"))
    assert named in caught.value.where
    assert None not in (caught.value.expected, caught.value.actual)


def test_a_ledger_written_anew_from_its_first_line_is_found_by_its_head(
    graph: tk.Graph, teaching: Source, tmp_path: Path
) -> None:
    first = tk.inspect("teach/tampered:blob-byte", source=teaching, graph=graph)
    noted = first.ledger.head
    forged = tk.Ledger(tmp_path / "forged" / "ledger", clock=lambda: first.rows[0].stamp.at)
    for row in first.rows:
        record = replace(row.record, outcome="accepted") if isinstance(row.record, Pull) else row.record
        forged.append(first.call, row.stamp.seq, row.stamp.image, [record])
    forged.sync(first.call)
    case = export_case(forged, tmp_path / "forged.zip")
    assert check_case(case).calls == 1  # it holds together
    with pytest.raises(CaseError, match="not as it was written"):
        check_case(case, head=noted)
    assert check_case(export_case(first, tmp_path / "true.zip"), head=noted).ledger_head == noted


def test_a_case_of_no_call_is_none(full: Path, tmp_path: Path) -> None:
    files = {name: data for name, data in opened(full).items() if not name.startswith("data/")}
    files["data/ledger/HEADS"] = b""
    with pytest.raises(CaseError, match="without a call"):
        check_case(packed(files, tmp_path / "other.zip"))


def test_parquet_with_another_value_is_found(full: Path, tmp_path: Path) -> None:
    from toolkit.cases.parquet import frame_of, parquet_of

    files, name = opened(full), "data/frames/parquet/pulls.parquet"
    frame = frame_of(files[name])
    frame["reference"] = ["another", *frame["reference"].tolist()[1:]]
    files[name] = parquet_of(frame)
    with pytest.raises(CaseError, match="does not follow"):
        check_case(packed(files, tmp_path / "other.zip"))


def test_what_other_libraries_pack_otherwise_is_a_remark(full: Path, tmp_path: Path) -> None:
    from toolkit.cases.parquet import frame_of

    files, name = opened(full), "data/frames/parquet/pulls.parquet"
    frame_of(files[name]).to_parquet(tmp_path / "x", compression="gzip", index=False)
    files[name] = (tmp_path / "x").read_bytes()
    page = files["data/report.html"]
    files["data/report.html"] = page.replace(b"data:image/png;base64,i", b"data:image/png;base64,j", 1)
    assert files["data/report.html"] != page
    found = check_case(packed(files, tmp_path / "other.zip"))
    assert [remark.partition(" ")[0] for remark in found.remarks] == [name, "data/report.html"]
    assert repr(found).count("remark:") == 2


def test_a_case_of_another_version_is_checked_for_wholeness_and_says_so(full: Path, tmp_path: Path) -> None:
    files = opened(full)
    files[bag.INFO] = files[bag.INFO].replace(f"layerproof {tk.__version__}".encode(), b"layerproof 99.0")
    found = check_case(packed(files, tmp_path / "other.zip"))
    assert "99.0" in found.remarks[0]
    assert found.calls == 2


# -- the bag -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        (bag.BAGIT, b"BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n", "no bag of ours"),
        (bag.INFO, b"Payload-Oxum: 1.1\n", "says about itself"),
        (bag.MANIFEST, b"", "not of one mind"),
        (bag.MANIFEST, b"\xff  data/x\n", "list of files"),
        (bag.MANIFEST, b"0" * 64 + b"  ../x\n", "list of files"),
        (bag.TAG_MANIFEST, b"", "not of one mind"),
        (bag.TAG_MANIFEST, None, "missing"),
        (bag.BAGIT, None, "missing"),
    ],
)
def test_a_bag_that_is_not_in_order_is_refused(full: Path, tmp_path: Path, name: str, data: bytes | None, said: str) -> None:
    files = opened(full)
    if data is None:
        del files[name]
    else:
        files[name] = data
    with pytest.raises(CaseError, match=said):
        check_case(packed(files, tmp_path / "other.zip", lists=False))


def test_a_wrong_count_is_found(full: Path, tmp_path: Path) -> None:
    files = opened(full)
    files[bag.INFO] = files[bag.INFO].replace(b"Oxum: ", b"Oxum: 1")
    files[bag.TAG_MANIFEST] = bag.listing(sums({one: files[one] for one in bag.TAG_FILES}))
    with pytest.raises(CaseError, match="counts its payload otherwise"):
        check_case(packed(files, tmp_path / "other.zip", lists=False))


def test_another_folder_is_no_case(full: Path, tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="no case has"):
        check_case(packed(opened(full), tmp_path / "other.zip", folder="other"))


def test_a_zip_of_another_program_is_refused(full: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in opened(full).items():
            zipped.writestr(f"case/{name}", data)
    with pytest.raises(CaseError, match="header of file 1"):
        check_case(tmp_path / "other.zip")


def test_names_out_of_order_are_refused() -> None:
    entries = [measured(Part.of(name, b"")).entry("case") for name in ("b", "a")]
    data = b"".join(map(zip_frame.local_header, entries)) + zip_frame.closing(entries)
    with pytest.raises(CaseError) as caught:
        whole([data], where="x")
    assert "case/a" in caught.value.where or "b" in caught.value.where


# -- the file ----------------------------------------------------------------------------------------------------


def test_another_digest_than_the_one_that_was_told_is_an_error(tiny: Path) -> None:
    told = "sha256:" + "0" * 64
    with pytest.raises(CaseError) as caught:
        check_case(tiny, digest=told)
    assert (caught.value.expected, caught.value.actual) == (told, f"sha256:{hashlib.sha256(tiny.read_bytes()).hexdigest()}")
    with pytest.raises(DigestSyntaxError):
        check_case(tiny, digest="sha256:0")


def test_no_case_there_is_a_usage_error(tmp_path: Path) -> None:
    for path in (tmp_path / "none.zip", tmp_path):
        with pytest.raises(UsageError, match="there is no case"):
            check_case(path)


def test_an_empty_file_is_no_case(tmp_path: Path) -> None:
    (tmp_path / "empty.zip").write_bytes(b"")
    with pytest.raises(CaseError):
        check_case(tmp_path / "empty.zip")


def test_checking_changes_nothing(full: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in full.parent.rglob("*")}
    check_case(full)
    assert {path: path.stat().st_mtime_ns for path in full.parent.rglob("*")} == before


def test_a_damaged_ledger_line_is_named(full: Path, tmp_path: Path) -> None:
    files = opened(full)
    name = next(name for name in files if name.endswith(".jsonl"))
    files[name] = b"{}\n" + files[name]
    with pytest.raises(tk.ToolkitError):
        check_case(packed(files, tmp_path / "other.zip"))


def test_rows_of_a_finding_are_in_the_case(full: Path) -> None:
    assert Check.TABLE in {Path(name).stem for name in opened(full) if name.startswith("data/frames/csv/")}
