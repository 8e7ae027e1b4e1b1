"""How much may be asked: the user's budget, and what the registry says remains."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import deque
from collections.abc import Iterator
from typing import Final

import httpx
import pytest
from support.routes import PING, routes_of
from support.scripted_server import Route, ScriptedServer

import toolkit as tk
from toolkit.errors import RateLimitError, UnreachableError
from toolkit.records import Endpoint, Request
from toolkit.simulator.teaching import clean_image
from toolkit.sources.allowance import Allowance
from toolkit.sources.foreign import ForeignTransport
from toolkit.sources.wire import Wire

IMAGE: Final = clean_image()


def headers(remaining: str) -> httpx.Headers:
    return httpx.Headers({"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": remaining})


def wired(allowance: Allowance, *answers: httpx.Response | Exception) -> tuple[Wire, list[str], deque[Endpoint | Request]]:
    """A wire over answers that come one after the other."""
    asked: list[str] = []
    left: Iterator[httpx.Response | Exception] = iter(answers)
    records: deque[Endpoint | Request] = deque()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url}")
        found = next(left)
        if isinstance(found, Exception):
            raise found
        return found

    return Wire(ForeignTransport(httpx.MockTransport(answer)), records, user_agent="test", allowance=allowance), asked, records


def said(status: int = 200, **more: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in more.items()}
    return httpx.Response(status, headers=named, stream=httpx.ByteStream(b""))


# -- the budget --------------------------------------------------------------------------------------------------


def test_without_a_budget_there_is_no_end() -> None:
    allowance = Allowance()
    for _ in range(1_000):
        allowance.take("http://h/", counted=True)


@pytest.mark.parametrize("budget", [0, 1, 3])
@pytest.mark.parametrize("counted", [True, False])
def test_a_budget_is_taken_to_its_end_and_no_further(budget: int, counted: bool) -> None:  # noqa: FBT001
    allowance = Allowance(budget)
    for _ in range(budget):
        allowance.take("http://h/", counted=counted)
    for _ in range(2):
        with pytest.raises(RateLimitError) as caught:
            allowance.take("http://u:p@h/x?sig=1", counted=counted)
        assert caught.value.message == f"the budget of {budget} requests is used up"
        assert caught.value.where == "http://h/x?sig=REDACTED"


def test_a_budget_is_never_overdrawn_by_several_threads() -> None:
    allowance = Allowance(100)
    taken: list[int] = []
    together = threading.Barrier(8)

    def take() -> None:
        together.wait()
        for _ in range(50):
            with contextlib.suppress(RateLimitError):
                allowance.take("http://h/", counted=False)
                taken.append(1)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 100


def test_a_request_that_fails_was_sent_too() -> None:
    wire, asked, _ = wired(Allowance(1), httpx.ConnectError("refused"), said())
    with pytest.raises(UnreachableError):
        wire.send("GET", "http://h/")
    with pytest.raises(RateLimitError):
        wire.send("GET", "http://h/")
    assert len(asked) == 1


def test_tries_and_redirects_come_out_of_the_budget() -> None:
    wire, asked, _ = wired(Allowance(3), said(503), said(307, Location="/there"), said(503), said())
    with pytest.raises(RateLimitError):
        wire.send("GET", "http://h/")
    assert asked == ["GET http://h/", "GET http://h/", "GET http://h/there"]


def test_a_request_that_is_not_sent_is_no_row() -> None:
    wire, asked, records = wired(Allowance(0))
    with pytest.raises(RateLimitError):
        wire.send("GET", "http://h/")
    assert asked == []
    assert not records


# -- the registry's own word -------------------------------------------------------------------------------------


def test_nothing_counted_is_asked_once_nothing_remains() -> None:
    allowance = Allowance()
    allowance.take("http://h/", counted=True)
    allowance.heard(headers("0;w=21600"))
    with pytest.raises(RateLimitError, match="no request remains"):
        allowance.take("http://h/", counted=True)
    allowance.take("http://h/", counted=False)


def test_the_last_word_counts() -> None:
    allowance = Allowance()
    for words, last in (("0", False), ("5;w=1", True), ("0", False), ("1", True)):
        allowance.heard(headers(words))
        allowance.heard(headers("what?"))
        allowance.heard({})
        if last:
            allowance.take("http://h/", counted=True)
        else:
            with pytest.raises(RateLimitError):
                allowance.take("http://h/", counted=True)


def test_questions_about_sizes_are_not_counted_by_registries() -> None:
    wire, asked, records = wired(Allowance(), said(200, RateLimit_Limit="100", RateLimit_Remaining="0"), said(), said())
    wire.send("GET", "http://h/1", counted=True).close()
    with pytest.raises(RateLimitError):
        wire.send("GET", "http://h/2", counted=True)
    wire.send("HEAD", "http://h/3", counted=True).close()
    wire.send("GET", "http://h/4").close()
    assert asked == ["GET http://h/1", "HEAD http://h/3", "GET http://h/4"]
    (first, *_) = [row for row in records if isinstance(row, Request)]
    assert (first.rate_limit, first.rate_remaining) == ("100", "0")


def test_an_error_answer_is_heard_too() -> None:
    wire, _, _ = wired(Allowance(), said(404, RateLimit_Remaining="0"))
    wire.send("GET", "http://h/", counted=True).close()
    with pytest.raises(RateLimitError):
        wire.send("GET", "http://h/", counted=True)


# -- whole pulls -------------------------------------------------------------------------------------------------


def reference(server: ScriptedServer) -> str:
    return f"{server.host}/teach/clean:1"


def needed(server: ScriptedServer, graph: tk.Graph) -> int:
    """How many requests a pull of the image takes."""
    report = tk.pull(reference(server), graph, source=tk.open_source(server.host))
    assert report.outcome == "accepted"
    return len(report.requests)


def test_a_pull_within_its_budget_is_a_pull(
    server: ScriptedServer, graph: tk.Graph, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server.routes = routes_of(IMAGE)
    budget = needed(server, graph)
    source = tk.open_source(server.host, budget=budget)
    report = tk.pull(reference(server), tmp_path_factory.mktemp("another") / "graph", source=source)
    assert report.outcome == "accepted"
    assert len(report.requests) == budget


def test_a_pull_beyond_its_budget_ends_undecided(
    server: ScriptedServer, graph: tk.Graph, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server.routes = routes_of(IMAGE)
    for budget in range(needed(server, graph)):
        server.seen.clear()
        source = tk.open_source(server.host, budget=budget)
        empty = tk.Graph(tmp_path_factory.mktemp("another") / "graph")
        with pytest.raises(RateLimitError) as caught:
            tk.pull(reference(server), empty, source=source, workers=1)
        assert caught.value.message == f"the budget of {budget} requests is used up"
        report = caught.value.report
        assert report.outcome == "undecided"
        assert len(report.requests) == budget
        assert len(server.seen) == max(0, budget - 1)  # the first one was the https that nobody answers
        assert len(empty) == 0


def test_a_budget_is_for_every_call_with_a_source(server: ScriptedServer) -> None:
    server.routes = routes_of(IMAGE)
    budget = len(tk.inspect(reference(server), source=tk.open_source(server.host)).requests)
    source = tk.open_source(server.host, budget=budget)
    assert tk.inspect(reference(server), source=source).outcome == "accepted"
    server.seen.clear()
    with pytest.raises(RateLimitError):
        tk.inspect(reference(server), source=source)
    assert server.seen == []


def test_a_registry_that_says_nothing_remains_is_asked_for_no_further_manifest(server: ScriptedServer, graph: tk.Graph) -> None:
    """The blobs of the manifest that was had are fetched all the same: nobody counts them."""
    spent = [
        Route(path=route.path, headers=headers("0;w=21600"), body=route.body) if "/manifests/" in route.path else route
        for route in routes_of(IMAGE)
    ]
    server.routes = spent
    source = tk.open_source(server.host)
    assert tk.pull(reference(server), graph, source=source).outcome == "accepted"
    asked = len(server.seen)
    with pytest.raises(RateLimitError) as caught:
        tk.pull(reference(server), graph, source=source)
    assert caught.value.message == "the registry said that no request remains"
    assert [one.target for one in server.seen[asked:] if "/manifests/" in one.target] == []
    assert "0;w=21600" in caught.value.report.requests["rate_remaining"].tolist() or asked > 0


def test_every_tag_is_not_pulled_when_nothing_remains(server: ScriptedServer, graph: tk.Graph) -> None:
    tags = Route(path="/v2/teach/clean/tags/list", body=json.dumps({"tags": ["1", "2", "3"]}).encode())
    one = [Route(path=f"/v2/teach/clean/manifests/{tag}", headers=headers("0"), body=IMAGE.body) for tag in "123"]
    server.routes = [tags, *one, *routes_of(IMAGE, PING)]
    with pytest.raises(RateLimitError):
        tk.pull(f"{server.host}/teach/clean", graph, source=tk.open_source(server.host), all_tags=True)
    assert [one.target for one in server.seen if "/manifests/" in one.target] == ["/v2/teach/clean/manifests/1"]
