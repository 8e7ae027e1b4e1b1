"""The ledger: rows are stamped in order, kept, written and read again."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pandas as pd
import pytest

import toolkit as tk
from toolkit.ledger.ledger import Ledger
from toolkit.ledger.lines import Evidence
from toolkit.records import TABLES, Endpoint
from toolkit.sources.protocol import Source

START = datetime(2015, 10, 20, tzinfo=UTC)


def endpoint(url: str) -> Endpoint:
    return Endpoint(url=url, version="v2", mirror=False, tls="none", outcome="used", fallback=False, reason="")


def ticking() -> datetime:
    return START + timedelta(seconds=next(TICKS))


TICKS = count()


def test_rows_are_stamped_in_the_order_they_are_noted() -> None:
    clock = iter([START, START - timedelta(days=1)])
    ledger = Ledger(clock=lambda: next(clock))
    call = ledger.open_call()
    call.image = "a/b:1"
    call.note(endpoint("one"), endpoint("two"))
    call.image = "a/b:2"
    call.note(endpoint("three"))
    found = ledger.endpoints
    assert found["seq"].tolist() == [0, 1, 2]
    assert found["url"].tolist() == ["one", "two", "three"]
    assert found["image"].tolist() == ["a/b:1", "a/b:1", "a/b:2"]
    assert found["pull"].tolist() == [call.name] * 3
    assert found["at"].tolist() == [pd.Timestamp(START), pd.Timestamp(START), pd.Timestamp(START - timedelta(days=1))]


def test_calls_have_names_of_their_own() -> None:
    ledger = Ledger()
    calls = [ledger.open_call() for _ in range(3)]
    for call in reversed(calls):
        call.note(endpoint(call.name))
    assert len({call.name for call in calls}) == 3
    assert all(len(call.name) == 64 and int(call.name, 16) >= 0 for call in calls)
    assert ledger.pulls_in_order() == [call.name for call in reversed(calls)]
    assert [row.record for row in calls[1]] == [endpoint(calls[1].name)]
    assert ledger.rows(calls[1].name) == list(calls[1])


def test_evidence_is_numbered_with_the_rows_and_is_in_no_frame(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    call = ledger.open_call()
    call.note(endpoint("one"), Evidence("kind", {"a": 1}), endpoint("two"))
    for one in (ledger, Ledger.load(tmp_path / "ledger")):
        assert one.endpoints["seq"].tolist() == [0, 2]
        assert [(row.stamp.seq, row.evidence) for row in one.evidence(call.name)] == [(1, Evidence("kind", {"a": 1}))]
        assert one.evidence("f" * 64) == []


def test_a_ledger_in_memory_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    call = Ledger().open_call()
    call.note(endpoint("one"))
    call.sync()
    assert list(tmp_path.iterdir()) == []


def test_what_is_kept_is_read_again(tmp_path: Path, teaching: Source) -> None:
    ledger = Ledger(tmp_path / "ledger", clock=ticking)
    for name in ("clean:1", "duplicates:1", "tampered:blob-byte"):
        tk.inspect(f"teach/{name}", source=teaching, ledger=ledger)
    again = Ledger.load(tmp_path / "ledger")
    for call in ledger.pulls_in_order():
        assert again.rows(call) == ledger.rows(call)
        assert again.evidence(call) == ledger.evidence(call)
    for table in TABLES:
        order = ["pull", "seq"]
        left, right = (one.frame(table).sort_values(order, ignore_index=True) for one in (ledger, again))
        pd.testing.assert_frame_equal(left, right)
    files = sorted((tmp_path / "ledger").iterdir())
    calls = {f"{call}.jsonl" for call in ledger.pulls_in_order()}
    assert {path.name: path.stat().st_mode & 0o7777 for path in files} == {"HEADS": 0o600} | dict.fromkeys(calls, 0o400)


def test_a_row_is_on_disk_when_it_was_noted(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    call = ledger.open_call()
    for number in range(3):
        call.note(endpoint(str(number)))
        assert len(Ledger.load(tmp_path / "ledger").rows()) == number + 1


def test_other_files_in_the_directory_are_not_read(tmp_path: Path) -> None:
    call = Ledger(tmp_path).open_call()
    call.note(endpoint("one"))
    (tmp_path / "notes.txt").write_text("not a ledger")
    (tmp_path / "x.jsonl.bak").write_text("not a ledger")
    assert len(Ledger.load(tmp_path).rows()) == 1


def test_a_directory_that_is_not_there_is_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(tk.errors.LedgerError) as caught:
        Ledger.load(tmp_path / "nowhere")
    assert caught.value.where == str(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(tk.errors.LedgerError):
        Ledger.load(tmp_path / "file")


def test_an_empty_directory_is_an_empty_ledger(tmp_path: Path) -> None:
    assert Ledger.load(tmp_path).rows() == []


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_damaged_line_is_named_with_its_file(tmp_path: Path, number: int) -> None:
    call = Ledger(tmp_path).open_call()
    call.note(endpoint("one"), endpoint("two"), endpoint("three"))
    path = tmp_path / f"{call.name}.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[number - 1] = b"\x00" + lines[number - 1]
    path.write_bytes(b"".join(lines))
    with pytest.raises(tk.errors.LedgerError) as caught:
        Ledger.load(tmp_path)
    assert caught.value.where == f"{path}, line {number}"
    assert path.read_bytes() == b"".join(lines)


def test_a_place_where_nothing_can_be_written_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    call = Ledger(tmp_path / "file" / "ledger").open_call()
    with pytest.raises(tk.errors.GraphIOError):
        call.note(endpoint("one"))


# -- several threads ---------------------------------------------------------------------------------------------


def noted_by_threads(ledger: Ledger, *, calls: int, threads: int, each: int) -> list[str]:
    opened = [ledger.open_call() for _ in range(calls)]

    def work(number: int) -> None:
        for index in range(each):
            opened[number % calls].note(endpoint(f"{number}/{index}/a"), endpoint(f"{number}/{index}/b"))

    running = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(timeout=120)
    assert not any(thread.is_alive() for thread in running)
    return [call.name for call in opened]


@pytest.mark.parametrize("calls", [1, 3])
def test_threads_lose_no_row_and_keep_each_others_order(tmp_path: Path, calls: int) -> None:
    ledger = Ledger(tmp_path)
    names = noted_by_threads(ledger, calls=calls, threads=6, each=40)
    assert len(ledger.rows()) == 6 * 40 * 2
    for one in (ledger, Ledger.load(tmp_path)):
        for name in names:
            rows = one.rows(name)
            assert [row.stamp.seq for row in rows] == list(range(len(rows)))
            urls = [row.record.url for row in rows if isinstance(row.record, Endpoint)]
            assert all(second == f"{first[:-1]}b" for first, second in zip(urls[::2], urls[1::2], strict=True))
            for number in {url.partition("/")[0] for url in urls}:
                mine = [int(url.split("/")[1]) for url in urls if url.startswith(f"{number}/") and url.endswith("a")]
                assert mine == list(range(40))


# -- to look at --------------------------------------------------------------------------------------------------


def test_frames_are_attributes_and_are_listed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for table in TABLES:
        assert table in dir(ledger)
        assert list(getattr(ledger, table).columns) == list(ledger.frame(table).columns)
    with pytest.raises(AttributeError, match="'Ledger' object has no attribute 'nothing'"):
        _ = ledger.nothing


def test_a_ledger_says_where_it_is_and_how_much_it_holds(tmp_path: Path) -> None:
    assert repr(Ledger()) == "Ledger(in memory): 0 rows of 0 calls"
    ledger = Ledger(tmp_path)
    for _ in range(2):
        ledger.open_call().note(endpoint("one"), Evidence("kind", {}))
    assert repr(ledger) == f"Ledger({tmp_path}): 2 rows of 2 calls"


def test_a_ledger_is_taken_by_itself_or_by_its_path(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    assert Ledger.of(ledger) is ledger
    assert Ledger.of(tmp_path).directory == Ledger.of(str(tmp_path)).directory == tmp_path
    assert Ledger.of(None).directory is None
