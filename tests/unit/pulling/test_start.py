"""A pull that goes on by itself, and that can be stopped."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import Iterator

import pytest
from support.slow_registry import SlowRegistry

import toolkit as tk
from toolkit.errors import InterruptedPullError
from toolkit.pulling.cancellation import Cancellation
from toolkit.pulling.start import PullJob, start_pull
from toolkit.simulator.images import LayerRecipe, build_image
from toolkit.sources.protocol import Source

SOON = 1.0
"""Seconds within which a pull that is stopped has ended: what is promised."""


NOISE = random.Random(7).randbytes(300_000)  # noqa: S311  # the same bytes in every run
IMAGE = build_image("teach/clean", "1", [LayerRecipe("FROM noise", {"noise": NOISE}), LayerRecipe("CMD sh")])
BIG, DATA = max(IMAGE.blobs.items(), key=lambda item: len(item[1]))


@pytest.fixture
def registry() -> Iterator[SlowRegistry]:
    with SlowRegistry(IMAGE) as server:
        yield server


def reference_at(registry: SlowRegistry) -> str:
    return f"{registry.host}/teach/clean:1"


def test_a_started_pull_gives_the_same_report(graph: tk.Graph, teaching: Source) -> None:
    job = tk.start_pull("teach/clean:1", graph, source=teaching)
    report = job.result(30)
    assert report.outcome == "accepted"
    assert job.done
    assert repr(job) == "PullJob('teach/clean:1'): accepted"
    assert graph.tags.all()


def test_it_can_be_awaited_in_a_running_loop(graph: tk.Graph, teaching: Source) -> None:
    async def cell() -> str:
        return (await start_pull("teach/clean:1", graph, source=teaching)).outcome

    assert asyncio.run(cell()) == "accepted"


def test_what_went_wrong_is_raised_where_the_result_is_asked_for(graph: tk.Graph, teaching: Source) -> None:
    job = start_pull("teach/tampered:blob-byte", graph, source=teaching)
    with pytest.raises(tk.VerificationError):
        job.result(30)
    assert repr(job).startswith("PullJob('teach/tampered:blob-byte'): ended: ")


@pytest.mark.parametrize("policy", ["strict", "docker-1.9"])
def test_a_cancelled_pull_ends_soon_and_goes_on_later(graph: tk.Graph, registry: SlowRegistry, policy: str) -> None:
    hold = registry.hold(BIG, len(DATA) // 2)
    job = start_pull(reference_at(registry), graph, policy=policy)
    assert hold.reached.wait(10)
    assert repr(job).endswith(": under way")
    while sum(path.stat().st_size for path in graph.layout.ingest.iterdir()) < hold.after:
        time.sleep(0.01)
    asked = time.monotonic()
    job.cancel()
    with pytest.raises(InterruptedPullError, match="stopped") as caught:
        job.result(10)
    assert time.monotonic() - asked < SOON
    assert caught.value.report is not None
    assert tk.Ledger.load(graph.layout.ledger).pulls["outcome"].tolist() == ["aborted"]
    assert (len(graph), graph.tags.all()) == (0, {})
    hold.goes_on.set()
    partial = [path for path in graph.layout.ingest.iterdir() if path.suffix == ".partial"]
    assert len(partial) == (policy == "strict")
    assert tk.pull(reference_at(registry), graph, policy=policy).outcome == "accepted"
    resumed = [asked for asked, _ in registry.ranges_of(BIG) if asked is not None]
    assert bool(resumed) is (policy == "strict")


def test_a_pull_that_waits_for_another_can_be_cancelled(graph: tk.Graph, registry: SlowRegistry) -> None:
    hold = registry.hold(BIG, len(DATA) // 2)
    first = start_pull(reference_at(registry), graph)
    assert hold.reached.wait(10)
    second = start_pull(reference_at(registry), tk.Graph(graph.layout.root))
    with contextlib.suppress(TimeoutError):
        second.result(0.2)
    second.cancel()
    with pytest.raises(InterruptedPullError, match="another one"):
        second.result(10)
    hold.goes_on.set()
    assert first.result(30).outcome == "accepted"


def test_a_pull_cancelled_before_it_begins_asks_for_nothing(graph: tk.Graph, registry: SlowRegistry) -> None:
    stop = Cancellation()
    stop.cancel()
    stop.cancel()
    with pytest.raises(InterruptedPullError):
        tk.pull(reference_at(registry), graph, stop=stop)
    assert registry.asked == []


def test_whoever_waits_is_woken_once_and_only_while_waiting() -> None:
    stop, woken = Cancellation(), list[str]()
    with stop.waking(lambda: woken.append("over")):
        pass
    with stop.waking(lambda: woken.append("now")):
        stop.cancel()
    with stop.waking(lambda: woken.append("late")):
        pass
    assert woken == ["now", "late"]
    assert stop.asked


def test_a_job_is_seen_to_stop(graph: tk.Graph, registry: SlowRegistry) -> None:
    hold = registry.hold(BIG, len(DATA) // 2)
    listening = threading.Event()
    job: PullJob = start_pull(reference_at(registry), graph, progress=lambda _: listening.wait(1) and None)
    assert hold.reached.wait(10)
    job.cancel()
    assert repr(job).endswith((": stopping", ": ended: the pull was stopped"))
    listening.set()
    hold.goes_on.set()
    with pytest.raises(InterruptedPullError):
        job.result(10)
