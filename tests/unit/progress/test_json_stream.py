"""Our steps, in the model's words."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from toolkit.progress.history import History
from toolkit.progress.json_stream import SeedStream
from toolkit.progress.steps import Action, Message, Progress, Step
from toolkit.progress.stream_format import error_line, progress_object, status_line

ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64
ID = "1" * 12


def said(*steps: Step) -> list[str]:
    """What is written, shortly: status and the bytes, if any."""
    lines: list[str] = []
    tell = SeedStream(lines.append)
    for step in steps:
        tell(step)
    return [brief(line) for line in lines]


def brief(line: str) -> str:
    document: dict[str, Any] = json.loads(line)
    detail = document.get("progressDetail", {})
    return " ".join([document["status"], *(f"{name}={value}" for name, value in detail.items())])


def step(action: Action, current: int = 0, total: int | None = None, digest: str = ONE) -> Progress:
    return Progress(digest, action, current, total)


def test_a_pull_reads_as_the_models() -> None:
    lines: list[str] = []
    tell = SeedStream(lines.append)
    tell(Message("Pulling from library/busybox", "1.24"))
    for one in (
        step("waiting"),
        step("downloading", 60, 100),
        step("downloading", 100, 100),
        step("verifying", 100, 100),
        step("complete", 100, 100),
        step("extracting", 100, 100),
        step("registered", 100, 100),
    ):
        tell(one)
    tell(Message("Digest: sha256:00"))
    tell.error("boom")
    assert lines == [
        status_line("Pulling from library/busybox", "1.24"),
        progress_object("Pulling fs layer", ID),
        progress_object("Downloading", ID, 60, 100),
        progress_object("Downloading", ID, 100, 100),
        progress_object("Verifying Checksum", ID),
        progress_object("Download complete", ID),
        progress_object("Extracting", ID, 100, 100),
        progress_object("Extracting", ID, 100, 100),
        progress_object("Extracting", ID, 100, 100),
        progress_object("Pull complete", ID),
        status_line("Digest: sha256:00"),
        error_line("boom"),
    ]


def test_reads_below_the_threshold_are_not_told() -> None:
    assert said(*(step("downloading", 100 * number, 100_000) for number in range(1, 25))) == [
        "Downloading current=1100 total=100000",
        "Downloading current=2200 total=100000",
    ]


def test_a_download_ends_with_its_last_bytes_where_its_size_is_known() -> None:
    assert said(step("downloading", 10, 10), step("downloading", 10, 10), step("verifying", 10, 10)) == [
        "Downloading current=10 total=10",
        "Verifying Checksum",
    ]
    assert said(step("downloading", 99_500, 100_000), step("downloading", 100_000, 100_000), step("verifying", 1)) == [
        "Downloading current=99500 total=100000",
        "Downloading current=100000 total=100000",
        "Verifying Checksum",
    ], "whatever the threshold"


@pytest.mark.parametrize(("total", "size"), [(None, ""), (10, " total=10")])
def test_a_download_that_is_cut_or_of_unknown_size_ends_with_one_more_read(total: int | None, size: str) -> None:
    assert said(step("downloading", 5, total), step("verifying", 5, total))[-3:] == [
        f"Downloading current=5{size}",
        f"Downloading current=5{size}",
        "Verifying Checksum",
    ]


def test_more_than_the_size_is_told_by_the_threshold() -> None:
    assert said(*(step("downloading", current, 1000) for current in (1000, 1005, 1011)), step("verifying", 1011)) == [
        "Downloading current=1000 total=1000",
        "Downloading current=1011 total=1000",
        "Verifying Checksum",
    ]


def test_an_empty_layer_ends_twice_as_in_the_model() -> None:
    assert said(step("waiting"), step("verifying", 0, 0), step("complete")) == [
        "Pulling fs layer",
        "Downloading",
        "Downloading",
        "Verifying Checksum",
        "Download complete",
    ]


def test_bytes_that_were_not_seen_coming_are_not_invented() -> None:
    assert said(step("verifying", 5, 5), step("complete", 5, 5)) == ["Verifying Checksum", "Download complete"]


def test_a_joined_layer_shows_that_it_is_wanted_and_no_more() -> None:
    assert said(step("joined")) == ["Pulling fs layer"]
    assert said(step("waiting"), step("joined"), step("waiting"), step("registered")) == ["Pulling fs layer", "Pull complete"]


def test_a_failure_is_left_to_the_error_line_and_a_new_attempt_starts_anew() -> None:
    assert said(step("downloading", 5, 10), step("failed", 5, 10)) == ["Downloading current=5 total=10"]
    assert said(step("waiting"), step("downloading", 5, 10), step("failed"), step("waiting"), step("downloading", 1, 10)) == [
        "Pulling fs layer",
        "Downloading current=5 total=10",
        "Pulling fs layer",
        "Downloading current=1 total=10",
    ]


def test_late_steps_and_unknown_ones_are_not_told() -> None:
    unknown: Any = "polishing"
    assert said(
        step("complete"),
        step("verifying"),
        step("downloading", 5, 10),
        step(unknown),
        step("complete"),
        step("registered"),
        step("extracting", 5, 5),
    ) == ["Download complete", "Pull complete"]
    assert said(step("downloading", 5, 10), step("downloading", 4, 10), step("downloading", -1, 10)) == [
        "Downloading current=5 total=10"
    ]
    assert said(step("verifying"), step("verifying")) == ["Downloading", "Downloading", "Verifying Checksum"]


@pytest.mark.parametrize("total", [None, 0, -1, 2**63])
def test_a_size_that_nobody_can_know_is_unknown(total: int | None) -> None:
    assert said(step("downloading", 600_000, total)) == ["Downloading current=600000"]


def test_extracting_may_follow_at_once() -> None:
    assert said(step("downloading", 5, 10), step("extracting", 10, 10)) == [
        "Downloading current=5 total=10",
        "Downloading current=5 total=10",
        "Downloading current=5 total=10",
        "Extracting current=10 total=10",
    ]


@pytest.mark.parametrize(
    ("digest", "image_id", "shown"),
    [(ONE, "", ID), (ONE, "abcdef" * 8, "abcdefabcdef"), ("plain", "", "plain"), ("sha512:" + "3" * 128, "", "3" * 12)],
)
def test_a_layer_is_called_by_its_image_where_it_has_one(digest: str, image_id: str, shown: str) -> None:
    lines: list[str] = []
    SeedStream(lines.append)(Progress(digest, "waiting", 0, None, image_id))
    assert lines == [progress_object("Pulling fs layer", shown)]


def test_one_digest_of_two_images_is_two_layers() -> None:
    steps = [Progress(ONE, "waiting", 0, None, image_id) for image_id in ("a" * 64, "b" * 64)]
    assert said(*steps) == ["Pulling fs layer", "Pulling fs layer"]


def test_a_narrow_terminal_is_thought_of() -> None:
    lines: list[str] = []
    SeedStream(lines.append, width=80)(step("downloading", 5, 10))
    assert lines == [progress_object("Downloading", ID, 5, 10, width=80)]


def test_eight_threads_tell_into_one_history() -> None:
    history = History[str]()
    tell = SeedStream(history.write)
    digests = [f"sha256:{number}{'0' * 63}" for number in range(8)]
    start = threading.Barrier(8)

    def work(digest: str) -> None:
        start.wait(30)
        tell(step("waiting", digest=digest))
        for current in range(1, 101):
            tell(step("downloading", current, 100, digest))
        for action in ("verifying", "complete", "registered"):
            tell(Progress(digest, action, 100, 100))

    threads = [threading.Thread(target=work, args=(digest,)) for digest in digests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    history.close()
    lines = list(history.follow())
    for digest in digests:
        mine = [brief(line) for line in lines if json.loads(line)["id"] == digest[7:19]]
        currents = [line for line in mine if "current" in line]
        assert currents == [f"Downloading current={current} total=100" for current in range(2, 101, 2)]
        assert [line for line in mine if line not in currents] == [
            "Pulling fs layer",
            "Verifying Checksum",
            "Download complete",
            "Pull complete",
        ]
