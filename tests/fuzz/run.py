"""Fuzz for as long as you like, guided by coverage (atheris): ``make fuzz SECONDS=600``.

Each target runs in a process of its own; what breaks one is left under ``.cache/fuzz``, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
SEEDS = PROJECT / ".cache" / "fuzz"


def main() -> int:
    """Run every target, or the one whose name is given, or, inside, feed it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default: 60)")
    parser.add_argument("--target", action="append", help="only this one; may be repeated")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options, rest = parser.parse_known_args()
    if options.inside is not None:
        return _feed(options.inside, rest)
    from fuzz.targets import TARGETS

    broken = [name for name in options.target or TARGETS if not _survives(name, options.seconds)]
    sys.stdout.write(f"broken: {', '.join(broken) or 'none'}\n")
    return 1 if broken else 0


def _survives(name: str, seconds: int) -> bool:
    from fuzz.targets import TARGETS

    folder = SEEDS / name
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(TARGETS[name].seeds):
        (folder / f"seed-{number}").write_bytes(seed)
    command = [sys.executable, __file__, "--inside", name, f"-max_total_time={seconds}", "-max_len=8192", "-print_final_stats=1"]
    found = subprocess.run(
        [*command, f"-artifact_prefix={folder}/broken-", str(folder)],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    rounds = [line for line in found.stderr.splitlines() if "number_of_executed_units" in line]
    sys.stdout.write(f"{name:<16} {'as promised' if found.returncode == 0 else 'BROKEN'}  {' '.join(rounds)}\n")
    if found.returncode != 0:
        sys.stdout.write(found.stderr[-4000:])
    sys.stdout.flush()
    return found.returncode == 0


def _feed(name: str, arguments: list[str]) -> int:
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["toolkit"]):
        from fuzz.targets import TARGETS
    target = TARGETS[name]

    def once(data: bytes) -> None:
        try:
            target.run(data)
        except target.raises:
            return

    atheris.Setup([sys.argv[0], *arguments], once)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(PROJECT / "tests"))
    sys.exit(main())
