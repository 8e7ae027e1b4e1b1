"""Run one program and say what it cost; started with ``python -I -S``, so that little but the program is counted.

A process begins with the peak memory of the one it was started from. That is why not the benchmark itself but this small
program starts what is measured.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time


def main(out: str, err: str, timeout: str, *command: str) -> None:
    """Start the command with its output in two files, wait for it, and print what the kernel counted."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, out, flags, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, err, flags, 0o600),
    ]
    started = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ, file_actions=files, setpgroup=0)
    signal.signal(signal.SIGALRM, lambda *unused: os.killpg(child, signal.SIGKILL))
    signal.alarm(int(timeout))
    try:
        _, status, usage = os.wait4(child, 0)
    except BaseException:
        os.killpg(child, signal.SIGKILL)
        raise
    wall = time.perf_counter() - started
    signal.alarm(0)
    found = {
        "status": os.waitstatus_to_exitcode(status),
        "wall": wall,
        "user": usage.ru_utime,
        "system": usage.ru_stime,
        "memory": usage.ru_maxrss * 1024,
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
