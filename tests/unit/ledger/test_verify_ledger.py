"""Every change of a ledger is named: the file, the line, and both sides."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import toolkit as tk
from toolkit.ledger import chain, shelf
from toolkit.ledger.heads import HEADS
from toolkit.ledger.ledger import Ledger
from toolkit.ledger.lines import Evidence
from toolkit.ledger.verify_ledger import verify_ledger
from toolkit.records import Holding, Tag


def tag(number: int) -> Tag:
    return Tag(name="a", reference=str(number), kind="tag", old_id=None, new_id="f", newer=True)


def written(directory: Path, *, calls: int, lines: int) -> list[str]:
    """A ledger of finished calls; their names, in order."""
    ledger = Ledger(directory)
    names = []
    for _ in range(calls):
        call = ledger.open_call()
        call.note(*(tag(number) for number in range(lines - 1)), Evidence("k", {}))
        call.end()
        names.append(call.name)
    return names


def findings(directory: Path, head: str | None = None) -> list[Holding]:
    return [row for row in verify_ledger(directory, head=head) if row.outcome != "intact"]


def subjects(directory: Path, head: str | None = None) -> list[str]:
    return [row.subject for row in findings(directory, head)]


def rewrite(path: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.chmod(0o600)
    path.write_bytes(b"".join(change(lines)))


def test_what_nobody_touched_is_intact_and_every_file_has_a_row(tmp_path: Path) -> None:
    names = written(tmp_path, calls=3, lines=5)
    rows = verify_ledger(tmp_path, head=Ledger.load(tmp_path).head)
    assert [row.path for row in rows] == ["ledger/HEADS", *(f"ledger/{name}.jsonl" for name in names)]
    assert {(row.kind, row.outcome, row.disposition) for row in rows} == {("ledger", "intact", "left")}


def test_a_directory_that_is_not_there_is_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(tk.errors.LedgerError, match="there is no ledger"):
        verify_ledger(tmp_path / "nowhere")


CHANGES: dict[str, tuple[Callable[[list[bytes]], list[bytes]], int]] = {
    "first changed": (lambda ls: [ls[0].replace(b'"a"', b'"b"'), *ls[1:]], 1),
    "middle changed": (lambda ls: [*ls[:3], ls[3].replace(b'"a"', b'"b"'), *ls[4:]], 4),
    "last changed": (lambda ls: [*ls[:-1], ls[-1].replace(b'"k"', b'"j"')], 6),
    "first removed": (lambda ls: ls[1:], 1),
    "middle removed": (lambda ls: [*ls[:2], *ls[3:]], 2),
    "last removed": (lambda ls: ls[:-1], 6),
    "repeated": (lambda ls: [*ls[:3], ls[2], *ls[3:]], 3),
    "added": (lambda ls: [*ls, chain.link(chain.hash_of(ls[-1]), b'{"table":"tags"}\n')], 7),
    "put in": (lambda ls: [*ls[:2], chain.link(chain.hash_of(ls[1]), b'{"table":"tags"}\n'), *ls[2:]], 3),
    "swapped": (lambda ls: [*ls[:2], ls[3], ls[2], *ls[4:]], 3),
    "emptied": (lambda _: [], 1),
    "cut in a line": (lambda ls: [*ls[:4], ls[4][:-9]], 5),
    "unchained": (lambda ls: [b"{" + line[chain.BODY_STARTS :] for line in ls], 1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_first_broken_line_is_named_with_both_sides(tmp_path: Path, change: str) -> None:
    names = written(tmp_path, calls=3, lines=6)
    path = tmp_path / f"{names[1]}.jsonl"
    rewrite(path, CHANGES[change][0])
    (found,) = findings(tmp_path)
    assert found.subject == f"{path.name}, line {CHANGES[change][1]}"
    assert found.path == f"ledger/{path.name}"
    assert (found.outcome, found.compared) == ("rotten", "line")
    assert found.expected != found.actual
    with pytest.raises(tk.errors.LedgerError, match="not as it was written") as caught:
        Ledger.load(tmp_path)
    assert caught.value.where == str(tmp_path / found.subject)


@pytest.mark.parametrize("change", ["middle changed", "swapped", "cut in a line"])
def test_what_stands_before_the_break_can_be_read_when_asked_for(tmp_path: Path, change: str) -> None:
    names = written(tmp_path, calls=2, lines=6)
    rewrite(tmp_path / f"{names[0]}.jsonl", CHANGES[change][0])
    ledger = Ledger.load(tmp_path, strict=False)
    assert [row.stamp.seq for row in ledger.rows(names[0])] == list(range(CHANGES[change][1] - 1))
    assert len(ledger.rows(names[1])) == 5
    assert [row.subject for row in ledger.problems] == subjects(tmp_path)
    assert repr(ledger).endswith("; 1 problems")


def test_exchanged_files_are_named(tmp_path: Path) -> None:
    first, second = (tmp_path / f"{name}.jsonl" for name in written(tmp_path, calls=2, lines=3))
    one, two = first.read_bytes(), second.read_bytes()
    rewrite(first, lambda _: [two])
    rewrite(second, lambda _: [one])
    assert subjects(tmp_path) == [f"{first.name}, line 1", f"{second.name}, line 1"]


def test_a_file_that_is_gone_is_absent_and_one_that_came_is_unknown(tmp_path: Path) -> None:
    names = written(tmp_path, calls=2, lines=3)
    (tmp_path / f"{names[0]}.jsonl").rename(tmp_path / f"{'0' * 64}.jsonl")
    found = {row.subject: row.outcome for row in findings(tmp_path)}
    assert found == {f"{names[0]}.jsonl": "absent", f"{'0' * 64}.jsonl, line 1": "unknown"}
    with pytest.raises(tk.errors.LedgerError, match="it is not there"):
        Ledger.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda ls: [ls[0].replace(b"false", b"true"), *ls[1:]], 1),
        (lambda ls: [ls[0], ls[2]], 2),
        (lambda ls: [ls[1], ls[0], ls[2]], 1),
        (lambda ls: [*ls, ls[-1]], 4),
        (lambda ls: [*ls, chain.link(chain.hash_of(ls[-1]), b"{" + ls[0][chain.BODY_STARTS :])], 4),
        (lambda ls: [*ls, b"nonsense\n"], 4),
        (lambda ls: [*ls, chain.link(chain.hash_of(ls[-1]), b'{"name":"x"}\n')], 4),
    ],
)
def test_changed_heads_are_named(tmp_path: Path, change: Callable[[list[bytes]], list[bytes]], line: int) -> None:
    written(tmp_path, calls=3, lines=2)
    rewrite(tmp_path / HEADS, change)
    assert f"{HEADS}, line {line}" in subjects(tmp_path)


def test_heads_that_were_taken_away_are_absent(tmp_path: Path) -> None:
    names = written(tmp_path, calls=2, lines=2)
    (tmp_path / HEADS).unlink()
    assert {row.subject: row.outcome for row in findings(tmp_path)} == {
        HEADS: "absent",
        **{f"{name}.jsonl": "unknown" for name in names},
    }


def test_a_ledger_cut_short_as_a_whole_is_told_by_the_head_somebody_noted(tmp_path: Path) -> None:
    names = written(tmp_path, calls=3, lines=2)
    ledger = Ledger.load(tmp_path)
    heads = [ledger.head_of(name) for name in names]
    assert heads[-1] == ledger.head
    rewrite(tmp_path / HEADS, lambda lines: lines[:-1])
    (tmp_path / f"{names[2]}.jsonl").unlink()
    assert findings(tmp_path) == []
    assert findings(tmp_path, heads[1]) == []
    (found,) = findings(tmp_path, heads[2])
    assert (found.compared, found.expected, found.actual) == ("head", heads[2], heads[1])


def test_the_last_line_of_heads_is_vouched_for_by_a_noted_head(tmp_path: Path) -> None:
    written(tmp_path, calls=2, lines=2)
    head = Ledger(tmp_path).head
    rewrite(tmp_path / HEADS, lambda lines: [lines[0], lines[1].replace(b"false", b"true")])
    assert findings(tmp_path) == []
    assert [row.compared for row in findings(tmp_path, head)] == ["head"]


def flips(data: bytes) -> Iterator[bytes]:
    """The data with one bit of one byte changed, each byte in turn, every bit at every eighth."""
    for at in range(len(data)):
        yield data[:at] + bytes([data[at] ^ (1 << at % 8)]) + data[at + 1 :]


def test_every_changed_byte_of_the_files_of_a_ledger_of_200_lines_is_named(tmp_path: Path) -> None:
    written(tmp_path, calls=40, lines=5)
    entries = shelf.read_heads((tmp_path / HEADS).read_bytes())[0]
    tried = 0
    for entry, _ in entries:
        data = (tmp_path / f"{entry.name}.jsonl").read_bytes()
        starts = list(itertools.accumulate((len(line) for line in data.splitlines(keepends=True)), initial=0))
        assert chain.scan(entry.name, [data], entry.sealed).broken is None
        for number, changed in enumerate(flips(data)):
            broken = chain.scan(entry.name, [changed], entry.sealed).broken
            line = next(index for index, start in enumerate(starts) if start > number)
            assert broken is not None
            assert broken.line in (line, line + 1)
            tried += 1
    assert tried > 200 * 250


def test_every_changed_byte_of_heads_is_named(tmp_path: Path) -> None:
    written(tmp_path, calls=3, lines=1)
    path = tmp_path / HEADS
    for changed in flips(path.read_bytes()):
        path.write_bytes(changed)
        assert findings(tmp_path)
