"""What is asked for again, how often and when."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Final

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.virtual_clock import VirtualClock

import toolkit as tk
from toolkit.errors import DeadlineError, RateLimitError, RegistryResponseError, SourceError, UnreachableError
from toolkit.records import Endpoint, Request
from toolkit.sources import retries
from toolkit.sources.foreign import ForeignTransport
from toolkit.sources.retries import AGAIN, MAX_TRIES, PATIENCE, asked_pause, pause, remaining
from toolkit.sources.wire import Answer, Wire

Outcome = int | Exception | tuple[int, dict[str, str]]


class Talk:
    """A wire over answers that come one after the other, the last one for ever."""

    def __init__(self, *outcomes: Outcome, as_seed: bool = False) -> None:
        self.clock = VirtualClock()
        self.records: deque[Endpoint | Request] = deque()
        self.sent: list[httpx.Request] = []
        self._outcomes = itertools.chain(outcomes, itertools.repeat(outcomes[-1]))
        transport = ForeignTransport(httpx.MockTransport(self._answer))
        self.wire = Wire(transport, self.records, user_agent="test", as_seed=as_seed, clock=self.clock)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        outcome = next(self._outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        status, headers = (outcome, {}) if isinstance(outcome, int) else outcome
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(b"body"))

    def ask(self, method: str = "GET", attempt: int = 1) -> Answer:
        """Send one question."""
        return self.wire.send(method, "http://h/v2/", attempt=attempt)

    @property
    def rows(self) -> list[Request]:
        """The rows of the exchanges."""
        return [row for row in self.records if isinstance(row, Request)]


# -- what is asked again -----------------------------------------------------------------------------------------


def test_what_passes_is_asked_again() -> None:
    assert sorted(AGAIN) == [429, 502, 503, 504]
    assert (MAX_TRIES, PATIENCE) == (5, 60.0)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("status", sorted(AGAIN))
def test_an_answer_that_passes_is_waited_out(status: int, method: str) -> None:
    talk = Talk(status, status, 200)
    answer = talk.ask(method)
    answer.read(10, "it")
    assert answer.status == 200
    assert [(row.status, row.attempt, row.method) for row in talk.rows] == [
        (status, 1, method),
        (status, 2, method),
        (200, 3, method),
    ]
    assert len(talk.clock.slept) == 2


@pytest.mark.parametrize("status", sorted(AGAIN))
def test_after_five_tries_the_answer_stands(status: int) -> None:
    talk = Talk(status)
    answer = talk.ask()
    assert answer.status == status
    answer.close()
    assert len(talk.sent) == 5
    assert [row.attempt for row in talk.rows] == [1, 2, 3, 4, 5]
    assert len(talk.clock.slept) == 4


@pytest.mark.parametrize("status", [200, 206, 301, 304, 400, 401, 403, 404, 416, 418, 500, 501, 505, 511, 599])
def test_any_other_answer_stands_at_once(status: int) -> None:
    talk = Talk(status, 200)
    talk.ask().close()
    assert len(talk.sent) == 1
    assert talk.clock.slept == []


def test_a_reset_is_asked_again_and_every_try_is_a_row() -> None:
    talk = Talk(httpx.ReadError("reset"), httpx.ReadError("cut"), 200)
    talk.ask().close()
    assert [(row.attempt, row.status, row.error) for row in talk.rows] == [
        (1, None, "reset"),
        (2, None, "cut"),
        (3, 200, None),
    ]
    assert len(talk.clock.slept) == 2


def test_resets_without_end_are_unreachable() -> None:
    talk = Talk(httpx.ReadError("reset"))
    with pytest.raises(UnreachableError, match="reset"):
        talk.ask()
    assert len(talk.sent) == 5


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectError("refused"), UnreachableError),
        (httpx.ConnectTimeout("slow"), DeadlineError),
        (httpx.ReadTimeout("slow"), DeadlineError),
        (httpx.WriteError("broken"), UnreachableError),
        (httpx.CloseError("stopped"), UnreachableError),
        (httpx.RemoteProtocolError("not HTTP"), RegistryResponseError),
        (httpx.LocalProtocolError("a line break"), RegistryResponseError),
        (httpx.UnsupportedProtocol("gopher"), RegistryResponseError),
        (tk.errors.AddressError("no business there"), tk.errors.AddressError),
    ],
)
def test_what_does_not_pass_is_not_asked_again(error: Exception, kind: type[SourceError]) -> None:
    talk = Talk(error, 200)
    with pytest.raises(kind) as caught:
        talk.ask()
    assert type(caught.value) is kind
    assert len(talk.sent) == len(talk.rows) == 1
    assert talk.clock.slept == []


@pytest.mark.parametrize("outcome", [429, 502, 503, 504, httpx.ReadError("reset")])
def test_docker_asked_once(outcome: Outcome) -> None:
    talk = Talk(outcome, 200, as_seed=True)
    try:
        talk.ask().close()
    except UnreachableError:
        assert isinstance(outcome, Exception)
    assert len(talk.sent) == len(talk.rows) == 1


def test_resets_and_busy_answers_share_the_five_tries() -> None:
    talk = Talk(503, httpx.ReadError("reset"), 429, httpx.ReadError("reset"), 502)
    assert talk.ask().status == 502
    assert len(talk.sent) == 5


def test_a_later_try_of_the_same_blob_counts_on() -> None:
    talk = Talk(503, 200)
    talk.ask(attempt=3).close()
    assert [row.attempt for row in talk.rows] == [3, 4]


@pytest.mark.parametrize("status", sorted(AGAIN))
def test_a_registry_may_ask_for_a_minute_and_no_more(status: int) -> None:
    talk = Talk((status, {"Retry-After": "60"}), (status, {"Retry-After": "0"}), 200)
    talk.ask().close()
    assert talk.clock.slept == [60.0, 0.0]
    talk = Talk((status, {"Retry-After": "61"}), 200)
    with pytest.raises(RateLimitError) as caught:
        talk.ask()
    assert caught.value.message == f"the registry answered {status} and asks to wait: '61'"
    assert talk.clock.slept == []
    assert [(row.status, row.retry_after) for row in talk.rows] == [(status, "61")]


def test_retry_after_counts_for_nothing_on_an_answer_that_stands() -> None:
    talk = Talk((200, {"Retry-After": "1000000"}))
    assert talk.ask().status == 200


# -- how long ----------------------------------------------------------------------------------------------------


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses as users have them; tests have shorter ones."""
    monkeypatch.setattr(retries, "_FIRST_PAUSE", 1.0)


@pytest.mark.parametrize(("attempt", "middle"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 60), (8, 60), (50, 60)])
def test_a_pause_doubles_up_to_a_minute_and_is_never_the_same(unhurried: None, attempt: int, middle: float) -> None:
    pauses = [pause(attempt) for _ in range(50)]
    assert all(middle * 0.5 <= one <= middle * 1.5 for one in pauses)
    assert len(set(pauses)) > 40


def test_five_tries_take_less_than_half_a_minute(unhurried: None) -> None:
    talk = Talk(503)
    talk.ask().close()
    assert 7.5 <= talk.clock.spent <= 22.5


def at(seconds: float) -> str:
    """A date so many seconds from now, as HTTP writes it."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


def asked(text: str | None) -> float | None:
    headers = {} if text is None else {"Retry-After": text}
    return asked_pause(headers, where="http://h/", status=503)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(None, None), ("0", 0), ("00", 0), ("7", 7), (" 7 ", 7), ("60", 60), ("000000060", 60)],
)
def test_seconds_are_read(text: str | None, seconds: float | None) -> None:
    assert asked(text) == seconds


@pytest.mark.parametrize(
    ("date", "least", "most"),
    [
        (lambda: at(30), 28, 30),
        (lambda: at(59), 57, 59),
        (lambda: at(-30), 0, 0),
        (lambda: "Tue, 15 Nov 1994 12:45:26 GMT", 0, 0),
        (lambda: "Tue, 15 Nov 1994 12:45:26 -0000", 0, 0),
        (lambda: "Tue, 15 Nov 1994 12:45:26", 0, 0),
        (lambda: "Tuesday, 15-Nov-94 12:45:26 GMT", 0, 0),
        (lambda: "Tue Nov 15 12:45:26 1994", 0, 0),
    ],
)
def test_dates_are_read(date: Callable[[], str], least: float, most: float) -> None:
    seconds = asked(date())
    assert seconds is not None
    assert least <= seconds <= most


REFUSED: Final[Iterable[str]] = [
    "",
    " ",
    "61",
    "3600",
    "999999999",
    "1000000000",
    "9" * 5_000,
    "-1",
    "+1",
    "1.5",
    "1e1",
    "0x10",
    "1_0",
    "10 s",
    "10s",
    "10, 20",
    "soon",
    "inf",
    "nan",
    "\u0661",
    "\xb2",
    "\uff11",
    "1\x002",
    "Tue",
    "Tue, 32 Nov 1994 12:45:26 GMT",
    "Tue, 15 Foo 1994 12:45:26 GMT",
    "Tue, 15 Nov 1994 25:45:26 GMT",
    "Tue, 15 Nov 1994 12:45:26 +99999999999",
    "Tue, 15 Nov 99999999999 12:45:26 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Fri, 31 Dec 9999 23:59:59 -2359",
    "x" * 10_000,
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_asks_for_too_much_or_cannot_be_read_ends_it(text: str) -> None:
    with pytest.raises(RateLimitError) as caught:
        asked(text)
    assert caught.value.message.startswith("the registry answered 503 and asks to wait: ")
    assert (caught.value.where, caught.value.expected) == ("http://h/", "at most 60 s")
    assert len(str(caught.value.actual)) <= 60


def test_an_hour_from_now_is_too_long() -> None:
    with pytest.raises(RateLimitError) as caught:
        asked(at(3600))
    assert caught.value.actual in ("3598 s", "3599 s", "3600 s")


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=40), st.text(alphabet="0123456789 ,:+-GMTueNovJan", max_size=40)))
def test_any_text_is_a_wait_within_our_patience_or_ends_it(text: str) -> None:
    try:
        seconds = asked(text)
    except RateLimitError:
        return
    assert seconds is not None
    assert 0 <= seconds <= PATIENCE


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (None, None),
        ("76;w=21600", 76),
        ("76", 76),
        (" 0 ;w=1", 0),
        ("000", 0),
        ("999999999", 999_999_999),
        ("1000000000", None),
        ("-1", None),
        ("1.0", None),
        ("", None),
        (";w=21600", None),
        ("w=21600;76", None),
        ("none", None),
        ("\u0661", None),
        ("\xb2", None),
    ],
)
def test_what_remains_is_read_or_not_said(text: str | None, number: int | None) -> None:
    assert remaining({} if text is None else {"ratelimit-remaining": text}) == number
