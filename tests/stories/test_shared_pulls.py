"""Several pulls into one graph, by threads and by processes, some of which are killed: each blob once, and never a wrong byte."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from support.places import PROJECT
from support.slow_registry import SlowRegistry, until

import toolkit as tk
from toolkit import fsops
from toolkit.digests import Digest, sha256
from toolkit.graph.turns import Turns
from toolkit.progress.steps import Progress, Step
from toolkit.simulator.images import LayerRecipe, SimulatedImage, build_image

SIZE = 300_000
HALF = 128 * 1024
WAITS = 5.0
POLICIES = ["strict", "docker-1.9"]


def noise(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)  # noqa: S311  # the same bytes in every run


def image(tag: str, *sizes: int, first: int = 0) -> SimulatedImage:
    """An image of layers of these sizes; a layer is told by its number and its size."""
    layers = [
        LayerRecipe(f"ADD {number}", {"file": noise(size, number)}, word=f"{number}/{size}")
        for number, size in enumerate(sizes, first)
    ]
    return build_image("teach/shared", tag, layers)


ONE, TWO = image("1", SIZE, 2_000), image("2", SIZE, 2_000, 3_000)
BIG = max(ONE.blobs, key=lambda digest: len(ONE.blobs[digest]))


@contextmanager
def pulling(registry: SlowRegistry, graph: Path, tag: str = "1", *options: str) -> Iterator[subprocess.Popen[str]]:
    """A real process that pulls."""
    name = f"{registry.host}/teach/shared:{tag}"
    command = [sys.executable, "-m", "toolkit", "pull", "--progress", "json", name, "--graph", str(graph), *options]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as one:
        try:
            yield one
        finally:
            one.kill()


def has_begun(process: subprocess.Popen[str]) -> None:
    """A process that has said its first word, or heard the one it waits for."""
    assert process.stdout is not None
    assert process.stdout.read(1) == "{"


def ended(process: subprocess.Popen[str]) -> None:
    """A process that ends well."""
    output, errors = process.communicate(timeout=WAITS)
    assert process.returncode == 0, output + errors


def joins(graph: Path) -> pd.DataFrame:
    """What the pulls into a graph waited for, by all of its ledger."""
    return tk.Ledger.load(graph / "ledger").joins


def left(graph: Path, *killed: str) -> set[str]:
    """What is in ingest but the locks, and the last words of pulls that were killed."""
    keys = [sha256(f"turn: pull {name}".encode()).partition(":")[2] for name in killed]
    return {path.name for path in (graph / "ingest").iterdir()} - {"locks"} - {f"{key}.turn" for key in keys}


def is_sound(graph: Path) -> bool:
    """Whether every blob hashes to its name."""
    blobs = [path for path in (graph / "blobs").rglob("*") if path.is_file()]
    return bool(blobs) and all(hashlib.new(path.parent.name, path.read_bytes()).hexdigest() == path.name for path in blobs)


def has_the_rest(graph: Path, image: SimulatedImage) -> bool:
    """Whether all that is left of an image is the big layer, and nobody is at anything else.

    Under the seed's policy a download has a name of its own, so there may be one of any name.
    """
    committed = all(tk.Graph(graph).blobs.path(digest) for digest in image.blobs if digest != BIG)
    key = sha256(f"turn: blob {BIG}".encode()).partition(":")[2]
    files = list((graph / "ingest").iterdir())
    busy = [path for path in files if path.suffix in (".partial", ".json") and BIG[7:] not in path.name]
    turns = [
        path for path in files if path.suffix == ".turn" and path.stem != key and b'"digest"' not in (fsops.read(path) or b"")
    ]
    return committed and not busy and not turns and sum(path.suffix == ".part" for path in files) <= 1


def is_halfway(graph: Path, *, policy: str = "strict") -> bool:
    """Whether the first image is here but for half of the big layer, which lies on the disk."""
    if policy == "strict":
        path = partial(graph)
    else:
        path = max((graph / "ingest").glob("*.part"), key=lambda one: one.stat().st_size, default=partial(graph))
    return path.exists() and path.stat().st_size == HALF and (policy != "strict" or has_the_rest(graph, ONE))


def partial(graph: Path, digest: str = BIG) -> Path:
    return tk.Graph(graph).layout.partial(Digest.parse(digest))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where a graph will be."""
    return tmp_path / "graph"


@pytest.fixture
def registry() -> Iterator[SlowRegistry]:
    """A registry of one image, and of one that shares its layers."""
    with SlowRegistry(ONE, TWO) as registry:
        yield registry


# -- two processes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("tag", ["1", "2"])
def test_two_processes_share_a_download(registry: SlowRegistry, place: Path, tag: str, policy: str) -> None:
    hold = registry.hold(BIG, HALF)
    with pulling(registry, place, "1", "--policy", policy) as first:
        assert hold.reached.wait(WAITS)
        with pulling(registry, place, tag, "--policy", policy) as second:
            has_begun(second)
            until(lambda: tag == "1" or has_the_rest(place, TWO))
            hold.goes_on.set()
            ended(first)
            ended(second)
            owner = f"process {first.pid}"
    small = {digest: 1 for digest in registry.gets if digest != BIG}
    assert registry.gets[BIG] == 1
    assert policy == "docker-1.9" or registry.gets == small | {BIG: 1}
    (row,) = joins(place).query("subject.str.contains('sha256') or kind == 'pull'").to_dict("records")[:1]
    assert row["owner"] == owner
    assert row["outcome"] == "found"
    assert row["waited"] > 0
    assert left(place) == set()
    assert is_sound(place)
    assert set(tk.Graph(place).tags.all()[f"{registry.host}/teach/shared"]) == {"1", tag}


@pytest.mark.parametrize("tag", ["1", "2"])
def test_a_killed_owner_is_followed_and_its_bytes_are_used(registry: SlowRegistry, place: Path, tag: str) -> None:
    hold = registry.hold(BIG, HALF)
    with pulling(registry, place) as first:
        assert hold.reached.wait(WAITS)
        until(lambda: is_halfway(place))
        with pulling(registry, place, tag) as second:
            has_begun(second)
            until(lambda: tag == "1" or has_the_rest(place, TWO))
            first.kill()
            ended(second)
    assert registry.ranges_of(BIG) == [(None, 200), (f"bytes={HALF}-", 206)]
    assert registry.gets[BIG] == 2
    taken = joins(place).query("owner.str.startswith('process')")
    assert list(taken["owner"]) == [f"process {first.pid}"]
    assert left(place, f"{registry.host}/teach/shared:1") == set()
    assert is_sound(place)
    assert list(tk.Graph(place).tags.all()[f"{registry.host}/teach/shared"]) == [tag]


def test_a_killed_owner_of_a_registry_without_ranges_is_followed(place: Path) -> None:
    with SlowRegistry(ONE, ranges=False) as registry:
        hold = registry.hold(BIG, HALF)
        with pulling(registry, place) as first:
            assert hold.reached.wait(WAITS)
            until(lambda: has_the_rest(place, ONE))
            with pulling(registry, place) as second:
                has_begun(second)
                first.kill()
                ended(second)
        assert [status for _, status in registry.ranges_of(BIG)] == [200, 200]
    assert left(place) == set()
    assert is_sound(place)


def test_a_killed_joiner_harms_nobody(registry: SlowRegistry, place: Path) -> None:
    hold = registry.hold(BIG, HALF)
    with pulling(registry, place) as first:
        assert hold.reached.wait(WAITS)
        for tag in ("1", "2"):
            with pulling(registry, place, tag) as second:
                has_begun(second)
                until(lambda tag=tag: tag == "1" or has_the_rest(place, TWO))  # type: ignore[misc]
                second.kill()
        hold.goes_on.set()
        ended(first)
    assert registry.gets[BIG] == 1
    assert left(place, f"{registry.host}/teach/shared:2") == set()
    assert is_sound(place)


def test_three_processes_of_which_two_are_killed(registry: SlowRegistry, place: Path) -> None:
    """The owner is killed, then the one that took over from it; the third ends with the bytes of all."""
    hold = registry.hold(BIG, HALF)
    with pulling(registry, place) as first, pulling(registry, place) as second, pulling(registry, place) as third:
        processes = {str(one.pid): one for one in (first, second, third)}
        assert hold.reached.wait(WAITS)
        has_begun(second)
        has_begun(third)
        until(lambda: is_halfway(place))
        hold = registry.hold(BIG, 2 * HALF)
        _kill_owner(place, processes)
        assert hold.reached.wait(WAITS)
        until(lambda: partial(place).stat().st_size == 2 * HALF)
        _kill_owner(place, processes)
        (survivor,) = processes.values()
        ended(survivor)
    assert registry.ranges_of(BIG) == [(None, 200), (f"bytes={HALF}-", 206), (f"bytes={2 * HALF}-", 206)]
    assert left(place) == set()
    assert is_sound(place)


def _kill_owner(place: Path, processes: dict[str, subprocess.Popen[str]]) -> None:
    """Ask the kernel which of ours is at the blob, and end that one."""
    key = sha256(f"turn: blob {BIG}".encode()).partition(":")[2]
    with tk.Graph(place)._locks.attempt(key) as holder:
        assert holder is not None
    process = processes.pop(holder.removeprefix("process "))
    process.kill()
    process.wait(WAITS)


# -- threads -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", POLICIES)
def test_eight_threads_fetch_each_blob_of_overlapping_images_once(place: Path, policy: str) -> None:
    images = [image(str(number), *(1_000 + 100 * size for size in range(6)), 5_000 + number) for number in range(8)]
    errors: list[BaseException] = []

    def run(tag: str) -> None:
        try:
            tk.pull(f"{served.host}/teach/shared:{tag}", place, policy=policy)
        except BaseException as error:  # noqa: BLE001  # shown below
            errors.append(error)

    with SlowRegistry(*images) as served:
        threads = [threading.Thread(target=run, args=(one.tag,)) for one in images]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAITS)
        assert errors == []
        assert set(served.gets) == {digest for one in images for digest in one.blobs}
        assert policy == "docker-1.9" or set(served.gets.values()) == {1}
    assert left(place) == set()
    assert is_sound(place)
    graph = tk.Graph(place)
    assert len(graph.tags.all()[f"{served.host}/teach/shared"]) == 8
    assert len(graph) == 6 + 8


def test_opening_a_graph_takes_nothing_from_those_who_write(place: Path) -> None:
    """A pull that begins clears away what the killed left, and nothing of the living."""
    graph = tk.Graph(place)
    graph.prepare()
    errors: list[str] = []
    over = threading.Event()

    def again(work: Callable[[int], object]) -> None:
        number = 0
        while not over.is_set():
            try:
                work(number)
            except tk.ToolkitError as error:
                errors.append(error.message)
            number += 1

    def write(number: int) -> None:
        graph.blobs.add(f"{threading.get_ident()} {number}".encode())

    works = [lambda _: tk.Graph(place).prepare(), write, write]
    threads = [threading.Thread(target=again, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    time.sleep(1.5)
    over.set()
    for thread in threads:
        thread.join(WAITS)
    assert errors == []


def test_who_waits_for_a_slow_layer_of_the_same_image_does_not_give_up(registry: SlowRegistry, place: Path) -> None:
    """Bytes that come are words: a layer may take longer than the silence that is borne."""
    registry.delay = 0.08
    graphs = [tk.Graph(place) for _ in range(2)]
    errors: list[BaseException] = []
    began = threading.Event()

    def run(graph: tk.Graph) -> None:
        try:
            tk.pull(f"{registry.host}/teach/shared:1", graph, progress=lambda step: began.set() if _bytes(step) else None)
        except tk.ToolkitError as error:
            errors.append(error)

    for graph in graphs:
        graph.turns = Turns(graph.layout, graph._locks, silence=0.6)
    threads = [threading.Thread(target=run, args=(graph,)) for graph in graphs]
    threads[0].start()
    assert began.wait(WAITS)
    threads[1].start()
    for thread in threads:
        thread.join(WAITS)
    assert errors == []
    assert registry.gets[BIG] == 1


def _bytes(step: Step) -> bool:
    return isinstance(step, Progress) and step.action == "downloading"


# -- what a killed process leaves --------------------------------------------------------------------------------


@pytest.fixture
def broken(registry: SlowRegistry, place: Path) -> Path:
    """The partial of a process that was killed in the middle of a blob."""
    hold = registry.hold(BIG, HALF)
    with pulling(registry, place):
        assert hold.reached.wait(WAITS)
        until(lambda: is_halfway(place))
    registry.asked.clear()
    return partial(place)


def pull(registry: SlowRegistry, place: Path) -> tk.Report:
    return tk.pull(f"{registry.host}/teach/shared:1", place)


def test_a_partial_is_continued_by_a_later_pull(registry: SlowRegistry, place: Path, broken: Path) -> None:
    report = pull(registry, place)
    row = report.requests.query("range.notna()").iloc[0]
    assert (row["range"], row["status"], row["received"]) == (f"bytes={HALF}-", 206, len(ONE.blobs[BIG]) - HALF)
    assert registry.ranges_of(BIG) == [(f"bytes={HALF}-", 206)]
    assert not broken.exists()
    assert left(place) == set()
    assert is_sound(place)
    assert report.joins.empty


def test_a_partial_of_other_bytes_at_the_source_is_not_continued(registry: SlowRegistry, place: Path, broken: Path) -> None:
    """Another ETag is another thing, and the blob is fetched anew."""
    registry.tag = "v2"
    pull(registry, place)
    assert [status for _, status in registry.ranges_of(BIG)] == [206, 200]
    assert left(place) == set()
    assert is_sound(place)


def test_a_partial_that_was_changed_on_the_disk_is_fetched_anew_and_never_committed(
    registry: SlowRegistry, place: Path, broken: Path
) -> None:
    """The download goes on, and its digest is wrong; no answer is to blame, so the whole of it is asked for once more."""
    with broken.open("r+b") as file:
        file.seek(1_000)
        file.write(b"changed")
    report = pull(registry, place)
    assert report.requests["range"].dropna().tolist() == [f"bytes={HALF}-"]
    assert registry.ranges_of(BIG) == [(f"bytes={HALF}-", 206), (None, 200)]
    assert is_sound(place)
    assert left(place) == set()
    assert report.outcome == "accepted"


def test_a_partial_that_was_changed_and_a_source_that_lies_end_in_a_refusal(place: Path) -> None:
    """Then it is the one answer alone that is wrong, and its bytes are kept as evidence."""
    false = dict(ONE.blobs)
    false[BIG] = false[BIG][:-9] + b"not right"
    with SlowRegistry(replace(ONE, blobs=false)) as registry:
        hold = registry.hold(BIG, HALF)
        with pulling(registry, place):
            assert hold.reached.wait(WAITS)
            until(lambda: is_halfway(place))
        registry.asked.clear()
        with pytest.raises(tk.VerificationError):
            pull(registry, place)
        assert registry.ranges_of(BIG) == [(f"bytes={HALF}-", 206), (None, 200)]
    graph = tk.Graph(place)
    assert graph.blobs.path(BIG) is None
    assert graph.blobs.evidence(sha256(false[BIG])) is not None
    assert is_sound(place)
    assert left(place) == set()


def test_a_partial_that_is_a_link_is_not_written_to(registry: SlowRegistry, place: Path, broken: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(broken.read_bytes())
    broken.unlink()
    broken.symlink_to(victim)
    pull(registry, place)
    assert victim.read_bytes() == ONE.blobs[BIG][:HALF]
    assert registry.ranges_of(BIG) == [(None, 200)]
    assert left(place) == set()
    assert is_sound(place)


def test_a_partial_that_is_a_committed_blob_is_not_written_to(registry: SlowRegistry, place: Path, broken: Path) -> None:
    graph = tk.Graph(place)
    digest = graph.blobs.add(b"committed")
    blob = graph.layout.blob(digest)
    broken.unlink()
    os.link(blob, broken)
    blob.chmod(0o600)
    pull(registry, place)
    assert blob.read_bytes() == b"committed"
    assert registry.ranges_of(BIG) == [(None, 200)]
    assert left(place) == set()
    assert is_sound(place)


def test_a_note_that_lies_about_a_partial_does_no_harm(registry: SlowRegistry, place: Path, broken: Path) -> None:
    note = broken.with_suffix(".json")
    for text in (
        "",
        "[",
        "[]",
        "{}",
        '{"announced": -1, "validator": "x"}',
        '{"announced": 1e99, "validator": null}',
        "9" * 5000,
    ):
        note.write_text(text)
        pull(registry, place)
        assert is_sound(place)
        assert left(place) == set()
        tk.Graph(place).layout.blob(Digest.parse(BIG)).unlink()
        broken.write_bytes(ONE.blobs[BIG][:HALF])
    assert set(registry.ranges_of(BIG)) == {(None, 200)}


def test_a_directory_in_the_place_of_a_partial_does_no_harm(registry: SlowRegistry, place: Path, broken: Path) -> None:
    broken.unlink()
    broken.mkdir()
    pull(registry, place)
    assert registry.ranges_of(BIG) == [(None, 200)]
    assert left(place) == set()
    assert is_sound(place)


def test_a_killed_pull_of_the_seeds_policy_is_not_continued(registry: SlowRegistry, place: Path) -> None:
    hold = registry.hold(BIG, HALF)
    with pulling(registry, place, "1", "--policy", "docker-1.9"):
        assert hold.reached.wait(WAITS)
        until(lambda: is_halfway(place, policy="docker-1.9"))
    registry.asked.clear()
    tk.pull(f"{registry.host}/teach/shared:1", place, policy="docker-1.9")
    assert registry.ranges_of(BIG) == [(None, 200)]
    assert is_sound(place)


@pytest.mark.parametrize("policy", POLICIES)
def test_what_a_killed_pull_left_goes_away_with_the_next_of_any_image(registry: SlowRegistry, place: Path, policy: str) -> None:
    hold = registry.hold(BIG, HALF)
    with pulling(registry, place, "1", "--policy", policy):
        assert hold.reached.wait(WAITS)
        until(lambda: is_halfway(place, policy=policy))
    tk.pull(f"{registry.host}/teach/shared:2", place, policy=policy)
    assert left(place) == set()
    assert is_sound(place)
