"""Everything that may happen to a graph, in any order, beside a model that is small enough to be believed.

The rule of this file: the model knows three things: what was acknowledged, what was changed behind the graph's back, and whether
something had to be moved away. The graph is the real one, on a disk in memory.
"""

from __future__ import annotations

import contextlib
import errno
import random
from pathlib import PurePosixPath

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import toolkit as tk
from support.faulty import Faulty, Operation, Watched
from support.power_cut import PowerCut, Tree
from support.power_cut_trial import EVIDENCE, GRAPH, MODERN, SCHEMA1, SHARING, registry, wrong_bytes
from toolkit import fsops
from toolkit.fsops import System
from toolkit.ledger.verify_ledger import verify_ledger
from toolkit.records import Holding
from toolkit.sources.protocol import Source

IMAGES = (SCHEMA1, SHARING, MODERN)
ERRORS = (errno.ENOSPC, errno.EIO, errno.EROFS)
LONGEST = 400
"""More operations than a pull has: a number beyond its end changes nothing."""


class Gone(BaseException):
    """The process was killed."""


class Dying(Watched):
    """From the n-th operation on nothing is done any more, not even cleaning up."""

    def __init__(self, inner: System, number: int) -> None:
        super().__init__(inner)
        self._number = number

    def before(self, operation: Operation) -> None:
        if len(self.operations) > self._number:
            raise Gone


class GraphMachine(RuleBasedStateMachine):
    """A graph, and what must be true of it."""

    def __init__(self) -> None:
        super().__init__()
        self.disk = PowerCut()
        self.source: Source = registry()
        self.acknowledged: Tree = {}
        self.changed: set[str] = set()
        """Paths whose content was changed, moved away or purged: nothing is promised of them any more."""
        self.rotten: set[str] = set()
        self.whole = True
        """Whether nothing was moved away that a reference still reaches."""

    def pulled(self, name: str, system: System) -> bool:
        """Pull; return whether it was acknowledged. Whatever goes wrong is an error of ours."""
        with fsops.under(system):
            try:
                report = tk.pull(name, GRAPH, source=self.source, workers=1)
            except tk.ToolkitError:
                return False
        assert report.outcome == "accepted"
        self.acknowledged |= {path: data for path, data in self.disk.seen().items() if path.startswith(EVIDENCE)}
        return True

    def looked_again(self) -> None:
        """A pull may have found what rotted, and moved it away."""
        seen = self.disk.seen()
        found = {path for path in self.rotten if not wrong_bytes({path: seen.get(path)}, self.acknowledged)}
        self.rotten -= found
        self.whole = self.whole and not found

    @rule(name=st.sampled_from(IMAGES))
    def pull(self, name: str) -> None:
        taken = self.pulled(name, self.disk)
        assert taken or self.changed, "a pull into a sound graph"
        self.looked_again()

    @rule(
        name=st.sampled_from(IMAGES),
        number=st.integers(0, LONGEST),
        error=st.sampled_from(ERRORS),
        sticky=st.booleans(),
    )
    def pull_on_a_bad_disk(self, name: str, number: int, error: int, sticky: bool) -> None:  # noqa: FBT001  # hypothesis names it
        self.pulled(name, Faulty(self.disk, number, error, sticky=sticky))
        self.disk = self.disk.abandoned()  # the next one to pull is a process of its own
        self.looked_again()

    @rule(name=st.sampled_from(IMAGES), number=st.integers(0, LONGEST))
    def pull_and_be_killed(self, name: str, number: int) -> None:
        try:
            self.pulled(name, Dying(self.disk, number))
        except Gone:
            self.disk = self.disk.abandoned()
        self.looked_again()

    @rule(name=st.sampled_from(IMAGES), number=st.integers(0, LONGEST), seed=st.integers(0, 2**16))
    def pull_and_lose_power(self, name: str, number: int, seed: int) -> None:
        with contextlib.suppress(Gone):
            self.pulled(name, Dying(self.disk, number))
        states = list(self.disk.states(2, random.Random(seed)))  # noqa: S311  # hypothesis chooses
        self.disk = PowerCut(states[seed % len(states)])
        self.looked_again()

    @precondition(lambda self: self.acknowledged)
    @rule(choice=st.integers(0, 2**32), bit=st.integers(0, 7))
    def flip(self, choice: int, bit: int) -> None:
        """One bit of something that was acknowledged turns."""
        tree = self.disk.seen()
        files = sorted(path for path, data in tree.items() if path in self.acknowledged and data and path not in self.changed)
        if not files:
            return
        path = files[choice % len(files)]
        data = bytearray(tree[path] or b"")
        data[choice % len(data)] ^= 1 << bit
        self.disk = PowerCut({**tree, path: bytes(data)})
        self.changed.add(path)
        self.rotten.add(path)

    @precondition(lambda self: self.acknowledged)
    @rule()
    def verify(self) -> None:
        """Everything that rotted is named; nothing else is, while nothing was moved away."""
        with fsops.under(self.disk):
            report = tk.verify(GRAPH)
        named = {str(PurePosixPath("graph") / row.path) for row in report.records(Holding) if row.outcome == "rotten"}
        missed = {path for path in self.rotten if not any(path.startswith(one) or one.startswith(path) for one in named)}
        assert not missed, "rotten, and not named"
        if self.rotten:
            assert report.outcome == "rejected"
            self.whole = False
        elif self.whole:
            wrong = [row for row in report.records(Holding) if row.outcome in ("rotten", "absent")]
            assert all(row.disposition == "rebuilt" for row in wrong), "an index may be lost with the power, and is made anew"
        self.rotten.clear()
        self.moved()

    def moved(self) -> None:
        """What is no longer where it was acknowledged was moved away with what rotted."""
        seen = self.disk.seen()
        self.changed |= {path for path in self.acknowledged if path not in seen}

    @rule()
    def recover(self) -> None:
        """Twice is as good as once."""
        with fsops.under(self.disk):
            tk.Graph(GRAPH).prepare()
            once = {path: data for path, data in self.disk.seen().items() if not path.startswith("graph/ledger/")}
            tk.Graph(GRAPH).prepare()
        assert once == {path: data for path, data in self.disk.seen().items() if not path.startswith("graph/ledger/")}

    @precondition(lambda self: any(path.startswith("graph/quarantine/") for path in self.disk.seen()))
    @rule()
    def purge(self) -> None:
        """Only what was refused or rotten goes, and only because it was asked for."""
        with fsops.under(self.disk):
            tk.purge(GRAPH, "quarantine", reason="the model says so")
        left = [path for path, data in self.disk.seen().items() if path.startswith("graph/quarantine/") and data is not None]
        assert left == []
        self.changed |= {path for path in self.acknowledged if path.startswith("graph/quarantine/")}

    @invariant()
    def nothing_acknowledged_is_lost(self) -> None:
        seen = self.disk.seen()
        for path, data in self.acknowledged.items():
            if path not in self.changed:
                assert seen.get(path) == data, f"lost: {path}"

    @invariant()
    def no_name_lies(self) -> None:
        seen = {path: data for path, data in self.disk.seen().items() if path not in self.rotten}
        truth = {path: data for path, data in self.acknowledged.items() if path not in self.changed}
        assert wrong_bytes(seen, truth) == []

    @invariant()
    def no_line_of_the_ledger_is_broken(self) -> None:
        with fsops.under(self.disk):
            if fsops.is_directory(GRAPH / "ledger"):
                assert [row for row in verify_ledger(GRAPH / "ledger") if row.outcome in ("rotten", "absent")] == []
