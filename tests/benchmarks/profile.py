"""Show where our side of a scenario spends: under py-spy where it is installed, else under cProfile, thread by thread."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.measure import Contestant
from benchmarks.run import CACHE, KEYS
from benchmarks.scenarios import HERE, scenarios
from benchmarks.stage import stage

_SAMPLES: Final = 250
_PACKAGE: Final = "toolkit/"


def main() -> None:
    """Profile what the arguments say."""
    options = _parser().parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.work, prefix="profile-") as folder:
        work = Path(folder)
        store = work / "registry" if options.store is None else options.store
        with stage(store, options.scale, _tell) as ready:
            scenario = next(one for one in scenarios(ready, None) if one.key == options.scenario)
            ours = [one for one in scenario.contestants if one.ours and not one.absent]
            one = ours[min(options.number, len(ours) - 1)]
            _tell(f"{scenario.title}\n{one.name}, by {'py-spy' if _spied(options) else 'cProfile'}")
            place = work / "out"
            place.mkdir()
            if one.keeps:
                subprocess.run(_command(one, place), stdout=subprocess.DEVNULL, check=False)
            if _spied(options):
                _spy(one, place, work / "samples", gil=options.gil, lines=options.lines)
            else:
                _trace(one, place, work / "stats", lines=options.lines)


def _spied(options: argparse.Namespace) -> bool:
    return options.tool != "cprofile" and shutil.which("py-spy") is not None


def _command(one: Contestant, place: Path) -> list[str]:
    """The command line of a run, with Python in front."""
    command = list(one.command(place))
    return command if command[0] == sys.executable else [sys.executable, *command]


def _spy(one: Contestant, place: Path, out: Path, *, gil: bool, lines: int) -> None:
    spy = ["py-spy", "record", "--format", "raw", "--rate", str(_SAMPLES), "--function", "--threads", "--output", str(out)]
    command = [*spy, *(("--gil",) if gil else ()), "--", *_command(one, place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not out.is_file():
        sys.exit(f"py-spy made no samples: {done.stderr[-500:]}")
    own, total, threads = Counter[str](), Counter[str](), Counter[str]()
    for line in out.read_text().splitlines():
        stack, _, number = line.rpartition(" ")
        thread, *calls = stack.split(";")
        if calls:
            threads[thread.partition(": ")[2] or "starting"] += int(number)
            own[calls[-1]] += int(number)
            total.update(dict.fromkeys({call for call in calls if _PACKAGE in call}, int(number)))
    what = "holding the GIL" if gil else "running"
    _tell(f"{threads.total()} samples of threads that were {what}, {_SAMPLES} a second")
    for head, counts in (("by thread", threads), ("in the function itself", own), ("in ours and what it calls", total)):
        _table(head, [(name, count / threads.total()) for name, count in counts.most_common(lines)])


def _trace(one: Contestant, place: Path, out: Path, *, lines: int) -> None:
    import pstats  # here, so that this file is not taken for the library's module of its name

    command = _command(one, place)
    options = [part for part in command[1:2] if part == "-P"]
    rest = command[1 + len(options) :]
    done = subprocess.run(
        [sys.executable, "-P", str(HERE / "profiled.py"), str(out), *rest], capture_output=True, text=True, check=False
    )
    if not out.is_file():
        sys.exit(f"there is no profile: {done.stderr[-2_000:]}")
    found = pstats.Stats(str(out)).get_stats_profile()
    whole = sum(entry.tottime for entry in found.func_profiles.values()) or 1.0
    _tell(f"{whole:.2f} s of CPU in all threads, profiler included")
    own, total = [], []
    for name, entry in found.func_profiles.items():
        shown = f"{name} ({Path(entry.file_name).name}:{entry.line_number})"
        own.append((shown, entry.tottime / whole))
        if _PACKAGE in entry.file_name:
            total.append((shown, entry.cumtime / whole))
    _table("in the function itself", sorted(own, key=_share)[:lines])
    _table("in ours and what it calls", sorted(total, key=_share)[:lines])


def _share(row: tuple[str, float]) -> float:
    return -row[1]


def _table(head: str, rows: Sequence[tuple[str, float]]) -> None:
    _tell(f"\n{head}")
    for name, share in rows:
        _tell(f"  {share:6.1%}  {name}")


def _tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", choices=KEYS)
    parser.add_argument("--number", type=int, default=0, help="which of ours, in the order of the tables (default: 0, the first)")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the images and the corpus (default: 1)")
    parser.add_argument("--tool", choices=("auto", "cprofile"), default="auto", help="cprofile even where py-spy is installed")
    parser.add_argument("--gil", action="store_true", help="py-spy: only samples that hold the interpreter's lock")
    parser.add_argument("--lines", type=int, default=25, metavar="N", help="functions in each list (default: 25)")
    parser.add_argument("--work", type=Path, default=CACHE, help="a directory on disk for outputs (default: .cache/benchmarks)")
    parser.add_argument("--store", type=Path, help="the registry's storage, made by an earlier run with the same --scale")
    return parser


if __name__ == "__main__":
    main()
