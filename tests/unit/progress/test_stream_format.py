"""The model's lines: fields, what is left out, escapes, ends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from toolkit.errors import SeedPanicError
from toolkit.progress import stream_format as sf


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (sf.status_line("Pulling", "1.24"), '{"status":"Pulling","id":"1.24"}\r\n'),
        (sf.status_line("Pulling"), '{"status":"Pulling"}\r\n'),
        (sf.status_line(""), "{}\r\n"),
        (sf.stream_line("x"), '{"stream":"x"}\r\n'),
        (sf.error_line("no"), '{"errorDetail":{"message":"no"},"error":"no"}\r\n'),
        (sf.error_line(""), '{"errorDetail":{}}\r\n'),
        (sf.progress_object("Pull complete", "abc"), '{"status":"Pull complete","progressDetail":{},"id":"abc"}'),
        (
            sf.progress_object("Downloading", "abc", 5),
            '{"status":"Downloading","progressDetail":{"current":5},"progress":"     5 B","id":"abc"}',
        ),
        (sf.plain_status("Pulling"), "Pulling\r\n"),
        (sf.plain_stream("x"), "x\r"),
        (sf.plain_error("no"), "Error: no\r\n"),
        (sf.plain_progress("Pull complete"), "Pull complete \r\n"),
        (sf.plain_progress("Downloading", 5), "Downloading      5 B\r"),
    ],
)
def test_a_line_is_the_models(line: str, expected: str) -> None:
    assert line == expected


@pytest.mark.parametrize(
    "text", ["<a&b>", 'say "no"', "back\\slash", "tab\tline\r\n", "\x00\x08\x0c\x1f", "\u2028\u2029", "é 🐋"]
)
def test_every_text_comes_back(text: str) -> None:
    for line in (sf.status_line(text, text), sf.error_line(text), sf.progress_object(text, text, 1, 2)):
        document: dict[str, Any] = json.loads(line)
        assert text in document.values()
        assert not set("<&>\u2028\u2029") & set(line)


def test_what_is_no_character_is_escaped_as_a_wrong_byte() -> None:
    assert sf.status_line("a\udcffb\ud800") == '{"status":"a\\ufffdb\\ufffd"}\r\n'


@pytest.mark.parametrize(
    ("current", "total", "text"),
    [
        (0, 0, ""),
        (-1, -1, ""),
        (5, 0, "     5 B"),
        (5, -1, "     5 B"),
        (0, 100, "[>" + " " * 50 + "]      0 B/100 B"),
        (-1, 100, "[>" + " " * 50 + "]     -1 B/100 B"),
        (29, 100, "[" + "=" * 14 + ">" + " " * 36 + "]     29 B/100 B"),
        (58, 100, "[" + "=" * 28 + ">" + " " * 22 + "]     58 B/100 B"),
        (100, 100, "[" + "=" * 50 + ">]    100 B/100 B"),
        (150, 100, "[" + "=" * 50 + ">]    150 B"),
    ],
)
def test_a_bar_is_cut_and_capped(current: int, total: int, text: str) -> None:
    assert sf.bar(current, total) == text


def test_bar_is_cut_from_a_float_as_in_the_model() -> None:
    assert 0.58 * 100 < 58, "which is why 58 of 100 need not be 29 signs: Go divides first"
    assert sf.bar(58, 100).count("=") == int(int(58 / 100 * 100) / 2)


@pytest.mark.parametrize(("width", "framed"), [(200, True), (111, True), (110, False), (0, False)])
def test_a_narrow_terminal_gets_numbers_alone(width: int, framed: bool) -> None:  # noqa: FBT001
    numbers = "     5 B/10 B"
    assert sf.bar(5, 10, width=width) == (f"[{'=' * 25}>{' ' * 25}] {numbers}" if framed else numbers)
    assert json.loads(sf.progress_object("a", "b", 5, 10, width=width))["progress"] == sf.bar(5, 10, width=width)
    assert sf.plain_progress("a", 5, 10, width=width) == f"a {sf.bar(5, 10, width=width)}\r"


def test_what_crashed_the_model_is_said_to_do_so() -> None:
    with pytest.raises(SeedPanicError, match="negative Repeat count"):
        sf.bar(-5, 10)
    assert sf.bar(-5, 10, width=80) == "    -5 B/10 B", "without a bar nothing is repeated"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (1536, "1.536 kB"),
        (99995, "100 kB"),
        (999_999, "1000 kB"),
        (-12345, "-1.234e+04 B"),
        (2**63 - 1, "9.223 EB"),
        (10**30, "1e+06 YB"),
    ],
)
def test_sizes_have_four_digits(count: int, text: str) -> None:
    assert sf.human(count) == text
