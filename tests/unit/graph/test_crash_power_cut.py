"""Power may be cut after any operation: what was acknowledged is there afterwards, and nothing lies under a wrong name."""

from __future__ import annotations

import errno
import os
import random
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from support.faulty import Operation, Watched
from support.power_cut import ROOT, PowerCut, Tree
from support.power_cut_trial import (
    GRAPH,
    MODERN,
    SCHEMA1,
    SHARING,
    Trial,
    promised,
    pulls_again,
    registry,
    truth_of,
)

import toolkit as tk
from toolkit import fsops
from toolkit.sources.protocol import Source

STEPS = (SCHEMA1, MODERN, SHARING)
EACH = 270
PULLED_AGAIN = 60


@pytest.fixture(scope="module")
def source() -> Source:
    return registry()


@pytest.fixture(scope="module")
def truth(source: Source) -> Tree:
    return truth_of(STEPS, source)


# -- the model itself --------------------------------------------------------------------------------------------


def every_state(disk: PowerCut) -> list[Tree]:
    return list(disk.states(1000, random.Random(1)))  # noqa: S311  # no secret


def test_what_is_not_synced_may_be_there_or_not_or_in_part() -> None:
    disk = PowerCut()
    with fsops.under(disk):
        file = fsops.NewFile(ROOT / "a")
        file.write(b"abcd")
    found = every_state(disk)
    assert {tree.get("a") for tree in found} == {None, b"", b"abcd", b"ab", b"\0\0\0\0"}


def test_what_is_synced_is_there_and_its_name_only_with_its_directory() -> None:
    disk = PowerCut()
    with fsops.under(disk):
        file = fsops.NewFile(ROOT / "a")
        file.write(b"abcd")
        file.sync()
        assert {tree.get("a") for tree in every_state(disk)} == {None, b"abcd"}
        fsops.sync_directory(ROOT)
    assert every_state(disk) == [{"a": b"abcd"}]


def test_a_name_given_before_it_was_taken_away_may_be_there_again() -> None:
    disk = PowerCut({"a": b"one"})
    with fsops.under(disk):
        fsops.replace(ROOT / "a", b"two", durable=False)
        assert {tree.get("a") for tree in every_state(disk)} == {b"one", b"", b"two", b"tw"[:1], b"\0\0\0"}
        fsops.discard(ROOT / "a")
        assert None in {tree.get("a") for tree in every_state(disk)}


def test_the_file_system_refuses_as_a_real_one_does(tmp_path: Path) -> None:
    attempts: list[Callable[[fsops.System, Path], object]] = [
        lambda system, root: system.open(root / "a", os.O_WRONLY | os.O_CREAT | os.O_EXCL),
        lambda system, root: system.open(root / "none", os.O_RDONLY),
        lambda system, root: system.open(root / "a" / "b", os.O_RDONLY),
        lambda system, root: system.open(root / "a", os.O_RDONLY | os.O_DIRECTORY),
        lambda system, root: system.open(root / "d", os.O_WRONLY),
        lambda system, root: system.make_directory(root / "d", 0o700),
        lambda system, root: system.make_directory(root / "none" / "d", 0o700),
        lambda system, root: system.make_directory(root / "a" / "d", 0o700),
        lambda system, root: system.remove_directory(root / "d"),
        lambda system, root: system.remove(root / "d"),
        lambda system, root: system.remove(root / "none"),
        lambda system, root: system.link(root / "a", root / "d"),
        lambda system, root: system.link(root / "none", root / "e"),
        lambda system, root: system.rename(root / "e", root / "d"),
        lambda system, root: system.names(root / "a"),
        lambda system, root: system.resolve(root / "none"),
    ]
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "inside").write_bytes(b"")
    (tmp_path / "e").mkdir()
    for attempt in attempts:
        codes = []
        for system, root in ((fsops.System(), tmp_path), (PowerCut({"a": b"a", "d": None, "d/inside": b"", "e": None}), ROOT)):
            with pytest.raises(OSError, match="Errno") as caught:
                attempt(system, root)
            codes.append(errno.errorcode[caught.value.errno or 0])
        assert codes[0] == codes[1]


# -- the commit order --------------------------------------------------------------------------------------------


def test_nothing_acknowledged_is_lost_in_any_state_a_power_cut_leaves(source: Source, truth: Tree) -> None:
    trial = Trial(seed=1, each=EACH, whole=PULLED_AGAIN)
    trial.run(PowerCut(), STEPS, source)
    assert trial.drawn >= 100_000
    assert trial.judge(truth) == []
    assert [text for tree in trial.sample for text in pulls_again(tree, SCHEMA1, truth, source)] == []


def test_what_a_killed_process_left_is_not_relied_upon_before_it_is_durable(source: Source, truth: Tree) -> None:
    """The names a killed process gave are synced by whoever refers to them, not only by whoever made them."""
    counted = Stops(PowerCut(), -1)
    with fsops.under(counted):
        tk.pull(SCHEMA1, GRAPH, source=source, workers=1)
    found = []
    for number in range(0, len(counted.operations), 5):
        disk = PowerCut()
        with fsops.under(Stops(disk, number)), pytest.raises(Stopped):
            tk.pull(SCHEMA1, GRAPH, source=source, workers=1)
        left = disk.abandoned()
        with fsops.under(left):
            report = tk.pull(SCHEMA1, GRAPH, source=source, workers=1)
        trial = Trial(seed=number, each=20, promises=(promised(report, left),))
        trial.draw(left)
        found += trial.judge(truth)
    assert found == []


class Stopped(BaseException):
    """The process was killed: nothing of it runs any more, no clean-up either."""


class Stops(Watched):
    """Ends at the n-th operation, and does nothing from then on."""

    def __init__(self, inner: fsops.System, number: int) -> None:
        super().__init__(inner)
        self._number = number

    def before(self, operation: Operation) -> None:
        if 0 <= self._number < len(self.operations):
            raise Stopped


# -- the test of the test ----------------------------------------------------------------------------------------


class NoFileSync(PowerCut):
    """Syncs directories only."""

    def sync(self, descriptor: int) -> None:
        if stat.S_ISDIR(self.status_of(descriptor).st_mode):
            super().sync(descriptor)


class NoDirectorySync(PowerCut):
    """Syncs files only."""

    def sync(self, descriptor: int) -> None:
        if not stat.S_ISDIR(self.status_of(descriptor).st_mode):
            super().sync(descriptor)


class NoLedgerSync(PowerCut):
    """Syncs everything but the files of the ledger."""

    def sync(self, descriptor: int) -> None:
        if self.path_of(descriptor).parent != GRAPH / "ledger":
            super().sync(descriptor)


class UncheckedWrite(PowerCut):
    """Loses the second half of what is written into manifests, and everybody believes that all of it was taken."""

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        path = self.path_of(descriptor)
        kept = data[: len(data) // 2] if path.parent == GRAPH / "ingest" and path.suffix == ".part" else data
        super().write(descriptor, kept)
        self._believed = {**getattr(self, "_believed", {}), self._files[descriptor].inode.number: len(data)}
        return len(data)

    def status_of(self, descriptor: int) -> os.stat_result:
        found = super().status_of(descriptor)
        size = getattr(self, "_believed", {}).get(found.st_ino, found.st_size)
        return os.stat_result((*found[:6], size, *found[7:10]))


class RenameOver(PowerCut):
    """Gives a second name as ``rename`` would: over whatever stands there."""

    def link(self, source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
        if self.number_at(Path(target)) is not None:
            self.remove(target)
        super().link(source, target)


def commits_twice(disk: PowerCut, trial: Trial, source: Source) -> None:
    """Pull, and then commit a blob that is there already, as two processes do that meet."""
    trial.run(disk, (SCHEMA1,), source)
    with fsops.under(disk):
        graph = tk.Graph(GRAPH)
        for path, data in trial.promises[0].evidence.items():
            if path.startswith("graph/blobs/sha256/") and data is not None:
                before = disk.number_at(ROOT / path)
                with graph.blobs.ingest(f"sha256:{path[-64:]}") as ingest:
                    ingest.feed(data)
                    ingest.commit()
                if disk.number_at(ROOT / path) != before:
                    trial.overwritten.append(f"overwritten: {path}")


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (NoFileSync, "wrong bytes"),
        (NoFileSync, "lost"),
        (NoDirectorySync, "lost"),
        (NoLedgerSync, "lost: rows"),
        (UncheckedWrite, "wrong bytes"),
        (RenameOver, "overwritten"),
    ],
)
def test_a_commit_order_with_one_thing_left_out_is_noticed(
    broken: type[PowerCut], complaint: str, source: Source, truth: Tree
) -> None:
    trial = Trial(seed=1, each=10)
    commits_twice(broken(), trial, source)
    assert any(text.startswith(complaint) for text in trial.judge(truth))


def test_the_same_trial_finds_nothing_in_the_order_as_it_is(source: Source, truth: Tree) -> None:
    trial = Trial(seed=1, each=10)
    commits_twice(PowerCut(), trial, source)
    assert trial.judge(truth) == []
