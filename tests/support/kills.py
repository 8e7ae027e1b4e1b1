"""Real processes that are really killed: at the n-th operation of a pull, by SIGKILL, from inside.

A server imports everything once and forks a child for each kill; run it with ``python -m support.kills``.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import toolkit as tk
from support.faulty import Operation, Watched
from support.places import PROJECT
from support.power_cut import PowerCut, Tree
from support.power_cut_trial import (
    EVIDENCE,
    MODERN,
    SCHEMA1,
    SHARING,
    Promise,
    broken_promises,
    promised,
    registry,
    wrong_bytes,
)
from toolkit import fsops
from toolkit.fsops import System
from toolkit.sources.protocol import Source

SCENARIOS: Final[dict[str, tuple[Sequence[str], str]]] = {
    "a schema1 image into a new graph": ((), SCHEMA1),
    "an OCI image beside it": ((SCHEMA1,), MODERN),
    "an image that shares layers": ((SCHEMA1,), SHARING),
    "an image that is there": ((SCHEMA1, MODERN), MODERN),
}
"""What was pulled before, and what is pulled when the process is killed."""


@dataclass(frozen=True, slots=True)
class Killed:
    """What became of one process.

    Attributes
    ----------
    operation : str
        Where it was killed; empty when it came through.
    found : tuple of str
        What was lost or wrong afterwards.
    """

    scenario: str
    number: int
    operation: str
    found: tuple[str, ...]


class Unsynced(System):
    """The real system, without waiting for the disk: what was written outlives its process anyway."""

    def sync(self, descriptor: int) -> None:
        """Leave it to the kernel."""


class KilledAt(Watched):
    """Kills its own process before the n-th operation, after saying which it is."""

    def __init__(self, number: int, say: Callable[[str], None]) -> None:
        super().__init__(Unsynced())
        self._number = number
        self._say = say

    def before(self, operation: Operation) -> None:
        if len(self.operations) - 1 == self._number:
            self._say(f"{operation.kind} {Path(operation.path).name}")
            os.kill(os.getpid(), signal.SIGKILL)


def tree_of(folder: Path) -> Tree:
    """Everything in a real folder, as a state of a disk."""
    return {str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes() for path in sorted(folder.rglob("*"))}


def in_child(work: Callable[[Callable[[str], None]], None]) -> tuple[int, str]:
    """Fork, work, end; return how the child ended and what it said."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            work(lambda text: _say(writing, text))
            status = 0
        except BaseException as error:  # noqa: BLE001  # whatever it is, the parent must hear of it
            _say(writing, f"{type(error).__name__}: {error}")
        finally:
            os._exit(status)
    os.close(writing)
    said = b"".join(iter(lambda: os.read(reading, 65536), b""))
    os.close(reading)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said.decode()


def _say(descriptor: int, text: str) -> None:
    os.write(descriptor, text.encode())


class KillServer:
    """Kills pulls, and looks at what is left.

    Parameters
    ----------
    folder : path
        Where graphs are made, each anew for each kill.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._source: Source = registry()
        self._before: dict[str, tuple[Path, tuple[Promise, ...]]] = {}
        self._truth: Tree = {}
        self.lengths: dict[str, int] = {}
        for name, (steps, last) in SCENARIOS.items():
            self._prepare(name, steps, last)

    def _prepare(self, name: str, steps: Sequence[str], last: str) -> None:
        """Pull what was there before, once; and count the operations of what follows."""
        kept = self._folder / f"before {len(self._before)}"
        kept.mkdir()
        promises = []
        for step in steps:
            report = tk.pull(step, kept / "graph", source=self._source, workers=1)
            promises.append(promised(report, PowerCut(tree_of(kept))))
        self._before[name] = kept, tuple(promises)
        trial = self._folder / "counted"
        shutil.copytree(kept, trial)
        counted = Watched(Unsynced())
        with fsops.under(counted):
            tk.pull(last, trial / "graph", source=self._source, workers=1)
        self.lengths[name] = len(counted.operations)
        after = tree_of(trial)
        self._truth |= {path: data for path, data in after.items() if path.startswith(EVIDENCE) and data is not None}
        shutil.rmtree(trial)

    def kill(self, name: str, number: int) -> Killed:
        """Kill one pull, look at what is left, and pull again."""
        kept, promises = self._before[name]
        last = SCENARIOS[name][1]
        place = self._folder / "killed"
        shutil.copytree(kept, place)

        def pull(say: Callable[[str], None]) -> None:
            with fsops.under(KilledAt(number, say)):
                tk.pull(last, place / "graph", source=self._source, workers=1)

        status, said = in_child(pull)
        found = [] if status in (0, -signal.SIGKILL) else [f"the pull ended with {status}: {said}"]
        found += judged(tree_of(place), promises, self._truth)

        def again(say: Callable[[str], None]) -> None:
            with fsops.under(Unsynced()):
                report = tk.pull(last, place / "graph", source=self._source, workers=1)
            tree = tree_of(place)
            say("\n".join(judged(tree, (*promises, promised(report, PowerCut(tree))), self._truth)))

        ended, text = in_child(again)
        found += [] if ended == 0 and not text else [f"the next pull ended with {ended}: {text}"]
        shutil.rmtree(place)
        return Killed(name, number, said if status == -signal.SIGKILL else "", tuple(found))


def judged(tree: Tree, promises: Sequence[Promise], truth: Tree) -> list[str]:
    """What is lost or wrong in a folder."""
    lost = [text for part in ("evidence", "references", "ledger") for text in broken_promises(part, tree, promises)]
    return lost + wrong_bytes(tree, truth)


def kill_all(folder: Path, *, kills: int, first: int | None = None) -> list[Killed]:
    """Run a server of its own process, and kill so many pulls.

    Parameters
    ----------
    folder : path
    kills : int
    first : int, optional
        Where to begin among all operations of all scenarios, to take one after the other; they are spread evenly when absent.
    """
    command = [sys.executable, "-m", "support.kills", str(folder), str(kills), *([] if first is None else [str(first)])]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT / "tests")}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [Killed(**{**json.loads(line), "found": tuple(json.loads(line)["found"])}) for line in done.stdout.splitlines()]


def chosen(lengths: dict[str, int], kills: int, first: int | None) -> Iterable[tuple[str, int]]:
    """Choose so many operations: evenly over all, or one after the other, and from the beginning again."""
    every = [(name, number) for name, length in lengths.items() for number in range(length)]
    if first is None:
        return (every[(place * len(every)) // kills] for place in range(kills))
    return (every[(first + place) % len(every)] for place in range(kills))


def main() -> None:
    """Kill, and print one line for each kill."""
    server = KillServer(Path(sys.argv[1]))
    first = int(sys.argv[3]) if len(sys.argv) > 3 else None
    for name, number in chosen(server.lengths, int(sys.argv[2]), first):
        print(json.dumps(asdict(server.kill(name, number))))  # noqa: T201  # this is a program


if __name__ == "__main__":
    main()
