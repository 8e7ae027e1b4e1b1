"""Measure this package beside its peers, as whole processes in turn; print what was found, and write it as Markdown."""

from __future__ import annotations

import argparse
import compileall
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.machine import machine, on_disk, versions
from benchmarks.measure import in_turn, memory_floor
from benchmarks.peers import peers_environment
from benchmarks.scenarios import scenarios
from benchmarks.stage import stage
from benchmarks.tables import document, scenario_tables

KEYS: Final = ("large", "survey", "again", "small", "start")
PROJECT: Final = Path(__file__).resolve().parents[2]
CACHE: Final = PROJECT / ".cache" / "benchmarks"


def main() -> None:
    """Run what the arguments say."""
    options = _parser().parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    if not on_disk(options.work):
        sys.exit(f"{options.work} is in memory: name a directory on disk with --work")
    peers, reason = peers_environment(options.peers_venv, PROJECT / ".ci" / "requirements-peers.txt", _tell)
    if peers is None:
        _tell(f"python-dxf and oras-py are absent: {reason}")
    compileall.compile_dir(PROJECT / "toolkit", quiet=1)  # as pip does for what it installs; a checkout is not
    before = os.getloadavg()[0]
    bodies = []
    with tempfile.TemporaryDirectory(dir=options.work, prefix="benchmark-") as folder:
        work = Path(folder)
        store = work / "registry" if options.store is None else options.store
        floor = memory_floor(work)
        with stage(store, options.scale, _tell) as ready:
            for scenario in scenarios(ready, peers):
                if options.only and scenario.key not in options.only:
                    continue
                _tell(f"\n{scenario.key}: {scenario.title}")
                found = in_turn(scenario.contestants, work, options.pairs, _tell)
                for name in found.absent:
                    _tell(f"  absent: {name}")
                bodies.append(scenario_tables(scenario, found))
                _tell(f"\n{bodies[-1]}")
        page = document(
            bodies,
            command=" ".join(["python", "tests/benchmarks/run.py", *_shown(options)]),
            date=datetime.now(UTC).strftime("%Y-%m-%d"),
            machine=machine(work),
            versions=versions(peers),
            pairs=options.pairs,
            load=(before, os.getloadavg()[0]),
            floor=floor,
            scale=options.scale,
        )
    if options.write is not None:
        options.write.write_text(page, encoding="utf-8")
        _tell(f"written: {options.write}")


def _shown(options: argparse.Namespace) -> list[str]:
    """The arguments that change a result."""
    only = [part for key in options.only for part in ("--only", key)]
    return ["--pairs", str(options.pairs), "--scale", f"{options.scale:g}", *only]


def _tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7, metavar="N", help="counted rounds (default: 7)")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the images and the corpus (default: 1)")
    parser.add_argument("--only", action="append", default=[], choices=KEYS, help="this scenario only; may be repeated")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the results as Markdown")
    parser.add_argument(
        "--work", type=Path, default=CACHE, help="a directory on disk for every output (default: .cache/benchmarks)"
    )
    parser.add_argument("--store", type=Path, help="keep the registry's storage here, and use it again (default: made anew)")
    parser.add_argument(
        "--peers-venv", type=Path, default=CACHE / "peers", help="environment of the Python peers, made if missing"
    )
    return parser


if __name__ == "__main__":
    main()
