"""Pull a small image once, then time pulls of others in the same process, each into a new graph; print the median."""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

import toolkit as tk


def main(folder: str, first: str, *others: str) -> None:
    """Print the median wall and CPU seconds of a pull, as JSON."""
    tk.pull(first, Path(folder) / "first")
    wall, user = [], []
    for number, reference in enumerate(others):
        before = time.perf_counter(), time.process_time()
        tk.pull(reference, Path(folder) / f"graph-{number}")
        wall.append(time.perf_counter() - before[0])
        user.append(time.process_time() - before[1])
    sys.stdout.write(json.dumps({"wall": statistics.median(wall), "cpu": statistics.median(user)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
