"""What a benchmark ran on, and the versions of everything that took part."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from toolkit._version import VERSION

_IN_MEMORY: Final = ("tmpfs", "ramfs")


def file_system(path: Path) -> str:
    """The type of the file system a path is on."""
    best = ("", "unknown")
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if path.resolve().is_relative_to(place) and len(place) >= len(best[0]):
            best = (place, kind)
    return best[1]


def on_disk(path: Path) -> bool:
    """Tell whether what is written there goes to a disk."""
    return file_system(path) not in _IN_MEMORY


def machine(work: Path) -> str:
    """The machine in one line."""
    found = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    model = found[1] if found else platform.machine()
    cores = len(os.sched_getaffinity(0))
    return f"{model}, {cores} cores, {memory:.0f} GiB, {file_system(work)}, Linux {platform.release()}"


def versions(peers: Path | None) -> dict[str, str]:
    """The version of every program, or that it is absent."""
    found = {
        "layerproof": VERSION,
        "python": platform.python_version(),
        "docker-registry": _said(("docker-registry", "--version"), r"(\d+\.\d+\.\S+)"),
        "skopeo": _said(("skopeo", "--version"), r"version (\S+)"),
        "curl": _said(("curl", "--version"), r"curl (\S+)"),
    }
    for name in ("python-dxf", "oras"):
        text = f"from importlib.metadata import version; print(version('{name}'))"
        found[name] = "absent" if peers is None else _said((str(peers / "bin" / "python"), "-c", text), r"(\S+)")
    found["OpenSSL of python"] = _said((sys.executable, "-c", "import ssl; print(ssl.OPENSSL_VERSION)"), r"OpenSSL (\S+)")
    return found


def _said(command: Sequence[str], pattern: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return "absent"
    found = re.search(pattern, done.stdout + done.stderr)
    return found[1] if found and done.returncode == 0 else "absent"
