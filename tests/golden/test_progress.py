"""Lines, thresholds and the broadcaster, as Docker 1.9's own code wrote, met and kept them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.places import needs_vectors, oracle

from toolkit.errors import SeedPanicError, UsageError
from toolkit.progress import stream_format
from toolkit.progress.history import History
from toolkit.progress.json_stream import SeedStream
from toolkit.progress.steps import Action, Message, Progress, Step
from toolkit.progress.threshold import ReadMeter

pytestmark = needs_vectors


def cases(name: str) -> list[Any]:
    return [pytest.param(case, id=f"{case['name'][:60]}-{number}") for number, case in enumerate(oracle(name))]


def written(case: dict[str, Any], *, as_json: bool) -> str:
    text, about = case["msg"], case.get("id", "")
    progress = (case.get("current", 0), case.get("total", 0))
    kinds: dict[tuple[str, bool], Callable[[], str]] = {
        ("status", True): lambda: stream_format.status_line(text, about),
        ("status", False): lambda: stream_format.plain_status(text),
        ("stream", True): lambda: stream_format.stream_line(text),
        ("stream", False): lambda: stream_format.plain_stream(text),
        ("error", True): lambda: stream_format.error_line(text),
        ("error", False): lambda: stream_format.plain_error(text),
        ("progress", True): lambda: stream_format.progress_object(text, about, *progress),
        ("progress", False): lambda: stream_format.plain_progress(text, *progress),
    }
    return kinds[case["kind"], as_json]()


@pytest.mark.parametrize("case", cases("streamformatter.json"))
def test_lines(case: dict[str, Any]) -> None:
    expected = case["result"]
    for as_json in (True, False):
        if "panic" in expected:
            with pytest.raises(SeedPanicError) as caught:
                written(case, as_json=as_json)
            assert caught.value.message == expected["panic"]
        else:
            (line,) = [output["output"] for output in expected["outputs"] if output["json"] is as_json]
            assert written(case, as_json=as_json) == line


@pytest.mark.parametrize("case", cases("progressreader.json"))
def test_reads(case: dict[str, Any]) -> None:
    chunks, meter = case["chunks"], ReadMeter(case["size"])
    reads = [(count, False) for count in chunks]
    if case["eof_with_last"]:
        reads[-1] = (chunks[-1], True)
    else:
        reads.append((0, True))
    due = [current for count, ended in reads for current in meter.read(count, ended=ended)]
    lines = [stream_format.progress_object("Downloading", "id", current, case["size"]) for current in due]
    assert lines == case["result"]["lines"]


ACTIONS: dict[str, Action] = {
    "Pulling fs layer": "waiting",
    "Downloading": "downloading",
    "Verifying Checksum": "verifying",
    "Download complete": "complete",
    "Extracting": "extracting",
    "Pull complete": "registered",
}


def streams() -> list[Any]:
    """The output of each whole pull that came to its end."""

    def found(value: Any) -> Iterator[list[str]]:
        for name, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
            if name == "stream" and part and '"Status: ' in part[-1]:
                yield part
            yield from found(part)

    cases = oracle("e2e_pulls.json")
    return [pytest.param(one, id=f"{case['name']}-{number}") for case in cases for number, one in enumerate(found(case))]


def told(line: str) -> Step:
    """What one of our pulls would have told where the model wrote this line."""
    document = json.loads(line)
    if "progressDetail" not in document:
        return Message(document["status"], document.get("id", ""))
    detail = document["progressDetail"]
    return Progress(
        digest="sha256:" + "0" * 64,
        action=ACTIONS[document["status"]],
        current=detail.get("current", 0),
        total=detail.get("total"),
        image_id=document["id"] + "0" * 52,
    )


@pytest.mark.parametrize("stream", streams())
def test_whole_pulls(stream: list[str]) -> None:
    """Each step told once: how often it becomes a line, at the end of a download and of a layer, is the model's.

    Layer by layer, for the model's own threads overtake each other.
    """
    lines: list[str] = []
    tell = SeedStream(lines.append)
    for number, line in enumerate(stream):
        if line not in stream[:number]:
            tell(told(line))
    assert by_layer(lines) == by_layer(stream)


def by_layer(lines: list[str]) -> list[str]:
    return sorted(lines, key=lambda line: str(json.loads(line).get("id", "")))


PUSHED = "the model pushed into writers and counted; here a listener pulls, and an entry is kept whole or refused"
DIFFERS = {
    "add_after_close_error": "the model refused who came after close; here the whole history is theirs, so that a pull that"
    " joins another at its last moment misses nothing",
    "write_n": PUSHED,
    "write_after_close_n": PUSHED,
}
"""What of the model's broadcaster is not kept, and why.

Two more differences show in no vector: ``close`` does not wait for listeners (weakness W7: one stalled client held the lock
of the tag store), and a listener that fails needs no dropping, for nobody calls it.
"""


@pytest.mark.parametrize("case", cases("broadcaster.json"))
def test_history_keeps_what_the_broadcaster_did(case: dict[str, Any]) -> None:
    history = History[str]()
    kept: dict[str, Any] = {"name": case["name"]}
    if case["name"] == "history-replay-close":
        early, failing = history.follow(), history.follow()
        history.write("one")
        heard = [next(failing)]  # and never asks again
        history.write("")
        late = history.follow()
        for entry in ("two", "three"):
            history.write(entry)
        history.close(RuntimeError("boom"))
        with pytest.raises(UsageError) as caught:
            history.write("four")
        kept |= {
            "add_error": None,
            "late_add_error": None,
            "early_observer": list(early),
            "late_observer": list(late),
            "failing_observer_calls": len(heard),
            "write_error": None,
            "write_after_close_error": caught.value.message,
        }
        assert list(history.follow()) == kept["early_observer"], "what the model refused"
    history.close()
    error = history.wait()
    kept["wait"] = None if error is None else str(error)
    assert kept == {name: value for name, value in case.items() if name not in DIFFERS}
