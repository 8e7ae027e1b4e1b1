"""Locks: for threads and for processes, gone with their process, and never waited for without an end."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.places import PROJECT

import toolkit as tk
from toolkit.graph.locks import IdLocks
from toolkit.sources.protocol import Source

ID, OTHER = "a" * 64, "b" * 64
PATIENCE = 0.05
HOLDS = """
import sys
from toolkit.graph.store import Graph

with Graph(sys.argv[1]).lock(sys.argv[2:]):
    print("held", flush=True)
    sys.stdin.read()
print("given back", flush=True)
"""


@pytest.fixture
def impatient(tmp_path: Path) -> tk.Graph:
    """A graph that does not wait long."""
    return tk.Graph(tmp_path / "graph", patience=PATIENCE)


@contextlib.contextmanager
def holder(graph: tk.Graph, *image_ids: str) -> Iterator[subprocess.Popen[str]]:
    """Run a process that holds locks until its standard input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(graph.layout.root), *image_ids],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def try_lock(graph: tk.Graph, *image_ids: str) -> str:
    """Take locks and give them back; return what was in the way."""
    try:
        with graph.lock(image_ids):
            return ""
    except tk.errors.GraphLockedError as error:
        return error.message


def in_thread(graph: tk.Graph, *image_ids: str) -> str:
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(try_lock(graph, *image_ids)))
    thread.start()
    thread.join(timeout=30)
    return found[0]


# -- threads -----------------------------------------------------------------------------------------------------


def test_another_thread_waits_and_then_gives_up(impatient: tk.Graph) -> None:
    with impatient.lock([ID]):
        assert in_thread(impatient, ID) == f"image {ID} has been locked by another thread of this process for more than 0.05 s"
        assert in_thread(impatient, OTHER) == ""
    assert in_thread(impatient, ID) == ""


def test_two_graphs_of_one_directory_share_their_locks(impatient: tk.Graph, tmp_path: Path) -> None:
    impatient.prepare()
    (tmp_path / "link").symlink_to(impatient.layout.root)
    with impatient.lock([ID]):
        for spelling in (tmp_path / "graph", tmp_path / "graph" / ".." / "graph", tmp_path / "link"):
            assert "another thread" in in_thread(tk.Graph(spelling, patience=PATIENCE), ID), spelling


def test_two_graphs_of_two_directories_do_not(impatient: tk.Graph, tmp_path: Path) -> None:
    with impatient.lock([ID]):
        assert try_lock(tk.Graph(tmp_path / "other", patience=PATIENCE), ID) == ""


def test_locks_are_given_back_when_the_work_fails(impatient: tk.Graph) -> None:
    def fail() -> None:
        with impatient.lock([ID, OTHER]):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert in_thread(impatient, ID, OTHER) == ""


def test_a_lock_that_cannot_be_had_gives_the_others_back(impatient: tk.Graph) -> None:
    with impatient.lock([OTHER]):
        assert "another thread" in in_thread(impatient, ID, OTHER)
        assert in_thread(impatient, ID) == ""


def test_an_id_named_twice_is_locked_once(impatient: tk.Graph) -> None:
    assert try_lock(impatient, ID, ID) == ""


def test_threads_that_ask_in_any_order_never_wait_for_each_other_for_ever(tmp_path: Path) -> None:
    graph = tk.Graph(tmp_path / "graph", patience=30)
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        order = [ID, OTHER] if number % 2 else [OTHER, ID]
        for _ in range(25):
            with graph.lock(order):
                inside.append(number)
                most.append(len(inside))
                inside.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    assert most == [1] * 100


# -- processes ---------------------------------------------------------------------------------------------------


def test_another_process_is_named(impatient: tk.Graph) -> None:
    with holder(impatient, ID) as process:
        with pytest.raises(tk.errors.GraphLockedError) as caught, impatient.lock([ID]):
            pass
        assert caught.value.message == f"image {ID} has been locked by process {process.pid} for more than 0.05 s"
        assert caught.value.actual == f"process {process.pid}"
        assert caught.value.code == "graph-locked"
        assert try_lock(impatient, OTHER) == ""


def test_locks_end_with_their_process(impatient: tk.Graph) -> None:
    with holder(impatient, ID, OTHER) as process:
        assert f"process {process.pid}" in try_lock(impatient, OTHER)
        process.kill()
        process.wait(timeout=30)
        assert try_lock(impatient, ID, OTHER) == ""


def test_a_lock_that_is_given_back_is_had_by_who_waits(tmp_path: Path) -> None:
    graph = tk.Graph(tmp_path / "graph", patience=60)
    with holder(graph, ID) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        threading.Timer(0.05, process.stdin.close).start()
        assert try_lock(graph, ID) == ""
        assert process.stdout.readline() == "given back\n"


def test_what_this_process_holds_another_cannot_have(impatient: tk.Graph) -> None:
    ask = "import sys\nfrom toolkit.graph.store import Graph\nwith Graph(sys.argv[1], patience=0.05).lock(sys.argv[2:]): pass"
    command = [sys.executable, "-c", ask, str(impatient.layout.root)]
    with impatient.lock([ID]):
        # A second look at the same file must not drop the lock, as closing it would.
        assert in_thread(tk.Graph(impatient.layout.root, patience=PATIENCE), OTHER) == ""
        refused = subprocess.run([*command, ID], cwd=PROJECT, capture_output=True, text=True, check=False)
        assert f"GraphLockedError: image {ID} has been locked by process " in refused.stderr
        assert subprocess.run([*command, OTHER], cwd=PROJECT, check=False).returncode == 0
    assert subprocess.run([*command, ID], cwd=PROJECT, check=False).returncode == 0


def test_a_pull_waits_for_no_lock_for_ever(impatient: tk.Graph, teaching: Source) -> None:
    impatient.prepare()
    image_id = tk.inspect("teach/clean:1", source=teaching).image_id or ""
    with holder(impatient, image_id), pytest.raises(tk.errors.GraphLockedError) as caught:
        tk.pull("teach/clean:1", impatient, source=teaching)
    assert caught.value.report.outcome == "undecided"
    assert caught.value.report.error["code"] == "graph-locked"
    assert len(impatient) == 0
    assert tk.pull("teach/clean:1", impatient, source=teaching).outcome == "accepted"


def test_locks_need_a_directory_that_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    locks = IdLocks(tmp_path / "file" / "locks", patience=PATIENCE)
    with pytest.raises(tk.errors.GraphIOError), locks.hold([ID]):
        pass
