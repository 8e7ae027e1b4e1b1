"""Other people's programs, run with a deadline.

The rule of this file: nothing else in the lab starts a program; there is no shell, and the output stays bytes
until it is shown.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a program ended: its exit status (None: it was stopped at the deadline), its time, what it printed."""

    status: int | None
    seconds: float
    out: bytes
    err: bytes


def run(command: Sequence[str], *, timeout: float) -> Ran:
    """Run a program to its end or to the deadline.

    Raises
    ------
    UsageError
        There is no such program, or it may not be run.

    Examples
    --------
    >>> run(["true"], timeout=5).status
    0
    """
    started = time.monotonic()
    try:
        process = subprocess.Popen(  # noqa: S603  # the user names the program; no shell reads it
            list(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except OSError as error:
        raise UsageError(
            f"cannot run {command[0]}: {error.strerror or error}",
            where=command[0],
            next_step="name a program that is installed, after `--`",
        ) from error
    with process:
        try:
            out, err = process.communicate(timeout=timeout)
            status: int | None = process.returncode
        except subprocess.TimeoutExpired:
            process.kill()
            status, out, err = None, b"", b""
            with contextlib.suppress(subprocess.TimeoutExpired):  # a grandchild may hold the pipes open
                out, err = process.communicate(timeout=1)
    return Ran(status=status, seconds=time.monotonic() - started, out=out, err=err)
