"""Turns: one worker for each piece of work, heard from the first word, and gone with its process."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.places import PROJECT

import toolkit as tk
from toolkit.digests import sha256
from toolkit.graph.locks import IdLocks
from toolkit.graph.turns import Entry, Turn, Turns

WORK = "blob sha256:" + "a" * 64
ANOTHER_THREAD = "another thread of this process"
PATIENCE = 10.0
OWNS = """
import sys

from toolkit.graph.store import Graph

with Graph(sys.argv[1]).turns.take(sys.argv[2], lambda entry: None) as turn:
    print("mine" if turn.waited is None else turn.waited.owner, flush=True)
    for line in sys.stdin:
        turn.tell({"said": line.strip()})
        print("told", flush=True)
"""


@contextlib.contextmanager
def owner(graph: tk.Graph, work: str = WORK) -> Iterator[subprocess.Popen[str]]:
    """Run a process that holds a turn and tells every line it is given, until its standard input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNS, str(graph.layout.root), work],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "mine\n"
            yield process
        finally:
            process.kill()


def say(process: subprocess.Popen[str], word: str) -> None:
    """Have an owner tell something; return when it is told."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{word}\n")
    process.stdin.flush()
    assert process.stdout.readline() == "told\n"


def end(process: subprocess.Popen[str]) -> None:
    """Have an owner end its turn."""
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(PATIENCE) == 0


def file_of(graph: tk.Graph, work: str = WORK) -> Path:
    return graph.layout.turn(sha256(f"turn: {work}".encode()).partition(":")[2])


def left(graph: tk.Graph) -> list[str]:
    return sorted(path.name for path in graph.layout.ingest.iterdir())


class Joiner(threading.Thread):
    """Takes a turn in a thread of its own, tells some words in it, and ends it when it may."""

    def __init__(self, turns: Turns, *words: str, lingers: bool = False) -> None:
        super().__init__()
        self._turns = turns
        self._words = words
        self.heard: list[Entry] = []
        self.turn: Turn | None = None
        self.took = 0.0
        self.has_it = threading.Event()
        self.may_end = threading.Event()
        self.error: BaseException | None = None
        self.stopped = threading.Event()
        if not lingers:
            self.may_end.set()
        self.start()

    def run(self) -> None:
        try:
            with self._turns.take(WORK, self.heard.append, stopped=self.stopped.is_set) as turn:
                self.turn, self.took = turn, time.monotonic()
                for word in self._words:
                    turn.tell({"said": word})
                self.has_it.set()
                self.may_end.wait(PATIENCE)
        except (tk.ToolkitError, InterruptedError) as error:
            self.error = error

    @property
    def words(self) -> list[str]:
        return [entry["said"] for entry in self.heard]

    def done(self) -> Joiner:
        self.may_end.set()
        self.join(PATIENCE)
        assert not self.is_alive()
        return self


def until(condition: Callable[[], object]) -> None:
    """Wait for something to come true."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.005)


# -- threads -----------------------------------------------------------------------------------------------------


def test_a_free_turn_is_taken_at_once_and_nothing_is_heard(graph: tk.Graph) -> None:
    joiner = Joiner(graph.turns).done()
    assert joiner.turn is not None
    assert joiner.turn.waited is None
    assert joiner.heard == []
    assert left(graph) == ["locks"]


def test_a_thread_waits_for_another_and_hears_all_it_says(graph: tk.Graph) -> None:
    first = Joiner(graph.turns, "one", "two", lingers=True)
    first.has_it.wait(PATIENCE)
    second = Joiner(graph.turns)
    until(lambda: second.words == ["one", "two"])
    assert not second.has_it.is_set()
    assert first.turn is not None
    first.turn.tell({"said": "three"})
    first.done()
    second.done()
    assert second.words == ["one", "two", "three"]
    assert second.turn is not None
    assert second.turn.waited is not None
    assert second.turn.waited.owner == ANOTHER_THREAD
    assert 0 < second.turn.waited.seconds < PATIENCE
    assert left(graph) == ["locks"]


def test_what_is_told_just_before_the_end_is_heard(graph: tk.Graph) -> None:
    """The last lines come between two looks of the one who waits, and the file is gone at the next."""
    for _ in range(5):
        first = Joiner(graph.turns, "one", lingers=True)
        first.has_it.wait(PATIENCE)
        second = Joiner(graph.turns)
        until(lambda: second.heard)  # noqa: B023  # waited for within this round
        assert first.turn is not None
        for word in ("two", "three"):
            first.turn.tell({"said": word})
        first.done()
        assert second.done().words == ["one", "two", "three"]


def test_what_is_told_once_and_just_before_the_end_is_heard(graph: tk.Graph) -> None:
    """The whole file comes and goes between two looks of the one who waits."""
    for _ in range(5):
        first = Joiner(graph.turns, lingers=True)
        first.has_it.wait(PATIENCE)
        second = Joiner(graph.turns)
        time.sleep(0.03)
        assert first.turn is not None
        first.turn.tell({"said": "one"})
        first.done()
        assert second.done().words == ["one"]


def test_three_threads_have_their_turns_one_after_the_other(graph: tk.Graph) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        with graph.turns.take(WORK, lambda entry: None) as turn:
            inside.append(number)
            most.append(len(inside))
            turn.tell({"said": str(number)})
            time.sleep(0.01)
            inside.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert most == [1, 1, 1]
    assert left(graph) == ["locks"]


def test_other_work_is_not_waited_for(graph: tk.Graph) -> None:
    with graph.turns.take("blob one", lambda entry: None), graph.turns.take("blob two", lambda entry: None) as turn:
        assert turn.waited is None


def test_work_that_fails_ends_its_turn(graph: tk.Graph) -> None:
    def fail() -> None:
        with graph.turns.take(WORK, lambda entry: None) as turn:
            turn.tell({"said": "so far"})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert left(graph) == ["locks"]
    joiner = Joiner(graph.turns).done()
    assert joiner.turn is not None
    assert joiner.turn.waited is None


def test_two_graphs_of_one_directory_share_their_turns(graph: tk.Graph) -> None:
    first = Joiner(graph.turns, "one", lingers=True)
    first.has_it.wait(PATIENCE)
    second = Joiner(tk.Graph(graph.layout.root).turns)
    until(lambda: second.heard)
    first.done()
    assert second.done().words == ["one"]


def test_whoever_waits_can_be_stopped(graph: tk.Graph) -> None:
    first = Joiner(graph.turns, "one", lingers=True)
    first.has_it.wait(PATIENCE)
    second = Joiner(graph.turns)
    until(lambda: second.heard)
    second.stopped.set()
    second.done()
    assert isinstance(second.error, InterruptedError)
    assert second.turn is None
    assert file_of(graph).exists(), "the owner's file is not the joiner's to remove"
    first.done()
    assert left(graph) == ["locks"]


def test_a_listener_that_breaks_harms_nobody_but_itself(graph: tk.Graph) -> None:
    def deaf(entry: Entry) -> None:
        raise OSError(entry)

    first = Joiner(graph.turns, "one", lingers=True)
    first.has_it.wait(PATIENCE)
    with pytest.raises(OSError, match="one"), graph.turns.take(WORK, deaf):
        pass
    second = Joiner(graph.turns)
    until(lambda: second.heard)
    first.done()
    assert second.done().words == ["one"]
    assert left(graph) == ["locks"]


def test_a_listener_that_stalls_does_not_hold_the_owner_up(graph: tk.Graph) -> None:
    released = threading.Event()
    heard: list[Entry] = []

    def slow(entry: Entry) -> None:
        heard.append(entry)
        released.wait(PATIENCE)

    first = Joiner(graph.turns, "one", lingers=True)
    first.has_it.wait(PATIENCE)

    def join() -> None:
        with graph.turns.take(WORK, slow):
            pass

    stalled = threading.Thread(target=join)
    stalled.start()
    until(lambda: heard)
    assert first.turn is not None
    for number in range(1000):
        first.turn.tell({"said": str(number)})
    first.done()
    third = Joiner(graph.turns).done()
    assert third.turn is not None, "the stalled one does not hold the next one up, either"
    released.set()
    stalled.join(PATIENCE)
    assert [entry["said"] for entry in heard] == ["one", *(str(number) for number in range(1000))]
    assert left(graph) == ["locks"]


# -- processes ---------------------------------------------------------------------------------------------------


def test_a_late_joiner_hears_another_process_from_its_first_word(graph: tk.Graph) -> None:
    graph.prepare()
    with owner(graph) as process:
        for number in range(200):
            say(process, f"word {number}")
        joiner = Joiner(graph.turns)
        until(lambda: joiner.heard)
        say(process, "last word")
        end(process)
        joiner.done()
        assert joiner.words == [*(f"word {number}" for number in range(200)), "last word"]
        assert joiner.turn is not None
        assert joiner.turn.waited is not None
        assert joiner.turn.waited.owner == f"process {process.pid}"
    assert left(graph) == ["locks"]


def test_a_process_waits_for_a_thread(graph: tk.Graph) -> None:
    graph.prepare()
    first = Joiner(graph.turns, "one", lingers=True)
    first.has_it.wait(PATIENCE)
    with subprocess.Popen(
        [sys.executable, "-c", OWNS, str(graph.layout.root), WORK],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        time.sleep(0.5)
        assert process.poll() is None
        first.done()
        output, _ = process.communicate(timeout=PATIENCE)
    assert output.startswith("process ")
    assert left(graph) == ["locks"]


def test_a_killed_owner_is_followed_at_once_and_its_half_line_is_nobodys(graph: tk.Graph) -> None:
    graph.prepare()
    with owner(graph) as process:
        say(process, "whole")
        with file_of(graph).open("ab") as file:
            file.write(b'{"said": "ha')
        joiner = Joiner(graph.turns, "mine", lingers=True)
        until(lambda: joiner.heard)
        killed = time.monotonic()
        process.kill()
        process.wait(PATIENCE)
        assert joiner.has_it.wait(PATIENCE)
        assert joiner.took - killed < 1
        assert joiner.words == ["whole"]
        assert file_of(graph).read_bytes() == b'{"said": "mine"}\n'
        joiner.done()
        assert joiner.turn is not None
        assert joiner.turn.waited is not None
        assert joiner.turn.waited.owner == f"process {process.pid}"
    assert left(graph) == ["locks"]


def test_two_who_wait_for_a_killed_owner_follow_each_other_and_lose_no_word(graph: tk.Graph) -> None:
    """Half a line of the one who was killed does not swallow the first line of the next."""
    graph.prepare()
    with owner(graph) as process:
        say(process, "whole")
        with file_of(graph).open("ab") as file:
            file.write(b'{"said": "ha')
        joiners = [Joiner(graph.turns, "first", "second", lingers=True) for _ in range(2)]
        until(lambda: all(joiner.heard for joiner in joiners))
        process.kill()
        until(lambda: any(joiner.has_it.is_set() for joiner in joiners))
        winner, other = sorted(joiners, key=lambda joiner: not joiner.has_it.is_set())
        until(lambda: len(other.words) == 3)
        winner.done()
        other.done()
    assert winner.words == ["whole"]
    assert other.words == ["whole", "first", "second"]
    assert left(graph) == ["locks"]


def test_who_comes_after_a_killed_owner_hears_nothing_of_it(graph: tk.Graph) -> None:
    graph.prepare()
    with owner(graph) as process:
        say(process, "hours ago")
    process.wait(PATIENCE)
    assert file_of(graph).exists()
    joiner = Joiner(graph.turns).done()
    assert joiner.turn is not None
    assert joiner.turn.waited is None
    assert joiner.heard == []
    assert left(graph) == ["locks"]


def test_a_joiner_that_is_killed_harms_nobody(graph: tk.Graph) -> None:
    graph.prepare()
    first = Joiner(graph.turns, "one", lingers=True)
    first.has_it.wait(PATIENCE)
    with subprocess.Popen(
        [sys.executable, "-c", OWNS, str(graph.layout.root), WORK],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    ) as process:
        time.sleep(0.4)
        process.kill()
    second = Joiner(graph.turns)
    until(lambda: second.heard)
    assert first.turn is not None
    first.turn.tell({"said": "two"})
    first.done()
    assert second.done().words == ["one", "two"]
    assert left(graph) == ["locks"]


def test_a_silent_owner_is_named(graph: tk.Graph) -> None:
    graph.prepare()
    turns = Turns(graph.layout, IdLocks(graph.layout.locks), silence=0.3)
    with owner(graph) as process:
        say(process, "one")
        process.send_signal(signal.SIGSTOP)
        joiner = Joiner(turns)
        joiner.done()
        assert isinstance(joiner.error, tk.errors.GraphLockedError)
        assert joiner.words == ["one"]
        assert joiner.error.message == (
            f"{WORK} is being done by process {process.pid}, which has told nothing for more than 0.3 s"
        )
        assert joiner.error.actual == f"process {process.pid}"
        process.send_signal(signal.SIGCONT)
        say(process, "two")
        end(process)
    assert left(graph) == ["locks"]


def test_an_owner_that_goes_on_telling_is_waited_for(graph: tk.Graph) -> None:
    turns = Turns(graph.layout, IdLocks(graph.layout.locks), silence=0.3)
    first = Joiner(graph.turns, lingers=True)
    first.has_it.wait(PATIENCE)
    second = Joiner(turns)
    assert first.turn is not None
    for number in range(8):
        time.sleep(0.1)
        first.turn.tell({"said": str(number)})
    first.done()
    assert second.done().error is None
    assert len(second.words) == 8


def test_silence_counts_anew_for_each_owner(graph: tk.Graph) -> None:
    """Who waits behind several, none of which is silent for long, is not told that one was."""
    turns = Turns(graph.layout, IdLocks(graph.layout.locks), silence=0.4)
    errors: list[BaseException] = []
    owners: list[str] = []

    def work() -> None:
        try:
            with turns.take(WORK, lambda entry: None):
                owners.append("")
                time.sleep(0.2)
        except tk.errors.GraphLockedError as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert errors == []
    assert len(owners) == 4


def test_a_link_in_the_place_of_the_file_is_not_followed(graph: tk.Graph, tmp_path: Path) -> None:
    graph.prepare()
    victim = tmp_path / "victim"
    victim.write_bytes(b'{"said": "not mine"}\n')
    file_of(graph).symlink_to(victim)
    joiner = Joiner(graph.turns, "one").done()
    assert joiner.heard == []
    assert victim.read_bytes() == b'{"said": "not mine"}\n'
    assert joiner.turn is not None, joiner.error
