"""Who holds a lock and answers no more is named, by its number, before long; when it goes on, so does everything."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.places import PROJECT
from support.slow_registry import until

import toolkit as tk
from toolkit.auditing.purging import purge
from toolkit.auditing.verifying import verify
from toolkit.errors import GraphLockedError
from toolkit.graph.turns import Turns

ID = "a" * 64
HOLDER = """
import sys
import toolkit as tk

graph = tk.Graph(sys.argv[1])
graph.prepare()
what = sys.argv[2]
held = {
    "lock": lambda: graph.lock(["a" * 64]),
    "indexes": graph.indexes,
    "turn": lambda: graph.turns.take("blob sha256:" + "b" * 64, print),
}[what]()
with held:
    print("held", flush=True)
    sys.stdin.read()
print("given back", flush=True)
"""


@contextmanager
def stopped(graph: tk.Graph, what: str) -> Iterator[subprocess.Popen[str]]:
    """A real process that holds something of a graph and has been stopped."""
    command = [sys.executable, "-c", HOLDER, str(graph.layout.root), what]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as one:
        try:
            assert one.stdout is not None
            assert one.stdout.readline() == "held\n"
            one.send_signal(signal.SIGSTOP)
            until(lambda: Path(f"/proc/{one.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
            yield one
        finally:
            one.send_signal(signal.SIGCONT)
            one.kill()


@pytest.fixture
def impatient(tmp_path: Path) -> tk.Graph:
    """A graph that waits for nobody for long."""
    graph = tk.Graph(tmp_path / "graph", patience=0.3)
    graph.prepare()
    return graph


def test_a_lock_held_by_a_stopped_process_names_it(impatient: tk.Graph) -> None:
    with stopped(impatient, "lock") as holder:
        with pytest.raises(GraphLockedError) as caught, impatient.lock([ID]):
            pass
        assert caught.value.actual == f"process {holder.pid}"
        assert str(holder.pid) in caught.value.message
        assert caught.value.next_step


def test_the_lock_of_the_indexes_held_by_a_stopped_process_names_it_and_nothing_is_half_done(impatient: tk.Graph) -> None:
    digest = impatient.blobs.add(b"left over")
    with stopped(impatient, "indexes") as holder:
        with pytest.raises(GraphLockedError) as caught:
            purge(impatient, str(digest), reason="x")
        assert caught.value.actual == f"process {holder.pid}"
        assert impatient.blobs.is_intact(digest)
        with pytest.raises(GraphLockedError):
            impatient.point("a/b:1", media_type="m", digest=str(digest), size=9)
    assert purge(impatient, str(digest), reason="x").outcome == "accepted"
    assert verify(impatient).outcome == "accepted"


def test_a_turn_held_by_a_stopped_process_names_it(impatient: tk.Graph) -> None:
    turns = Turns(impatient.layout, impatient._locks, silence=0.3)
    work = "blob sha256:" + "b" * 64
    with stopped(impatient, "turn") as holder:
        with pytest.raises(GraphLockedError, match="told nothing") as caught, turns.take(work, lambda _: None):
            pass
        assert caught.value.actual == f"process {holder.pid}"
        with pytest.raises(GraphLockedError, match=f"process {holder.pid} is pulling"):
            purge(impatient, "quarantine", reason="x")


def test_a_stopped_process_that_goes_on_gives_back_what_it_held(impatient: tk.Graph) -> None:
    patient = tk.Graph(impatient.layout.root)
    got: list[float] = []

    def wait() -> None:
        with patient.lock([ID]):
            got.append(time.monotonic())

    with stopped(impatient, "lock") as holder:
        thread = threading.Thread(target=wait)
        thread.start()
        assert got == []
        holder.send_signal(signal.SIGCONT)
        assert holder.stdin is not None
        holder.stdin.close()
        thread.join(timeout=30)
    assert len(got) == 1


def test_a_stopped_process_that_is_killed_holds_nothing_any_more(impatient: tk.Graph) -> None:
    with stopped(impatient, "lock") as holder:
        holder.kill()
        holder.wait(timeout=30)
        with impatient.lock([ID]):
            pass
