"""Frames of what is on a disk: equal to those in memory, and made without an object for every row."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import toolkit as tk
from toolkit.ledger import chain, folding
from toolkit.ledger.heads import HEADS
from toolkit.ledger.ledger import Ledger
from toolkit.records import TABLES, StrongID, Tag
from toolkit.sources.protocol import Source

ROWS = 50_000
GROWTH = """
import sys
from toolkit.ledger.ledger import Ledger
import pandas, pyarrow
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
Ledger(sys.argv[1] + "/nothing").checks
with open("/proc/self/clear_refs", "w") as peaks:
    peaks.write("5")  # the peak of whoever started us is not ours
before = peak()
ledger = Ledger.load(sys.argv[1])
frame = ledger.frame("checks")
after_frame = peak()
assert len(frame) == int(sys.argv[2]), len(frame)
ledger.rows()
print(after_frame - before, peak() - before, frame.memory_usage(deep=True).sum() // 1024)
"""


def tag(text: str) -> Tag:
    return Tag(name="a", reference=text, kind="tag", old_id=None, new_id="f", newer=True)


def large(directory: Path, rows: int, calls: int) -> None:
    """A ledger of many rows: checks, one in ten of them a tag."""
    ledger = Ledger(directory)
    for number in range(calls):
        call = ledger.open_call()
        call.image = "library/busybox:1.24"
        for start in range(0, rows // calls, 500):
            digests = [f"sha256:{number:032x}{index:032x}" for index in range(start, start + 500)]
            call.note(
                *(
                    tk.records.Check(
                        rule="layer-digest",
                        subject=digest,
                        outcome="passed",
                        enforced=True,
                        excepted=False,
                        expected=digest,
                        actual=digest,
                    )
                    for digest in digests
                )
            )
        call.note(tag(str(number)))
        call.end()


def test_fifty_thousand_rows_make_a_frame_and_no_fifty_thousand_objects(tmp_path: Path) -> None:
    large(tmp_path, ROWS, 4)
    done = subprocess.run([sys.executable, "-c", GROWTH, str(tmp_path), str(ROWS)], capture_output=True, text=True, check=True)
    for_frame, for_objects, own = map(int, done.stdout.split())
    bound = 3 * own + 40_000
    assert for_frame < bound < for_objects  # the measurement sees what it forbids


def test_batches_make_the_same_frame_as_one(tmp_path: Path, teaching: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(tmp_path)
    tk.inspect("teach/clean:1", source=teaching, ledger=ledger)
    tk.inspect("teach/duplicates:1", source=teaching, ledger=ledger)
    whole = {table: Ledger.load(tmp_path).frame(table) for table in TABLES}
    monkeypatch.setattr(folding, "BATCH", 3)
    memory = Ledger()
    for row in ledger.rows():
        memory.append(row.stamp.pull, row.stamp.seq, row.stamp.image, [row.record])
    for table, frame in whole.items():
        pd.testing.assert_frame_equal(Ledger.load(tmp_path).frame(table), frame)
        pd.testing.assert_frame_equal(memory.frame(table).drop(columns="at"), frame.drop(columns="at"))


def test_a_frame_grows_with_the_calls_that_end_and_those_that_go_on(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    calls = [ledger.open_call() for _ in range(2)]
    for number, call in enumerate(calls):
        call.note(tag(f"{number}"))
        assert ledger.tags["reference"].tolist() == [f"{one}" for one in range(number + 1)]
    calls[1].end()
    assert ledger.tags["reference"].tolist() == ["1", "0"]
    calls[0].note(tag("2"))
    calls[0].end()
    assert ledger.tags["reference"].tolist() == ["1", "0", "2"]


def test_a_frame_is_a_copy_that_may_be_changed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    call = ledger.open_call()
    call.note(tag("1"))
    call.end()
    first = ledger.tags
    first.loc[0, "reference"] = "2"
    del first["pull"]
    assert ledger.tags["reference"].tolist() == ["1"]
    assert "pull" in ledger.tags


@pytest.mark.parametrize("odd", ["\ud800", "\u202e", ""])
def test_odd_text_beside_plain_text_stays_text(tmp_path: Path, odd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "BATCH", 1)
    ledger = Ledger(tmp_path)
    call = ledger.open_call()
    call.note(tag("1.10"), tag(odd), tag("x"))
    call.end()
    for one in (ledger, Ledger.load(tmp_path)):
        found = one.tags["reference"]
        assert found.tolist() == ["1.10", odd, "x"]
        assert str(found.dtype) == "str"


def test_bytes_and_missing_values_come_back(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    call = ledger.open_call()
    call.note(StrongID(position=0, compatibility_id="a", derivation="raw", layer_digest="d", config=b"\x00\xff"))
    call.end()
    found = Ledger.load(tmp_path).strong_ids
    assert found["config"].tolist() == [b"\x00\xff"]
    assert found["strong_id"].isna().tolist() == [True]


def test_only_the_files_of_a_call_are_read_for_its_rows(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    calls = [ledger.open_call() for _ in range(2)]
    for call in calls:
        call.note(tag("1"))
        call.end()
    loaded = Ledger.load(tmp_path)
    (tmp_path / f"{calls[0].name}.jsonl").unlink()
    assert len(loaded.rows(calls[1].name)) == 1


def test_a_file_that_changes_after_it_was_looked_at_is_refused(tmp_path: Path) -> None:
    call = Ledger(tmp_path).open_call()
    call.note(tag("1"), tag("2"))
    call.end()
    loaded = Ledger.load(tmp_path)
    path = tmp_path / f"{call.name}.jsonl"
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b'"2"', b'"3"'))
    for look in (lambda: loaded.tags, loaded.rows, lambda: loaded.rows(call.name)):
        with pytest.raises(tk.errors.LedgerError, match="is not what it was when the ledger was opened"):
            look()


@pytest.mark.parametrize("change", [{"table": "nobody's"}, {"kind": None}, {"newer": "x"}, {"kind": "word"}, {"at": "yesterday"}])
def test_a_line_that_is_chained_and_is_no_row_is_an_error_that_names_it(tmp_path: Path, change: dict[str, object]) -> None:
    """As another version of this package may write it."""
    call = Ledger(tmp_path).open_call()
    call.note(tag("1"))
    (tmp_path / HEADS).write_bytes(b"")
    path = tmp_path / f"{call.name}.jsonl"
    body = json.loads(path.read_bytes()) | change
    del body["prev"]
    if change == {"kind": None}:
        del body["kind"]
    path.write_bytes(chain.link(chain.start(call.name), json.dumps(body, separators=(",", ":")).encode() + b"\n"))
    loaded = Ledger.load(tmp_path)
    with pytest.raises(tk.errors.LedgerError) as caught:
        loaded.rows() if "table" in change else loaded.tags
    assert str(path.with_suffix("")) in caught.value.where


def test_finished_calls_leave_the_memory_and_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.ledger.ledger._REMEMBERED", 3)
    ledger = Ledger(tmp_path)
    calls = [ledger.open_call() for _ in range(4)]
    for call in calls:
        call.note(tag("1"), tag("2"))
        call.end()
    assert sum(map(len, ledger._remembered.values())) <= 3
    for call in calls:
        assert [row.stamp.seq for row in ledger.rows(call.name)] == [0, 1]
