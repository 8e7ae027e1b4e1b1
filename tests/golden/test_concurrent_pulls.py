"""Pulls at the same time, observed of Docker 1.9: errors, what is asked of the registry, and what each of them says.

In every case the registry holds one answer back until everybody is there. What we do otherwise on purpose is a row.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from support.places import needs_vectors, oracle
from support.seed_pulls import MESSAGES, GatedServer, Pull, Told, by_layer, prepare, route, words

import toolkit as tk
from toolkit.progress.steps import Step
from toolkit.progress.stream_format import error_line

pytestmark = needs_vectors

CASES: Final[dict[str, dict[str, Any]]] = {case["name"]: case for case in oracle("concurrent_pulls.json")}
WEAKNESSES: Final[dict[str, dict[str, Any]]] = dict(oracle("weaknesses.json") or {})
POLICIES: Final = ["docker-1.9", "strict"]
UNSIGNED: Final[dict[str, tk.Policy | str]] = {"docker-1.9": "docker-1.9", "strict": tk.Policy("strict", ["signature-present"])}
"""The manifests of the weaknesses are not signed."""
WAITS: Final = 10.0

BAD_TOP: Final = "sha256:3193b0bc99d6c4ea1417ea61de3f5e12f5a31ef4200631a846fe579a2942bc64"
BAD_BASE: Final = "sha256:42b9cf2f0c785cd933faa8d897786737ae97e14bae76a0ce221d5d8be0ddb4e6"
MIDDLE: Final = "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"

SHARED: Final = "5224b3197e12"
TOP: Final = "1ccc3f24801d"
SECOND_TOP: Final = "sha256:2444811350e15602fa4f78fdfaad922f500fa4417ca36b862a85335173d88f60"

TRIES_ITSELF: Final = "who waited for a download that failed does not inherit the failure, but fetches for itself"
NOT_REGISTERED: Final = "docker-1.9 looks for images only: a blob whose owner has yet to register its layer is asked for again"
ASKS_AGAIN: Final = "a late-comer to the same reference asks for the manifest again and looks at the result itself"

MORE_REQUESTS: Final[dict[tuple[str, str], dict[str, tuple[int, str]]]] = {
    ("same-tag-failing", "docker-1.9"): {BAD_TOP: (3, TRIES_ITSELF)},
    ("same-tag-failing", "strict"): {BAD_TOP: (3, TRIES_ITSELF)},
    ("owner-shared-layer-bad", "docker-1.9"): {BAD_BASE: (2, TRIES_ITSELF), MIDDLE: (2, NOT_REGISTERED)},
    ("owner-shared-layer-bad", "strict"): {BAD_BASE: (2, TRIES_ITSELF)},
    ("two-tags-sharing-layers", "docker-1.9"): {MIDDLE: (2, NOT_REGISTERED)},
    ("owner-fails-other-tag-waits", "docker-1.9"): {MIDDLE: (2, NOT_REGISTERED)},
}
"""Blobs that are asked for more often than by the model: how often, and why. Every other one once, as there."""


def _itself_too(told: Told) -> None:
    """ASKS_AGAIN: all that the owner said, and then what a pull says that has nothing to fetch."""
    pulling, digest, status = told[MESSAGES]
    told[MESSAGES] += [pulling, digest, status.replace("Downloaded newer image for", "Image is up to date for")]


def _found(told: Told) -> None:
    """Of a layer that somebody else fetched no byte is told as downloaded here; it is verified, and that is told."""
    told[SHARED] = [line for line in told[SHARED] if '"Downloading"' not in line]


Change = Callable[[Told], None]
OTHER_WORDS: Final[dict[tuple[str, int], list[Change]]] = {
    ("same-tag", 1): [_itself_too],
    ("first-client-write-fails", 1): [_itself_too],
    ("two-tags-sharing-layers", 1): [_found],
    ("owner-fails-other-tag-waits", 1): [_found],
}
"""What becomes of the model's stream where a pull says something else: case and pull, and what is done to it, whose first
line says why."""


class Started:
    """Pulls of one case, with the gate still closed."""

    def __init__(self, case: dict[str, Any], graph: tk.Graph, server: GatedServer, policy: tk.Policy | str) -> None:
        self._graph = graph
        self._server = server
        self._policy: tk.Policy | str = policy
        server.routes = [route(one) for one in case["routes"]]
        graph.prepare()
        for action in case.get("pre", ()):
            prepare(graph, action)

    def pull(self, tag: str, sink: Callable[[Step], None] | None = None, *, policy: str = "") -> Pull:
        """Start a pull."""
        name = f"{self._server.host}/user/repo:{tag}"
        return Pull(name, self._graph, self._server.host, policy=policy or self._policy, sink=sink)

    def owner(self, tag: str, sink: Callable[[Step], None] | None = None) -> Pull:
        """Start a pull, and wait until it is at the gate."""
        pull = self.pull(tag, sink)
        assert self._server.reached.wait(WAITS)
        return pull

    def joiner(self, tag: str, layer: str = "") -> Pull:
        """Start another one, and wait until it waits for the first, or for the layer that is held back."""
        pull = self.pull(tag)
        assert pull.heard.wait(WAITS), "it hears what it waits for"
        _until(lambda: layer in pull.told)
        time.sleep(0.1)
        return pull


@contextmanager
def started(
    case: dict[str, Any], tmp_path: Path, policy: tk.Policy | str, gate: str = ""
) -> Iterator[tuple[Started, GatedServer, tk.Graph]]:
    """A registry with a gate, and a graph."""
    graph = tk.Graph(tmp_path / "graph")
    with GatedServer(gate or case["gate_path"]) as server:
        try:
            yield Started(case, graph, server, policy), server, graph
        finally:
            server.gate.set()


def _until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + WAITS
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


def _broken(_: Step) -> None:
    raise BrokenPipeError


def _run(name: str, tmp_path: Path, policy: str) -> tuple[list[Pull], GatedServer, tk.Graph]:
    """Run the pulls of a case: the first is at the gate when the second begins, and so on."""
    case = CASES[name]
    with started(case, tmp_path, policy) as (start, server, graph):
        pulls = [start.owner(case["refs"][0], _broken if case.get("first_client_fails") else None)]
        for tag in case["refs"][1:]:
            pulls.append(start.joiner(tag, SHARED))
            if tag != case["refs"][0]:  # the layer of its own is here, and all that is left is what others are at
                _until(lambda: SECOND_TOP in server.gets())
        server.gate.set()
        for pull in pulls:
            pull.done()
    return pulls, server, graph


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", list(CASES))
def test_errors_and_requests_are_the_models(name: str, policy: str, tmp_path: Path) -> None:
    pulls, server, graph = _run(name, tmp_path, policy)
    expected = CASES[name]["expected"]
    assert [pull.message or None for pull in pulls] == expected["errors"]
    model = {
        request.rpartition("/")[2]: count
        for request, count in expected["request_counts"].items()
        if request.startswith("GET /v2/user/repo/blobs")
    }
    more = MORE_REQUESTS.get((name, policy), {})
    assert server.gets() == model | {digest: count for digest, (count, _) in more.items()}
    asked = Counter(one.target.rpartition("/")[2] for one in server.seen if "/manifests/" in one.target)
    assert asked == Counter(CASES[name]["refs"]), ASKS_AGAIN
    assert [path.name for path in graph.layout.ingest.iterdir() if path.suffix not in (".partial", ".json")] == ["locks"]


@pytest.mark.parametrize("name", list(CASES))
def test_streams_are_the_models(name: str, tmp_path: Path) -> None:
    pulls, _, _ = _run(name, tmp_path, "docker-1.9")
    expected = CASES[name]["expected"]
    for number, (pull, stream, error) in enumerate(zip(pulls, expected["streams"], expected["errors"], strict=True)):
        if stream is None:
            continue  # this one's listener was dead
        model = by_layer(stream)
        for change in OTHER_WORDS.get((name, number), ()):
            change(model)
        if name == "same-tag-failing" and number:
            again = pull.told[TOP]
            assert again in [model[TOP] * times for times in (2, 3)], TRIES_ITSELF
            model[TOP] = again
        if error:
            model[MESSAGES].append(error_line(error))
        assert pull.told == model, f"pull {number}"


def test_every_difference_has_a_case_and_a_reason() -> None:
    assert {name for name, _ in MORE_REQUESTS} | {name for name, _ in OTHER_WORDS} <= set(CASES)
    assert all(reason for more in MORE_REQUESTS.values() for _, reason in more.values())
    assert all(change.__doc__ for changes in OTHER_WORDS.values() for change in changes)


@pytest.mark.parametrize("policy", POLICIES)
def test_whoever_joined_has_a_row_of_it(policy: str, tmp_path: Path) -> None:
    pulls, _, _ = _run("two-tags-sharing-layers", tmp_path, policy)
    owner, joiner = [pull.report for pull in pulls]
    assert owner is not None
    assert joiner is not None
    assert owner.joins.empty
    row = joiner.joins.query("subject == @BAD_BASE").iloc[0]
    assert (row["kind"], row["owner"], row["outcome"]) == ("layer", "another thread of this process", "found")
    assert row["waited"] > 0


# -- weaknesses of the model, which are not ours -------------------------------------------------------------------


@pytest.mark.parametrize("policy", POLICIES)
def test_a_pull_that_fails_removes_nobody_elses_turn(policy: str, tmp_path: Path) -> None:
    """W8: there the third pull asked for the shared blob again, for the second one had removed the owner's entry."""
    case = WEAKNESSES["w8_foreign_failure_removes_owner_pool_entry"]
    expected = case["expected"]
    with started(case, tmp_path, UNSIGNED[policy]) as (start, server, graph):
        owner = start.owner("latest")
        second = start.pull("b", policy="docker-1.9").done()
        assert second.message == expected["b_error"], "the same refusal"
        assert owner.is_alive()
        third = start.joiner("latest2", SHARED)
        server.gate.set()
        assert (owner.done().message, third.done().message) == ("", "")
        shared = case["gate_path"].rpartition("/")[2]
        assert expected["gets_of_shared_blob"] == 2
        assert server.gets()[shared] == 1
        assert sorted(graph.tags.all()[f"{server.host}/user/repo"]) == ["latest", "latest2"]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_listener_that_stalls_blocks_nobody(policy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """W7: there the whole tag store stood still until the client of one pull went on reading."""
    monkeypatch.setattr("toolkit.pulling.listening.LAST_WORDS", 0.2)
    case = WEAKNESSES["w7_stalled_client_blocks_tag_store"]
    assert case["expected"]["tagstore_blocked_while_client_stalled"] is True
    goes_on = threading.Event()
    heard: list[Step] = []

    def stalls(step: Step) -> None:
        goes_on.wait(WAITS)
        heard.append(step)

    with started(case, tmp_path, UNSIGNED[policy]) as (start, server, graph):
        stalled = start.pull("latest", stalls).done()
        assert stalled.message == ""
        assert heard == []
        began = time.monotonic()
        image_id = graph.tags.all()[f"{server.host}/user/repo"]["latest"]
        graph.set_reference("elsewhere", "1", image_id)
        other = start.pull("latest").done()
        assert other.message == ""
        assert time.monotonic() - began < 2
        goes_on.set()
        complete = words(other.told)[MESSAGES]
        assert len(complete) == 3
        _until(lambda: len(heard) > 3 and getattr(heard[-1], "text", "").startswith("Status: "))


@pytest.mark.parametrize("policy", POLICIES)
def test_nobody_who_waited_for_a_crash_reports_success(policy: str, tmp_path: Path) -> None:
    """W3: there the panic of one pull was the success of the other, although nothing was tagged.

    The manifest is what is held back: we refuse it before any layer is fetched. Go's words for the crash are those of
    another version than the vectors'.
    """
    case = WEAKNESSES["w3_panic_reports_success_to_waiter"]
    assert case["expected"]["waiter_error"] is None
    with started(case, tmp_path, policy, gate="/v2/user/repo/manifests/latest") as (start, server, graph):
        owner = start.owner("latest")
        waiter = start.pull("latest")
        time.sleep(0.1)
        server.gate.set()
        for pull in (owner.done(), waiter.done()):
            assert isinstance(pull.error, tk.VerificationError)
            assert pull.message.startswith("runtime error: ")
            assert words(pull.told)[MESSAGES][-1] == f"error: {pull.message}"
        assert server.gets() == {}
        assert waiter.report is not None
        assert list(waiter.report.joins["kind"]) == ["pull"]
        assert graph.layout.repositories.read_text() == case["expected"]["repositories"]
        assert len(graph) == 0
