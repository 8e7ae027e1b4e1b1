"""The command, run as its user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from support.places import PROJECT

LONG: Final = 120
"""Seconds after which a process that does not end has failed."""


def command(*arguments: str) -> list[str]:
    """The command line of this checkout's command."""
    return [sys.executable, "-m", "toolkit", *arguments]


def environment() -> dict[str, str]:
    """An environment in which it is found."""
    return {**os.environ, "PYTHONPATH": str(PROJECT)}


def run(folder: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[str]:
    """Run the command in a folder; nothing it writes to standard error may be a traceback."""
    done = subprocess.run(
        command(*arguments), cwd=folder, env=environment(), input=given, capture_output=True, timeout=LONG, check=False
    )
    said = subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in said.stderr, said.stderr
    return said
