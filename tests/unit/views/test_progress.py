"""Progress: bars where a person looks, lines in a pipe, one widget in a notebook."""

from __future__ import annotations

import io
import json
import re
import threading
from typing import Any

import pytest

import toolkit as tk
from toolkit.progress.steps import Action, Message, Progress
from toolkit.progress.stream_format import error_line, progress_object, status_line
from toolkit.sources.protocol import Source
from toolkit.views.progress import JsonProgress, TerminalProgress, human
from toolkit.views.widgets import PullProgress

ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self) -> bool:
        return True


def steps(digest: str, total: int | None, *, end: str = "complete") -> list[Progress]:
    size = total or 10
    last = Progress(digest, "complete" if end == "complete" else "failed", size, total)
    return [
        Progress(digest, "downloading", size // 2, total),
        Progress(digest, "downloading", size, total),
        Progress(digest, "verifying", size, total),
        last,
    ]


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1, "1 B"), (999, "999 B"), (1000, "1.0 kB"), (1234, "1.2 kB"), (88_100_000, "88.1 MB"), (2 * 10**12, "2.0 TB")],
)
def test_sizes_are_written_for_people(count: int, text: str) -> None:
    assert human(count) == text


def test_a_pipe_gets_one_line_for_each_layer_when_it_ends() -> None:
    stream = io.StringIO()
    show = TerminalProgress(stream)
    for step in [*steps(ONE, 2000)[:-1], *steps(TWO, None, end="failed"), steps(ONE, 2000)[-1]]:
        show(step)
    assert stream.getvalue() == "222222222222  failed       10 B\n111111111111  complete     2.0 kB\n"


def drawn(stream: io.StringIO) -> list[str]:
    """What a terminal shows in the end: cursor moves and cleared lines obeyed."""
    lines: list[str] = []
    row = 0
    for part in re.findall(r"\x1b\[\d+A|\x1b\[2K|\n|[^\x1b\n]+", stream.getvalue()):
        if part.endswith("A") and part.startswith("\x1b"):
            row -= int(part[2:-1])
            assert row >= 0
        elif part == "\n":
            row += 1
        elif part == "\x1b[2K":
            lines[row : row + 1] = [""]
        else:
            lines[row] += part
    return lines


def test_a_terminal_shows_one_line_for_each_layer_as_it_stands() -> None:
    stream = Terminal()
    show = TerminalProgress(stream)
    for step in (steps(ONE, 2000)[0], *steps(TWO, 300), *steps(ONE, 2000, end="failed")):
        show(step)
    assert drawn(stream) == ["111111111111  failed       2.0 kB", "222222222222  complete     300 B"]


def test_a_bar_is_as_full_as_the_layer() -> None:
    stream = Terminal()
    show = TerminalProgress(stream)
    show(Progress(ONE, "downloading", 1000, 4000))
    assert drawn(stream) == [f"111111111111  downloading  [{'=' * 7}{' ' * 23}] 1.0 kB of 4.0 kB"]


@pytest.mark.parametrize(("current", "total", "bar"), [(9000, 4000, "=" * 30), (0, 4000, " " * 30), (4000, 4000, "=" * 30)])
def test_a_bar_never_leaves_its_frame(current: int, total: int, bar: str) -> None:
    stream = Terminal()
    TerminalProgress(stream)(Progress(ONE, "downloading", current, total))
    assert f"[{bar}]" in drawn(stream)[0]


@pytest.mark.parametrize("total", [None, 0])
def test_a_layer_of_unknown_size_has_no_bar(total: int | None) -> None:
    stream = Terminal()
    TerminalProgress(stream)(Progress(ONE, "downloading", 5, total))
    assert drawn(stream) == ["111111111111  downloading  5 B"]


def test_hostile_digests_are_shown_and_not_obeyed() -> None:
    for stream in (io.StringIO(), Terminal()):
        TerminalProgress(stream)(Progress("\x1b]0;owned\x07", "complete", 5, 5))
        shown = stream.getvalue().replace("\x1b[2K", "")
        assert "\x1b" not in shown
        assert "\\x1b]0;owned" in shown


@pytest.mark.parametrize(
    ("action", "line"),
    [
        ("waiting", "111111111111  waiting"),
        ("joined", "111111111111  joined       waiting for whoever fetches it already"),
        ("extracting", f"111111111111  extracting   [{'=' * 15}{' ' * 15}] 5 B of 10 B"),
        ("registered", "111111111111  registered   5 B"),
        ("poli\x1bshing", f"111111111111  poli\\x1bshing [{'=' * 15}{' ' * 15}] 5 B of 10 B"),
    ],
)
def test_every_action_is_shown_and_an_unknown_one_crashes_nothing(action: Any, line: str) -> None:
    stream = Terminal()
    TerminalProgress(stream)(Progress(ONE, action, 5, 10))
    assert drawn(stream) == [line]


def test_negative_counts_draw_an_empty_bar() -> None:
    stream = Terminal()
    TerminalProgress(stream)(Progress(ONE, "downloading", -5, 10))
    assert f"[{' ' * 30}]" in drawn(stream)[0]


LATE: list[Action] = ["waiting", "joined", "downloading", "verifying"]


@pytest.mark.parametrize("late", LATE)
def test_a_complete_layer_stays_complete(late: Action) -> None:
    stream, pipe, show = Terminal(), io.StringIO(), PullProgress()
    for tell in (TerminalProgress(stream), TerminalProgress(pipe), show):
        for step in (Progress(ONE, "complete", 10, 10), Progress(ONE, late, 5, 10), Progress(ONE, "complete", 10, 10)):
            tell(step)
    assert drawn(stream) == ["111111111111  complete     10 B"]
    assert pipe.getvalue() == "111111111111  complete     10 B\n", "said once"
    assert "complete 10 B of 10 B" in show.widget.value


def test_a_pipe_hears_of_the_end_once_but_of_a_failure_always() -> None:
    stream = io.StringIO()
    show = TerminalProgress(stream)
    actions: list[Action] = ["waiting", "downloading", "verifying", "complete", "extracting", "registered", "failed"]
    for action in actions:
        show(Progress(ONE, action, 10, 10))
    show(Progress(TWO, "joined", 0, None))
    show(Progress(TWO, "registered", 10, 10))
    assert stream.getvalue() == (
        "111111111111  complete     10 B\n111111111111  failed       10 B\n222222222222  registered   10 B\n"
    )


def test_sentences_are_lines_in_a_pipe() -> None:
    stream = io.StringIO()
    show = TerminalProgress(stream)
    show(Message("Pulling from a/b", "latest"))
    show(Message("Digest: \x1b[31m"))
    assert stream.getvalue() == "latest: Pulling from a/b\nDigest: \\x1b[31m\n"


def test_sentences_stand_above_the_bars() -> None:
    stream = Terminal()
    show = TerminalProgress(stream)
    show(Message("Pulling from a/b", "latest"))
    show(Progress(ONE, "complete", 10, 10))
    show(Progress(TWO, "downloading", 0, None))
    show(Message("Digest: x"))
    assert drawn(stream) == [
        "latest: Pulling from a/b",
        "Digest: x",
        "111111111111  complete     10 B",
        "222222222222  downloading  0 B",
    ]


def test_threads_may_tell_at_once() -> None:
    stream = io.StringIO()
    show = TerminalProgress(stream)
    digests = [f"sha256:{number:064x}" for number in range(8)]

    def tell(digest: str) -> None:
        for step in steps(digest, 10):
            show(step)

    threads = [threading.Thread(target=tell, args=(digest,)) for digest in digests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(stream.getvalue().splitlines()) == sorted(f"{digest[7:19]}  complete     10 B" for digest in digests)


# -- the model's lines -------------------------------------------------------------------------------------------


def tell_all(show: JsonProgress) -> str:
    """Tell a little of everything and return what must be written."""
    show(Message("Pulling from a/é", "latest"))
    show(Progress(ONE, "waiting", 0, None))
    show.error("boom")
    return status_line("Pulling from a/é", "latest") + progress_object("Pulling fs layer", "1" * 12) + error_line("boom")


def test_the_models_lines_go_to_standard_output(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    expected = tell_all(JsonProgress())
    assert capsysbinary.readouterr() == (expected.encode("utf-8"), b"")


class Counting(io.BytesIO):
    """Bytes that count how often they were flushed."""

    flushes = 0

    def flush(self) -> None:
        self.flushes += 1


def test_each_line_is_flushed_and_in_utf_8_whatever_the_locale() -> None:
    raw = Counting()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    print("before", file=stream)
    expected = tell_all(JsonProgress(stream))
    assert raw.getvalue() == b"before\n" + expected.encode("utf-8")
    assert raw.flushes >= 3


def test_a_stream_of_text_alone_will_do() -> None:
    stream = io.StringIO(newline="")
    assert tell_all(JsonProgress(stream)) == stream.getvalue()


def test_on_a_terminal_the_lines_do_not_act_and_mean_the_same() -> None:
    stream = Terminal(newline="")
    text = "\x9b31m\u202eevil\U000e0001 é"
    JsonProgress(stream)(Message(text))
    shown = stream.getvalue()
    assert shown.endswith("}\r\n")
    assert shown[:-2].isprintable()
    assert json.loads(shown) == {"status": text}
    assert "é" in shown


# -- notebooks ---------------------------------------------------------------------------------------------------


def test_a_widget_has_a_bar_for_each_layer() -> None:
    show = PullProgress()
    assert show.widget.value == "waiting for layers"
    assert repr(show) == "0 of 0 layers complete"
    for step in (*steps(ONE, 2000), *steps(TWO, None, end="failed")):
        show(step)
    value = show.widget.value
    assert value.count("<progress") == 2
    assert 'max="2000" value="2000"' in value
    assert "111111111111 complete 2.0 kB of 2.0 kB" in value
    assert "222222222222 failed 10 B" in value
    assert 'aria-label="layer 111111111111"' in value
    assert repr(show) == "1 of 2 layers complete"


def test_a_widget_escapes_what_comes_from_outside() -> None:
    show = PullProgress()
    show(Progress('x:"><img>\x1b', "complete", 1, 1))
    assert "<img" not in show.widget.value
    assert "&quot;&gt;&lt;img&gt;" in show.widget.value
    assert "\x1b" not in show.widget.value


def test_a_widget_shows_the_last_sentence_above_the_layers() -> None:
    show = PullProgress()
    show(Message("Pulling from a/b", "latest"))
    show(Progress(ONE, "complete", 10, 10))
    show(Message("<b>\x1b", ""))
    value = show.widget.value
    assert "Pulling" not in value
    assert value.index("&lt;b&gt;\\x1b</div>") < value.index("<progress")


@pytest.mark.parametrize(
    ("action", "text"),
    [
        ("waiting", "111111111111 waiting </div>"),
        ("joined", "111111111111 joined </div>"),
        ("extracting", "111111111111 extracting 5 B of 10 B"),
        ("registered", "111111111111 registered 5 B of 10 B"),
        ("<b>", "111111111111 &lt;b&gt; 5 B of 10 B"),
    ],
)
def test_a_widget_shows_every_action(action: Any, text: str) -> None:
    show = PullProgress()
    show(Progress(ONE, action, 5, 10))
    show(Message("now"))
    assert text in show.widget.value
    assert repr(show) == f"{int(action in ('extracting', 'registered'))} of 1 layers complete"


def test_a_layer_without_bytes_has_a_bar_that_is_allowed() -> None:
    show = PullProgress()
    show(Progress(ONE, "failed", 0, None))
    assert 'max="1" value="0"' in show.widget.value


def test_a_widget_prints_nothing_and_shows_itself(capsys: pytest.CaptureFixture[str], graph: tk.Graph, teaching: Source) -> None:
    show = PullProgress()
    tk.pull("teach/clean:1", graph, source=teaching, progress=show)
    assert repr(show) == "3 of 3 layers complete"
    assert capsys.readouterr() == ("", "")
    show._ipython_display_()
    assert "HTML(value=" in capsys.readouterr().out
