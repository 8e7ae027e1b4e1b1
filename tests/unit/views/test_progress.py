"""Progress: bars where a person looks, lines in a pipe, one widget in a notebook."""

from __future__ import annotations

import io
import re
import threading

import pytest

import toolkit as tk
from toolkit.pulling.transfer import Progress
from toolkit.sources.protocol import Source
from toolkit.views.progress import TerminalProgress, human
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
