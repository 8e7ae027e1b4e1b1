"""Times as Go 1.4 read and wrote them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.errors import GoJSONError
from toolkit.identity.go_time import GoTime, parse

LAYOUT = '"2006-01-02T15:04:05Z07:00"'


def refusal(token: str) -> GoJSONError:
    with pytest.raises(GoJSONError) as caught:
        parse(token.encode())
    return caught.value


def test_no_time_is_the_first_second_of_year_1() -> None:
    assert GoTime().marshal() == b'"0001-01-01T00:00:00Z"'


@pytest.mark.parametrize(
    ("read", "written"),
    [
        ("2015-10-20T01:02:03Z", "2015-10-20T01:02:03Z"),
        ("2015-10-20T01:02:03.000000004Z", "2015-10-20T01:02:03.000000004Z"),
        ("2015-10-20T01:02:03.100+02:00", "2015-10-20T01:02:03.1+02:00"),
        ("2015-10-20T01:02:03.000Z", "2015-10-20T01:02:03Z"),
        ("2015-10-20T01:02:03.0000000001Z", "2015-10-20T01:02:03.000000001Z"),
        ("2015-10-20T01:02:03.0000000000999999999Z", "2015-10-20T01:02:03.999999999Z"),
        ("2015-10-20T1:02:03Z", "2015-10-20T01:02:03Z"),
        ("2015-10-20T01:02:03+00:00", "2015-10-20T01:02:03Z"),
        ("2015-10-20T01:02:03-00:00", "2015-10-20T01:02:03Z"),
        ("2015-10-20T01:02:03-07:30", "2015-10-20T01:02:03-07:30"),
        ("2015-10-20T01:02:03+99:99", "2015-10-20T01:02:03+100:39"),
        ("2015-10-20T01:02:03+-1:30", "2015-10-20T01:02:03-00:30"),
        ("2015-10-20T01:02:03-+1:+5", "2015-10-20T01:02:03-01:05"),
        ("2015-02-29T00:00:00Z", "2015-03-01T00:00:00Z"),
        ("2015-02-31T00:00:00Z", "2015-03-03T00:00:00Z"),
        ("2016-02-29T00:00:00Z", "2016-02-29T00:00:00Z"),
        ("2016-02-30T00:00:00Z", "2016-03-01T00:00:00Z"),
        ("2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z"),
        ("1900-02-29T00:00:00Z", "1900-03-01T00:00:00Z"),
        ("2015-04-31T00:00:00Z", "2015-05-01T00:00:00Z"),
        ("2015-12-31T00:00:00Z", "2015-12-31T00:00:00Z"),
        ("2015-03-00T00:00:00Z", "2015-02-28T00:00:00Z"),
        ("2016-03-00T00:00:00Z", "2016-02-29T00:00:00Z"),
        ("2015-01-00T00:00:00Z", "2014-12-31T00:00:00Z"),
        ("2015-05-00T00:00:00Z", "2015-04-30T00:00:00Z"),
        ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"),
    ],
)
def test_a_time_is_read_and_written_back(read: str, written: str) -> None:
    assert parse(f'"{read}"'.encode()).marshal() == f'"{written}"'.encode()


@pytest.mark.parametrize(
    ("token", "rest", "element"),
    [
        ("null", "null", '"'),
        ("5", "5", '"'),
        ('""', '"', "2006"),
        ('"garbage"', 'garbage"', "2006"),
        ('"20x5-10-20T01:02:03Z"', '-10-20T01:02:03Z"', "2006"),
        ('"201', "201", "2006"),
        ('"2015/10-20T01:02:03Z"', '/10-20T01:02:03Z"', "-"),
        ('"2015-10/20T01:02:03Z"', '/20T01:02:03Z"', "-"),
        ('"2015-10-xxT01:02:03Z"', 'xxT01:02:03Z"', "02"),
        ('"2015-10-2T01:02:03Z"', '2T01:02:03Z"', "02"),
        ('"2015-10-20t01:02:03Z"', 't01:02:03Z"', "T"),
        ('"2015-10-20 01:02:03Z"', ' 01:02:03Z"', "T"),
        ('"2015-10-20Tx1:02:03Z"', 'x1:02:03Z"', "15"),
        ('"2015-10-20T01-02:03Z"', '-02:03Z"', ":"),
        ('"2015-10-20T01:2:03Z"', '2:03Z"', "04"),
        ('"2015-10-20T01:02-03Z"', '-03Z"', ":"),
        ('"2015-10-20T01:02:3Z"', '3Z"', "05"),
        ('"2015-10-20T01:02:', "", "05"),
        ('"2015-10-20T01:02:03.Z"', '.Z"', "Z07:00"),
        ('"2015-10-20T01:02:03,5Z"', ',5Z"', "Z07:00"),
        ('"2015-10-20T01:02:03"', '"', "Z07:00"),
        ('"2015-10-20T01:02:03z"', 'z"', "Z07:00"),
        ('"2015-10-20T01:02:03+0700"', '+0700"', "Z07:00"),
        ('"2015-10-20T01:02:03*07:00"', '"', "Z07:00"),
        ('"2015-10-20T01:02:03+x7:00"', '"', "Z07:00"),
        ('"2015-10-20T01:02:03+07:x0"', '"', "Z07:00"),
        ('"2015-10-20T01:02:03+07:+-"', '"', "Z07:00"),
        ('"2015-10-20T01:02:03\\u005a"', '\\u005a"', "Z07:00"),
        ('"2015-10-20T01:02:03Zx"', 'x"', '"'),
        (f'"2015-10-20T01:02:03.{"9" * 20}Z"', 'Z"', "05"),
        (f'"2015-10-20T01:02:03.9223372036854775808{"0" * 5}Z"', 'Z"', "05"),
        ('"2015-10-20T01:02:03.9300000000000000000Z"', 'Z"', "05"),
    ],
)
def test_a_token_that_is_no_time_is_refused_in_go_s_words(token: str, rest: str, element: str) -> None:
    error = refusal(token)
    assert error.message == f'parsing time "{token}" as "{LAYOUT}": cannot parse "{rest}" as "{element}"'
    assert error.actual == token


@pytest.mark.parametrize(
    ("time", "what"),
    [
        ("2015-00-20T01:02:03Z", "month"),
        ("2015-13-20T01:02:03Z", "month"),
        ("2015-x0-20T01:02:03Z", "month"),
        ("2015-1-20T01:02:03Z", "month"),
        ("2015-10-32T01:02:03Z", "day"),
        ("2015-10-20T24:02:03Z", "hour"),
        ("2015-10-20T01:60:03Z", "minute"),
        ("2015-10-20T01:02:60Z", "second"),
        ("2015-10-20T01:02:03.1000000000Z", "fractional second"),
        ("2015-10-20T01:02:03.1234567891Z", "fractional second"),
    ],
)
def test_a_number_out_of_range_has_other_words(time: str, what: str) -> None:
    assert refusal(f'"{time}"').message == f'parsing time ""{time}"": {what} out of range'


def test_a_fraction_where_the_seconds_belong_makes_go_forget_that_they_are_missing() -> None:
    assert parse(b'"2015-02-21T1:00:.5Z"') == parse(b'"2015-02-21T01:00:00.5Z"')
    with pytest.raises(GoJSONError):
        parse(b'"2015-02-21T1:00:5.5Z"')


def test_text_after_the_closing_quote_is_refused() -> None:
    assert refusal('"2015-10-20T01:02:03Z"x').message == 'parsing time ""2015-10-20T01:02:03Z"x": extra text: x'


def test_bad_bytes_are_shown_as_replacements() -> None:
    with pytest.raises(GoJSONError, match='cannot parse "\ufffd\ufffd\ufffd\ufffd" as "2006"'):
        parse(b'"\xff\xff\xff\xff')


def test_a_year_before_0_can_be_read_and_not_written() -> None:
    time = parse(b'"0000-01-00T00:00:00Z"')
    assert (time.year, time.month, time.day) == (-1, 12, 31)
    with pytest.raises(GoJSONError) as caught:
        time.marshal()
    assert caught.value.message == (
        "json: error calling MarshalJSON for type time.Time: Time.MarshalJSON: year outside of range [0,9999]"
    )
    assert caught.value.actual == -1


TIMES = st.builds(
    GoTime,
    st.integers(0, 9999),
    st.integers(1, 12),
    st.integers(1, 28),
    st.integers(0, 23),
    st.integers(0, 59),
    st.integers(0, 59),
    st.integers(0, 10**9 - 1),
    st.integers(-99 * 60, 99 * 60),
)


@given(TIMES)
@settings(deadline=None)
def test_what_is_written_is_read_back(time: GoTime) -> None:
    assert parse(time.marshal()) == time
