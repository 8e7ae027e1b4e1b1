"""A graph that must not change can be looked at in every way, with no attempt to write into it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.places import PROJECT
from support.tiny import tiny_graph

import toolkit as tk
from toolkit.auditing.verifying import verify
from toolkit.simulator import teaching_registry

PROGRAM = PROJECT / "tests" / "support" / "only_looking.py"
READ_ONLY = """
mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && exec "$2" "$3" "$1"
"""


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Path]:
    """A graph with a few calls in its ledger; its permissions are given back at the end."""
    graph = tk.Graph(tmp_path / "graph")
    registry = teaching_registry()
    for name in ("clean:1", "duplicates:1", "tampered:blob-byte"):
        with contextlib.suppress(tk.ToolkitError):
            tk.pull(f"teach/{name}", graph, source=registry)
    yield graph.layout.root
    for path in (graph.layout.root, *graph.layout.root.rglob("*")):
        path.chmod(path.stat().st_mode | 0o700)


def state_of(root: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Everything below a directory: mode, time of change, time of modification, bytes."""
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        data = path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(root))] = (status.st_mode, status.st_ctime_ns, status.st_mtime_ns, data)
    return found


def looked(command: list[str]) -> dict[str, Any]:
    """Run the program; return what it said."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1"}
    one = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert one.returncode == 0, one.stderr
    said: dict[str, Any] = json.loads(one.stdout.splitlines()[-1])
    return said


def expect_all_looked_at(said: dict[str, Any]) -> None:
    assert said["tried"] == []
    done = said["done"]
    assert done["read-only"] is True
    assert done["images"] > 4
    assert (done["judge"], done["inspect"], done["inspect a lie"], done["rejudge"]) == ("accepted", "accepted", "rejected", 0)
    assert done["verify"] == ["accepted", ["intact"]]
    assert [done[verb] for verb in ("pull", "purge", "recover", "verify and mend")] == ["EROFS"] * 4


def test_without_permission_to_write_everything_can_be_looked_at(kept: Path) -> None:
    for path in (kept, *kept.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)
    before = state_of(kept)
    expect_all_looked_at(looked([sys.executable, str(PROGRAM), str(kept)]))
    assert state_of(kept) == before


def test_on_a_read_only_mount_everything_can_be_looked_at(kept: Path) -> None:
    unshare = shutil.which("unshare")
    if unshare is None or os.geteuid() != 0:
        pytest.skip("only root can mount, with util-linux's unshare")
    command = [unshare, "--mount", "sh", "-c", READ_ONLY, "sh", str(kept), sys.executable, str(PROGRAM)]
    probe = subprocess.run([*command[:4], 'mount --bind "$1" "$1"', "sh", str(kept)], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        pytest.skip(f"nothing can be mounted here: {probe.stderr.strip()}")
    before = state_of(kept)
    expect_all_looked_at(looked(command))
    assert state_of(kept) == before


def test_verify_without_quarantine_writes_nothing_where_it_could(tmp_path: Path) -> None:
    graph = tiny_graph(tmp_path / "graph")
    (graph.layout.root / "blobs" / "sha256" / ("0" * 64)).write_bytes(b"not what its name says")
    before = state_of(graph.layout.root)
    assert verify(graph, quarantine=False).outcome == "rejected"
    assert state_of(graph.layout.root) == before
