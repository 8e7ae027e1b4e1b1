"""Run a script under cProfile, each of its threads on its own, by CPU time; write the sum of all where the first argument says.

From Python 3.12 on one profiler at a time is allowed: there only the thread that comes first is seen.
"""

from __future__ import annotations

import cProfile
import pstats
import runpy
import sys
import threading
import time

_PROFILES: list[cProfile.Profile] = []


def main(out: str, *command: str) -> None:
    """Run ``SCRIPT ...`` or ``-m MODULE ...``."""
    original = threading.Thread.run

    def run(self: threading.Thread) -> None:
        profile = _started()
        try:
            original(self)
        finally:
            profile.disable()

    threading.Thread.run = run  # type: ignore[method-assign]  # every thread passes here
    as_module = command[0] == "-m"
    sys.argv = list(command[1:] if as_module else command)
    profile = _started()
    try:
        if as_module:
            runpy.run_module(command[1], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(command[0], run_name="__main__")
    finally:
        profile.disable()
        found = pstats.Stats(*(one for one in _PROFILES if one.getstats()))
        found.dump_stats(out)


def _started() -> cProfile.Profile:
    profile = cProfile.Profile(time.thread_time)
    try:
        profile.enable()
    except ValueError:
        return profile
    _PROFILES.append(profile)
    return profile


if __name__ == "__main__":
    main(*sys.argv[1:])
