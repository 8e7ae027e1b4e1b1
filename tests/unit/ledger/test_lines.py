"""JSON Lines: every value comes back as it went in; a damaged line is named."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import toolkit as tk
from toolkit import records
from toolkit.ledger.lines import Evidence, EvidenceRow, Row, dump, is_optional, load
from toolkit.records import TABLES, Stamp

TEXT = st.text(st.characters())  # lone surrogates, controls and direction marks included
NUMBER = st.integers(-(2**63), 2**63 - 1)
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "str": TEXT,
    "str | None": st.none() | TEXT,
    "int": NUMBER,
    "int | None": st.none() | NUMBER,
    "bool": st.booleans(),
    "bool | None": st.none() | st.booleans(),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "bytes": st.binary(),
}
STAMPS = st.builds(Stamp, pull=TEXT, seq=NUMBER, at=st.datetimes(timezones=st.just(UTC)), image=TEXT)


def records_of(table: str) -> st.SearchStrategy[Any]:
    values = {}
    for field in dataclasses.fields(TABLES[table]):
        kind = str(field.type)
        values[field.name] = KINDS[kind] if kind in KINDS else st.sampled_from(get_args(getattr(records, kind)))
    return st.builds(TABLES[table], **values)


@pytest.mark.parametrize("table", TABLES)
@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_row_comes_back_as_it_was_written(table: str, data: st.DataObject) -> None:
    """The ledger's own promise: what is read equals what was noted, to the last byte and missing value."""
    row = Row(data.draw(STAMPS), data.draw(records_of(table)))
    line = dump(row)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert line.isascii()
    assert load(line, where="here") == row


PLAIN = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=8
)


@given(STAMPS, TEXT, st.dictionaries(TEXT, PLAIN))
@settings(max_examples=60, deadline=None)
def test_evidence_comes_back_as_it_was_written(stamp: Stamp, kind: str, content: dict[str, Any]) -> None:
    row = EvidenceRow(stamp, Evidence(kind, content))
    assert load(dump(row), where="here") == row


def test_the_time_of_a_row_is_utc_whatever_the_clock_says() -> None:
    elsewhere = datetime(2015, 10, 20, 1, 2, 3, tzinfo=timezone(timedelta(hours=9)))
    row = EvidenceRow(Stamp(pull="p", seq=0, at=elsewhere, image=""), Evidence("k", {}))
    again = load(dump(row), where="here")
    assert again.stamp.at == elsewhere
    assert again.stamp.at.utcoffset() == timedelta(0)


LINE = json.loads(
    dump(
        Row(
            Stamp(pull="p", seq=0, at=datetime(2015, 1, 1, tzinfo=UTC), image="i"),
            records.Endpoint(url="u", version="v2", mirror=False, tls="none", outcome="used", fallback=False, reason=""),
        )
    )
)


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in LINE.items() if key != name}).encode()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"nonsense",
        b"{",
        b"[]",
        b"null",
        b"7",
        b"{}",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        without("table"),
        without("pull"),
        without("seq"),
        without("at"),
        without("url"),
        json.dumps({**LINE, "table": "nobody's"}).encode(),
        json.dumps({**LINE, "at": "yesterday"}).encode(),
        json.dumps({**LINE, "at": None}).encode(),
        json.dumps(LINE).encode()[:-9],
        json.dumps(LINE).encode() + b"}",
    ],
)
def test_a_damaged_line_is_named_and_shown(line: bytes) -> None:
    with pytest.raises(tk.errors.LedgerError) as caught:
        load(line, where="there, line 7")
    assert caught.value.where == "there, line 7"
    assert caught.value.actual == line[:80].decode("ascii", "backslashreplace")
    assert "good" in caught.value.next_step


def test_a_column_may_be_optional_or_not() -> None:
    assert is_optional(int | None) == (int, True)
    assert is_optional(int) == (int, False)
