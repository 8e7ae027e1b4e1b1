"""Processes that pull into one graph at once, some of which are killed at any moment.

The rule of this file: the processes are forked from one that has no threads and has everything imported, so that they begin
together and quickly. One line of JSON on standard output tells of each round.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import toolkit as tk
from support.places import PROJECT
from toolkit.errors import ToolkitError

PROCESSES: Final = 8
PATIENCE: Final = 60.0
"""Seconds after which a process that was not killed is held to be stuck."""


def run_rounds(graphs: Sequence[Path], references: Sequence[str], seed: int) -> list[dict[str, Any]]:
    """Let a process of its own do a round for each graph; return what each gave.

    Returns
    -------
    list of dict
        ``killed``, ``ended`` (exit statuses of the others), ``stuck`` (how many did not end).
    """
    command = [sys.executable, "-m", "support.eight", str(seed), json.dumps([str(one) for one in graphs]), json.dumps(references)]
    environment = {**os.environ, "PYTHONPATH": f"{PROJECT}{os.pathsep}{PROJECT / 'tests'}"}
    limit = 30 + (PATIENCE + 10) * len(graphs)
    one = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=limit, check=False)
    assert one.returncode == 0, one.stderr
    return [json.loads(line) for line in one.stdout.splitlines()]


def _round(graph: str, references: Sequence[str], chance: random.Random) -> dict[str, Any]:
    children = [_forked(graph, chance.sample(references, k=3)) for _ in range(PROCESSES)]
    doomed = {child: time.monotonic() + chance.uniform(0.0, 1.2) for child in children[: PROCESSES // 2]}
    end = time.monotonic() + PATIENCE
    killed, ended = 0, list[int]()
    while children and time.monotonic() < end:
        for child, moment in list(doomed.items()):
            if time.monotonic() >= moment:
                del doomed[child]
                if child in children:
                    os.kill(child, signal.SIGKILL)
        for child in list(children):
            found, status = os.waitpid(child, os.WNOHANG)
            if found:
                children.remove(child)
                killed += os.WIFSIGNALED(status)
                ended += [] if os.WIFSIGNALED(status) else [os.WEXITSTATUS(status)]
        time.sleep(0.005)
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return {"killed": killed, "ended": ended, "stuck": len(children)}


def _forked(graph: str, references: Sequence[str]) -> int:
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        status = 0 if all(tk.pull(one, graph).outcome == "accepted" for one in references) else 2
    except ToolkitError as error:
        sys.stderr.write(f"{error.code}: {error}\n")
    finally:
        sys.stderr.flush()
        os._exit(status)


def main(seed: str, graphs: str, references: str) -> None:
    """Do a round for each graph."""
    from toolkit.pulling import pull_document, pull_schema1  # noqa: F401  # what a pull would import is here before the fork

    chance = random.Random(int(seed))  # noqa: S311  # the same kills in every run, as far as the machine lets them
    for graph in json.loads(graphs):
        sys.stdout.write(json.dumps(_round(graph, json.loads(references), chance)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
