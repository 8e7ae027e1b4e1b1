"""Whole processes in turn: what each costs, and the ratios of those that ran side by side.

The rule of this file: nothing is asserted and nothing is left out. A run that fails is an error; a program that is not here
is named as absent.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

LAUNCHER: Final = Path(__file__).with_name("launcher.py")
TIMEOUT: Final = 300
_MIB: Final = 2**20


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run cost: wall and CPU seconds, and the peak memory of its largest process in bytes."""

    wall: float
    cpu: float
    memory: int

    def of(self, figure: str) -> float:
        """One figure by its name."""
        return {"wall": self.wall, "CPU": self.cpu, "memory": float(self.memory)}[figure]


Command = Callable[[Path], Sequence[str]]
"""Makes the command line of a run, given a directory for its output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A program that is measured.

    Parameters
    ----------
    name : str
        How the tables call it.
    command : callable
    does : str
        What it does and does not do of the work, in a few words.
    ours : bool
    statuses : tuple of int
        Exit statuses that are no failure.
    keeps : bool
        Every run gets the same directory, with what the one before it left there.
    needs : str
        The program or file without which it is absent.
    printed : bool
        Its wall and CPU seconds are what it prints as JSON; its own start-up is not counted.
    """

    name: str
    command: Command
    does: str = ""
    ours: bool = False
    statuses: tuple[int, ...] = (0,)
    keeps: bool = False
    needs: str = ""
    printed: bool = False

    @property
    def absent(self) -> bool:
        """Whether what it needs is not on this machine."""
        return bool(self.needs) and shutil.which(self.needs) is None and not Path(self.needs).is_file()


@dataclass(slots=True)
class Measured:
    """The samples of one scenario, by contestant, those of one round at the same place; and who was absent."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)

    def median(self, name: str, figure: str) -> float:
        """The median of one figure."""
        return statistics.median(sample.of(figure) for sample in self.samples[name])

    def ratios(self, name: str, peer: str, figure: str) -> list[float]:
        """The ratio of one figure in every round, in order of size."""
        pairs = zip(self.samples[name], self.samples[peer], strict=True)
        return sorted(own.of(figure) / max(other.of(figure), 1e-9) for own, other in pairs)


def in_turn(contestants: Sequence[Contestant], work: Path, pairs: int, tell: Callable[[str], None]) -> Measured:
    """Run every contestant once to warm up, then all in turn, ``pairs`` times.

    Every run has a directory of its own, removed afterwards; what the system still has to write is written before the next
    one begins. The order turns round with every round, so that nobody always follows the same neighbour.
    """
    found = Measured(absent=[one.name for one in contestants if one.absent])
    present = [one for one in contestants if not one.absent]
    with tempfile.TemporaryDirectory(dir=work, prefix="kept-") as kept:
        places = {one.name: Path(kept) / str(number) for number, one in enumerate(present)}
        for one in present:
            tell(f"  warm-up         {one.name:<40} {_shown(_once(one, work, places[one.name]))}")
        found.samples = {one.name: [] for one in present}
        for number in range(pairs):
            for one in present if number % 2 == 0 else reversed(present):
                sample = _once(one, work, places[one.name])
                found.samples[one.name].append(sample)
                tell(f"  round {number + 1:>2} of {pairs:<2}  {one.name:<40} {_shown(sample)}")
    return found


def _shown(sample: Sample) -> str:
    return f"{sample.wall:8.3f} s wall {sample.cpu:8.3f} s CPU {sample.memory / _MIB:7.1f} MiB"


def _once(one: Contestant, work: Path, kept: Path) -> Sample:
    if one.keeps:
        kept.mkdir(exist_ok=True)
        os.sync()
        return run(one, kept, work)
    with tempfile.TemporaryDirectory(dir=work, prefix="run-") as fresh:
        os.sync()
        return run(one, Path(fresh), work)


def run(one: Contestant, place: Path, work: Path) -> Sample:
    """Run a contestant once.

    Raises
    ------
    RuntimeError
        It failed, or took too long.
    """
    out, err = work / "stdout", work / "stderr"
    command = [str(part) for part in one.command(place)]
    launcher = [sys.executable, "-I", "-S", str(LAUNCHER), str(out), str(err), str(TIMEOUT)]
    done = subprocess.run([*launcher, *command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{one.name} could not be started: {done.stderr[-2_000:]}")
    result = json.loads(done.stdout)
    if result["status"] not in one.statuses:
        said = err.read_bytes()[-2_000:].decode("utf-8", "replace")
        raise RuntimeError(f"{one.name} ended with status {result['status']}: {said}")
    if one.printed:
        own = json.loads(out.read_bytes())
        return Sample(own["wall"], own["cpu"], result["memory"])
    return Sample(result["wall"], result["user"] + result["system"], result["memory"])


def memory_floor(work: Path) -> int:
    """The least peak memory that can be measured: that of the launcher itself, in bytes."""
    return run(Contestant(name="true", command=lambda _: ["true"]), work, work).memory
