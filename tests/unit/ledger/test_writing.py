"""Files of calls are finished once, by their writer or for a dead one, and nothing that was torn is lost."""

from __future__ import annotations

import errno
import hashlib
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.faulty import Faulty, Watched
from support.places import PROJECT
from support.power_cut import ROOT, PowerCut

import toolkit as tk
from toolkit import fsops
from toolkit.ledger import chain, heads
from toolkit.ledger.heads import HEADS
from toolkit.ledger.ledger import Call, Ledger
from toolkit.ledger.lines import Evidence
from toolkit.ledger.verify_ledger import verify_ledger
from toolkit.ledger.writing import claimed
from toolkit.records import Pull, PullOutcome, Tag


def tag(number: int) -> Tag:
    return Tag(name="a", reference=str(number), kind="tag", old_id=None, new_id="f", newer=True)


def pull(outcome: PullOutcome) -> Pull:
    return Pull(verb="pull", reference="a", source="b", policy="strict", accepted_rules="", outcome=outcome, tool_version="1")


def entries(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / HEADS).read_bytes().splitlines()]


def outcomes(directory: Path) -> dict[str, str]:
    return {row.subject: row.outcome for row in verify_ledger(directory)}


def finished(directory: Path, *numbers: int) -> str:
    call = Ledger(directory).open_call()
    call.note(*map(tag, numbers))
    call.end()
    return call.name


def numbers(ledger: Ledger, call: str) -> list[str]:
    return [row.record.reference for row in ledger.rows(call) if isinstance(row.record, Tag)]


# -- finishing ---------------------------------------------------------------------------------------------------


def test_a_line_holds_the_hash_of_the_one_before_and_the_first_that_of_the_files_name(tmp_path: Path) -> None:
    name = finished(tmp_path, 1, 2)
    first, second = (tmp_path / f"{name}.jsonl").read_bytes().splitlines(keepends=True)
    assert json.loads(first)["prev"] == hashlib.sha256(name.encode()).hexdigest()
    assert json.loads(second)["prev"] == hashlib.sha256(first).hexdigest()
    (entry,) = entries(tmp_path)
    assert entry == {
        "prev": hashlib.sha256(b"HEADS").hexdigest(),
        "name": name,
        "lines": 2,
        "head": hashlib.sha256(second).hexdigest(),
        "adopted": False,
        "torn": None,
    }
    assert Ledger(tmp_path).head == hashlib.sha256((tmp_path / HEADS).read_bytes()).hexdigest()


def test_a_call_is_finished_by_the_sync_after_its_own_row(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    call = ledger.open_call()
    for entry in (tag(1), pull("running")):
        call.note(entry)
        call.sync()
        assert entries(tmp_path) == []
        assert ledger.head_of(call.name) is None
    call.note(pull("accepted"))
    call.sync()
    assert [entry["name"] for entry in entries(tmp_path)] == [call.name]
    assert ledger.head_of(call.name) == ledger.head == Ledger.load(tmp_path).head


def test_a_ledger_in_memory_has_no_head() -> None:
    ledger = Ledger()
    call = ledger.open_call()
    call.note(pull("accepted"))
    call.sync()
    call.end()
    assert ledger.head == ""
    assert ledger.head_of(call.name) is None
    assert len(ledger.rows(call.name)) == 1


def test_a_call_that_goes_on_gets_a_further_file_and_stays_one_call(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    call = ledger.open_call()
    call.note(tag(1))
    call.end()
    call.note(tag(2), Evidence("k", {}))
    assert numbers(ledger, call.name) == ["1", "2"]
    call.end()
    call.end()
    assert [entry["name"] for entry in entries(tmp_path)] == [call.name, f"{call.name}.1"]
    for one in (ledger, Ledger.load(tmp_path)):
        assert numbers(one, call.name) == ["1", "2"]
        assert one.pulls_in_order() == [call.name]
        assert one.tags["reference"].tolist() == ["1", "2"]
    assert set(outcomes(tmp_path).values()) == {"intact"}


def test_calls_are_in_the_order_in_which_they_ended_and_open_ones_follow(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    calls = [ledger.open_call() for _ in range(5)]
    for number, call in enumerate(calls):
        call.note(tag(number))
    for number in (3, 0, 2):
        calls[number].end()
    order = [calls[number].name for number in (3, 0, 2, 1, 4)]
    assert ledger.pulls_in_order() == Ledger.load(tmp_path).pulls_in_order() == order
    assert Ledger.load(tmp_path).tags["reference"].tolist() == ["3", "0", "2", "1", "4"]


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a.1", ".", "HEADS\n", "ü"])
def test_what_cannot_be_the_name_of_a_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(tk.errors.LedgerError, match="cannot be the name of a call"):
        Call(Ledger(tmp_path / "ledger"), name).note(tag(1))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [HEADS]


# -- the living and the dead -------------------------------------------------------------------------------------


def killed(directory: Path, *, torn: bytes = b"") -> str:
    """Let a process note three rows and be killed; give the call's name."""
    code = (
        "import os, signal, sys; from toolkit.ledger.ledger import Ledger; from toolkit.records import Tag\n"
        "call = Ledger(sys.argv[1]).open_call()\n"
        "for n in '123': call.note(Tag(name='a', reference=n, kind='tag', old_id=None, new_id='f', newer=True))\n"
        "print(call.name, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(directory)], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    name = done.stdout.strip()
    with (directory / f"{name}.jsonl").open("ab") as file:
        file.write(torn)
    return name


def test_what_a_living_writer_has_not_finished_is_open_and_nobody_adopts_it(tmp_path: Path) -> None:
    call = Ledger(tmp_path).open_call()
    call.note(tag(1))
    finished(tmp_path, 2)
    (row,) = (row for row in verify_ledger(tmp_path) if call.name in row.path)
    assert row.outcome == "unknown"
    assert "being written" in row.reason
    loaded = Ledger.load(tmp_path)
    assert loaded.problems == []
    assert numbers(loaded, call.name) == ["1"]
    call.note(tag(3))
    call.end()
    assert set(outcomes(tmp_path).values()) == {"intact"}
    assert [entry["adopted"] for entry in entries(tmp_path)] == [False, False]


@pytest.mark.parametrize("torn", [b"", b'{"prev":"', b"\0" * 100, b'\0\0\n{"a":1}\nx'])
def test_the_file_of_a_killed_writer_is_read_then_adopted_and_its_torn_end_kept(tmp_path: Path, torn: bytes) -> None:
    name = killed(tmp_path, torn=torn)
    before = Ledger.load(tmp_path)
    assert numbers(before, name) == ["1", "2", "3"]
    assert len(before.problems) == bool(torn)
    assert {row.outcome for row in verify_ledger(tmp_path) if name in row.path} == {"unknown"}
    other = finished(tmp_path, 7)
    digest = hashlib.sha256(torn).hexdigest() if torn else None
    assert [(one["name"], one["lines"], one["adopted"], one["torn"]) for one in entries(tmp_path)] == [
        (name, 3, True, digest),
        (other, 1, False, None),
    ]
    if digest is not None:
        assert (tmp_path / "torn" / digest).read_bytes() == torn
    assert set(outcomes(tmp_path).values()) == {"intact"}
    after = Ledger.load(tmp_path)
    assert after.problems == []
    assert numbers(after, name) == ["1", "2", "3"]


@pytest.mark.parametrize(("damage", "outcome"), [(b"other", "rotten"), (None, "absent")])
def test_what_was_set_aside_is_looked_after(tmp_path: Path, damage: bytes | None, outcome: str) -> None:
    killed(tmp_path, torn=b"half")
    finished(tmp_path, 7)
    aside = tmp_path / "torn" / hashlib.sha256(b"half").hexdigest()
    aside.unlink()
    if damage is not None:
        aside.write_bytes(damage)
    assert outcomes(tmp_path)[f"torn/{aside.name}"] == outcome


def test_a_torn_end_of_heads_is_survived_told_and_kept(tmp_path: Path) -> None:
    first, second = finished(tmp_path, 1), finished(tmp_path, 2)
    path = tmp_path / HEADS
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    half = whole[:-10].splitlines()[-1]
    loaded = Ledger.load(tmp_path)
    assert [row.subject for row in loaded.problems] == [f"{HEADS}, line 2"]
    assert sorted(loaded.pulls_in_order()) == sorted([first, second])
    third = finished(tmp_path, 3)
    assert [(one["name"], one["adopted"]) for one in entries(tmp_path)] == [
        (first, False),
        (HEADS, True),
        (second, True),
        (third, False),
    ]
    assert (tmp_path / "torn" / hashlib.sha256(half).hexdigest()).read_bytes() == half
    assert set(outcomes(tmp_path).values()) == {"intact"}


def test_a_line_of_heads_longer_than_a_window_is_found(tmp_path: Path) -> None:
    finished(tmp_path, 1)
    with (tmp_path / HEADS).open("ab") as file:
        file.write(b"\0" * 20_000)
    finished(tmp_path, 2)
    assert (tmp_path / "torn" / hashlib.sha256(b"\0" * 20_000).hexdigest()).is_file()
    assert set(outcomes(tmp_path).values()) == {"intact"}


def test_somebody_who_holds_heads_for_too_long_is_an_error_that_says_how_to_find_them(tmp_path: Path) -> None:
    with (
        claimed(tmp_path),
        pytest.raises(tk.errors.LedgerError, match="held HEADS") as caught,
        claimed(tmp_path, patience=0.05),
    ):
        pass
    assert caught.value.code == "ledger-locked"


def test_what_is_no_file_of_a_ledger_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "not a name.jsonl").write_text("x")
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "elsewhere")
    name = finished(tmp_path, 1)
    assert [entry["name"] for entry in entries(tmp_path)] == [name]


# -- many at once ------------------------------------------------------------------------------------------------


def _notes(directory: str, count: int) -> None:
    for number in range(count):
        finished(Path(directory), number)


def test_processes_and_threads_finish_calls_at_once_and_one_chain_comes_out(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_notes, args=(str(tmp_path), 12)) for _ in range(2)]
    threads = [threading.Thread(target=_notes, args=(str(tmp_path), 12)) for _ in range(4)]
    for process in processes:
        process.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    for process in processes:
        process.join(timeout=120)
    assert [one.exitcode for one in processes] == [0, 0]
    assert len(entries(tmp_path)) == 72
    assert not any(entry["adopted"] for entry in entries(tmp_path))
    assert set(outcomes(tmp_path).values()) == {"intact"}
    assert len(Ledger.load(tmp_path).tags) == 72


def test_a_child_does_not_write_on_in_the_ledger_of_its_parent(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    call = ledger.open_call()
    call.note(tag(1))
    ledger._owner = "another process"
    with pytest.raises(tk.errors.LedgerError, match="taken along into another process"):
        call.note(tag(2))
    with pytest.raises(tk.errors.LedgerError, match="taken along into another process"):
        call.sync()


# -- disks that fail ---------------------------------------------------------------------------------------------


class FullOnce(Watched):
    """A disk that takes half of one write to a call's file, then nothing of it."""

    def __init__(self, number: int) -> None:
        super().__init__(fsops.current())
        self._left = number

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        if self._paths.get(descriptor, "").endswith(".jsonl"):
            self._left -= 1
            if self._left == 0:
                return self.inner.write(descriptor, data[: len(data) // 2])
            if self._left == -1:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(descriptor, data)


def test_a_row_that_found_no_room_is_written_before_the_next_one(tmp_path: Path) -> None:
    with fsops.under(FullOnce(2)):
        call = Ledger(tmp_path).open_call()
        call.note(tag(1))
        with pytest.raises(tk.errors.GraphIOError):
            call.note(tag(2))
        call.note(tag(3))
        call.end()
    assert set(outcomes(tmp_path).values()) == {"intact"}
    assert numbers(Ledger.load(tmp_path), call.name) == ["1", "2", "3"]


def test_a_row_that_found_no_room_is_written_by_the_sync(tmp_path: Path) -> None:
    with fsops.under(FullOnce(2)):
        call = Ledger(tmp_path).open_call()
        call.note(tag(1))
        with pytest.raises(tk.errors.GraphIOError):
            call.note(tag(2))
        call.end()
    assert numbers(Ledger.load(tmp_path), call.name) == ["1", "2"]


@pytest.mark.parametrize("kind", ["create", "write", "sync", "claim", "read", "seek", "status_of"])
def test_every_operation_may_fail_once_and_a_later_end_puts_everything_down(tmp_path: Path, kind: str) -> None:
    for number in range(200):
        directory = tmp_path / f"{kind}{number}"
        with fsops.under(_FailsAt(kind, number)) as system:
            call = Ledger(directory).open_call()
            _tolerated(partial(call.note, tag(1)))
            _tolerated(partial(call.note, tag(2)))
            _tolerated(call.sync)
            for _ in range(3):
                _tolerated(call.end)
        assert isinstance(system, _FailsAt)
        assert system.synced_again == []
        found = Ledger.load(directory)
        assert numbers(found, call.name) == ["1", "2"]
        assert [one for one in verify_ledger(directory) if one.outcome in ("rotten", "absent")] == []
        if not system.refused:
            return
    raise AssertionError("it never came to an end")


class _FailsAt(Faulty):
    """Refuses the n-th operation of one kind."""

    def __init__(self, kind: str, number: int) -> None:
        super().__init__(fsops.current(), -1, errno.EIO)
        self._kind = kind
        self._wanted = number

    def before(self, operation: Any) -> None:
        if operation.kind == self._kind:
            self._wanted -= 1
            if self._wanted == -1:
                self.refused.append(operation)
                raise OSError(errno.EIO, os.strerror(errno.EIO))


def _tolerated(call: Any) -> None:
    try:
        call()
    except tk.errors.ToolkitError:
        return


def test_in_every_state_a_power_cut_leaves_what_was_finished_is_there_and_nothing_is_an_exception() -> None:
    chance, seen = random.Random(7), 0  # noqa: S311  # no secret: the same states on every run
    disk = PowerCut()
    promised: list[str] = []
    states: list[tuple[list[str], dict[str, bytes | None]]] = []
    disk.changed = lambda _operation, _path: states.extend((list(promised), tree) for tree in disk.states(30, chance))
    with fsops.under(disk):
        for _ in range(6):
            ledger = Ledger(ROOT / "ledger")
            call = ledger.open_call()
            call.note(tag(1))
            call.note(tag(2), tag(3))
            call.end()
            promised.append(call.name)
    disk.changed = None
    for names, tree in states:
        with fsops.under(PowerCut(tree)):
            if not fsops.is_directory(ROOT / "ledger"):
                assert names == []
                continue
            for _ in range(2):
                ledger = Ledger.load(ROOT / "ledger")
                assert all(numbers(ledger, name) == ["1", "2", "3"] for name in names)
                finished(ROOT / "ledger", 9)
            assert {row.outcome for row in verify_ledger(ROOT / "ledger")} == {"intact"}
            seen += 1
    assert seen > 150


# -- HEADS -------------------------------------------------------------------------------------------------------

LINE = heads.dump("0" * 64, heads.Entry(name="a.1", lines=3, head="1" * 64, adopted=True, torn="2" * 64))


def test_a_line_of_heads_comes_back() -> None:
    assert heads.load(LINE, where="here") == heads.Entry(name="a.1", lines=3, head="1" * 64, adopted=True, torn="2" * 64)
    assert heads.name_in(LINE) == "a.1"
    assert chain.scan("x", [LINE]).broken is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"{", b"{ "),
        (b'"lines":3', b'"lines":3.0'),
        (b'"lines":3', b'"lines":-3'),
        (b'"lines":3', b'"lines":true'),
        (b'"name":"a.1"', b'"name":"../a"'),
        (b'"name":"a.1"', b'"name":7'),
        (b"11", b"1G"),
        (b"22", b"2"),
        (b'"adopted":true', b'"adopted":1'),
        (b'"torn"', b'"worn"'),
        (b"}", b',"more":1}'),
        (b"\n", b""),
        (b"a", b"\xff"),
    ],
)
def test_a_line_of_heads_that_reads_differently_was_not_written_here(old: bytes, new: bytes) -> None:
    with pytest.raises(tk.errors.LedgerError, match="not a line of HEADS") as caught:
        heads.load(LINE.replace(old, new, 1), where="there")
    assert caught.value.where == "there"
