"""The history of a call: nobody waits for a listener, and no listener misses anything."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import pytest

from toolkit.errors import UsageError
from toolkit.progress.history import History

PATIENCE = 30


def run(works: Iterable[Callable[[], None]]) -> list[threading.Thread]:
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    return threads


def join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(timeout=PATIENCE)
        assert not thread.is_alive()


def test_a_listener_hears_everything_from_the_first_entry_empty_ones_too() -> None:
    history = History[bytes]()
    history.write(b"one")
    history.write(b"")
    listener = history.follow()
    assert [next(listener), next(listener)] == [b"one", b""]
    history.write(b"two")
    history.close()
    assert list(listener) == [b"two"]
    assert list(history.follow()) == [b"one", b"", b"two"], "also after the end"


def test_writing_after_the_end_is_refused_and_leaves_nothing() -> None:
    history = History[str]()
    before = history.closed
    history.close()
    assert (before, history.closed) == (False, True)
    with pytest.raises(UsageError, match=r"attempted write to a closed broadcaster\.Buffered"):
        history.write("late")
    assert list(history.follow()) == []


def test_the_first_end_counts() -> None:
    history, first = History[str](), RuntimeError("boom")
    history.close(first)
    history.close()
    history.close(RuntimeError("bang"))
    assert history.wait() is first


def test_an_end_without_error_has_none() -> None:
    history = History[str]()
    history.close()
    assert history.wait(PATIENCE) is None


def test_waiting_for_an_end_can_be_given_up() -> None:
    with pytest.raises(TimeoutError, match=r"within 0\.01 s"):
        History[str]().wait(0.01)


def test_neither_writing_nor_closing_waits_for_a_listener() -> None:
    history = History[int]()
    stalled = history.follow()
    history.write(0)
    assert next(stalled) == 0
    for number in range(1, 1000):
        history.write(number)
    history.close()  # this thread is the listener, too: had it to wait, it would for ever
    assert list(stalled) == list(range(1, 1000))


def test_a_listener_is_woken_by_an_entry_and_by_the_end() -> None:
    history, heard, first = History[str](), list[str](), threading.Event()

    def listen() -> None:
        for entry in history.follow():
            heard.append(entry)
            first.set()

    errors = list[BaseException | None]()
    threads = run([listen, lambda: errors.append(history.wait())])
    history.write("one")
    assert first.wait(PATIENCE)
    history.write("two")
    history.close(boom := RuntimeError("boom"))
    join(threads)
    assert heard == ["one", "two"]
    assert errors == [boom]


def test_eight_threads_write_and_eight_follow_the_same_order() -> None:
    history, heard = History[tuple[int, int]](), [list[tuple[int, int]]() for _ in range(8)]
    start = threading.Barrier(16)

    def write(writer: int) -> None:
        start.wait(PATIENCE)
        for number in range(200):
            history.write((writer, number))

    def listen(listener: int) -> None:
        start.wait(PATIENCE)
        heard[listener].extend(history.follow())

    writers = run([lambda writer=writer: write(writer) for writer in range(8)])  # type: ignore[misc]  # no type for defaults
    listeners = run([lambda listener=listener: listen(listener) for listener in range(8)])  # type: ignore[misc]
    join(writers)
    history.close()
    join(listeners)
    assert all(one == heard[0] for one in heard)
    assert list(history.follow()) == heard[0]
    for writer in range(8):
        assert [number for who, number in heard[0] if who == writer] == list(range(200))


def test_of_many_ends_one_counts() -> None:
    history = History[str]()
    errors = [RuntimeError(str(number)) for number in range(8)]
    join(run([lambda error=error: history.close(error) for error in errors]))  # type: ignore[misc]
    first = history.wait()
    assert first in errors
    history.close(errors[0])
    assert history.wait() is first
