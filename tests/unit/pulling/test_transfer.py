"""Transfers: what is told on the way, each blob once, and facts about bytes that were there already."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping

import pytest
from support.routes import VERSION

import toolkit as tk
from toolkit.progress.steps import Progress, Step
from toolkit.pulling.standing import known, measured
from toolkit.simulator.images import LayerRecipe, build_image
from toolkit.simulator.server import LoopbackServer
from toolkit.simulator.tampering import honest
from toolkit.simulator.teaching import clean_image
from toolkit.sources.protocol import Source
from toolkit.sources.static_registry import Answer, StaticManifest, StaticRegistry

IMAGE = clean_image()


class Told:
    """What a progress sink was told, by blob."""

    def __init__(self) -> None:
        self.steps: dict[str, list[Progress]] = defaultdict(list)
        self._guard = threading.Lock()

    def __call__(self, step: Step) -> None:
        if isinstance(step, Progress):
            with self._guard:
                self.steps[step.digest].append(step)


def registry_of(*layers: LayerRecipe) -> StaticRegistry:
    image = build_image("teach/made", "1", layers)
    served = honest(image)
    registry = StaticRegistry("story.example")
    registry.add(image.repository, "1", StaticManifest(body=served.body, digest=served.digest), served.blobs)
    return registry


@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("policy", ["strict", "docker-1.9"])
def test_every_blob_is_told_from_its_first_byte_to_its_end(graph: tk.Graph, workers: int, policy: str) -> None:
    registry = registry_of(*(LayerRecipe(f"ADD {number}", {str(number): bytes(200_000 * number)}) for number in range(4)))
    told = Told()
    tk.pull("teach/made:1", graph, source=registry, policy=policy, progress=told, workers=workers)
    assert set(told.steps) == set(registry.blobs)
    for digest, steps in told.steps.items():
        size = len(registry.blobs[digest])
        assert {step.total for step in steps if step.action != "waiting"} == {size}
        assert len({step.image_id for step in steps}) == 1
        downloading = [step.current for step in steps if step.action == "downloading"]
        assert downloading == sorted(downloading)
        assert downloading[-1] == size
        rest = steps[len(downloading) + 1 :]
        assert [step.action for step in rest] == ["verifying", "complete", "extracting", "registered"]
        assert {step.current for step in rest} == {size}


@pytest.mark.parametrize("name", ["blob-byte", "blob-missing"])
def test_a_blob_that_fails_is_told_to_have_failed(graph: tk.Graph, teaching: Source, name: str) -> None:
    told = Told()
    with pytest.raises(tk.VerificationError) as caught:
        tk.pull(f"teach/tampered:{name}", graph, source=teaching, progress=told)
    bad = caught.value.report.layers.query("disposition == 'failed'")["blob_digest"].iloc[0]
    last = {digest: steps[-1].action for digest, steps in told.steps.items()}
    assert last[bad] == "failed"
    assert sorted(last.values()) == ["complete", "complete", "failed"]


def test_no_more_blobs_are_fetched_at_once_than_workers_allow(graph: tk.Graph) -> None:
    registry = registry_of(*(LayerRecipe(f"ADD {number}", {str(number): b"x"}) for number in range(6)))
    guard = threading.Lock()
    running: list[str] = []
    most: list[int] = []
    both = threading.Barrier(2)

    def answer(method: str, target: str, headers: Mapping[str, str]) -> Answer:
        if "/blobs/" not in target:
            return registry.answer(method, target)
        with guard:
            running.append(target)
            most.append(len(running))
        both.wait(timeout=30)  # two are under way, or the test fails here
        with guard:
            running.remove(target)
        return registry.answer(method, target)

    with LoopbackServer(answer) as server:
        tk.pull(f"{server.host}/teach/made:1", graph, accept=["manifest-name"], workers=2)
    assert len(most) == 6
    assert max(most) == 2


def test_facts_of_a_blob_in_the_graph_are_read_anew(graph: tk.Graph, teaching: Source) -> None:
    tk.pull("teach/clean:1", graph, source=teaching)
    for digest, data in IMAGE.blobs.items():
        facts = measured(graph, digest)
        assert (facts.claimed, facts.size, facts.actual, facts.matches, facts.evidence) == (
            digest,
            len(data),
            digest,
            True,
            digest,
        )
        assert facts.measure is not None
        assert facts.measure.compression == "gzip"
        bare = known(graph, digest)
        assert (bare.size, bare.measure) == (len(data), None)


def test_docker_stopped_at_the_size_of_the_head(graph: tk.Graph) -> None:
    """A registry that names too small a size is believed, and the digest then tells."""
    registry = registry_of(LayerRecipe("ADD a", {"a": bytes(200_000)}))
    (digest,) = registry.blobs

    def answer(method: str, target: str, headers: Mapping[str, str]) -> Answer:
        if method == "HEAD":
            return Answer(200, {**VERSION, "Content-Length": "100"}, b"")
        return registry.answer(method, target)

    with LoopbackServer(answer) as server, pytest.raises(tk.VerificationError) as caught:
        tk.pull(f"{server.host}/teach/made:1", graph, policy="docker-1.9")
    assert caught.value.message == f"filesystem layer verification failed for digest {digest}"
    row = caught.value.report.layers.iloc[0]
    assert row["claimed_size"] == 100
    assert 100 <= row["size"] <= 32 * 1024 + 100
    assert [check.rule for check in caught.value.report.findings] == ["blob-size", "blob-digest"]
