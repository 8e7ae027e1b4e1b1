"""Frames have exact types, also when there are no rows."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any, Final, get_args

import pandas as pd
import pytest

import toolkit as tk
from toolkit import records
from toolkit.ledger.frames import dtype, frame, schema
from toolkit.ledger.lines import Row
from toolkit.records import TABLES, Record, Stamp, Tag
from toolkit.sources.protocol import Source

PLAIN: Final = {
    "str": "str",
    "str | None": "str",
    "int": "int64",
    "int | None": "Int64",
    "bool": "bool",
    "bool | None": "boolean",
    "float": "float64",
    "bytes": "object",
    "datetime": "datetime64[us, UTC]",
}
"""The contract, read from the text of a declaration: every other declaration is a closed vocabulary."""

AT = datetime(2015, 10, 20, 1, 2, 3, 456789, UTC)
VALUES: Final[dict[str, Any]] = {
    "str": "1.10",
    "str | None": "007",
    "int": 2**62 + 1,
    "int | None": 2**62 + 1,
    "bool": True,
    "bool | None": False,
    "float": 0.25,
    "bytes": b"\x00\xff",
}


def expected_types(table: str) -> dict[str, str]:
    found = {"pull": "str", "seq": "int64", "at": "datetime64[us, UTC]", "image": "str"}
    for field in dataclasses.fields(TABLES[table]):
        found[field.name] = PLAIN.get(str(field.type), "category")
    return found


def row_of(table: str, *, missing: bool = False, seq: int = 0) -> Row:
    """A row with a value, or where it may be nothing, in every column."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(TABLES[table]):
        kind = str(field.type)
        if missing and kind.endswith("| None"):
            values[field.name] = None
        elif kind in VALUES:
            values[field.name] = VALUES[kind]
        else:
            values[field.name] = get_args(getattr(records, kind))[-1]
    kind_of: Any = TABLES[table]
    record: Record = kind_of(**values)
    return Row(Stamp(pull="f" * 64, seq=seq, at=AT, image="a/b:1.10"), record)


def types_of(found: pd.DataFrame) -> dict[str, str]:
    return {str(name): str(kind) for name, kind in found.dtypes.items()}


@pytest.mark.parametrize("table", TABLES)
def test_columns_have_their_types_with_rows_without_and_with_missing_values(table: str) -> None:
    rows = [row_of(table), row_of(table, missing=True, seq=1)]
    for some in ([], rows[:1], rows[1:], rows):
        found = frame(table, some)
        assert types_of(found) == expected_types(table)
        assert list(found.columns) == list(expected_types(table))
        assert found.index.equals(pd.RangeIndex(len(some)))


@pytest.mark.parametrize("table", TABLES)
def test_values_come_out_as_they_went_in(table: str) -> None:
    row, bare = row_of(table), row_of(table, missing=True, seq=1)
    found = frame(table, [row, bare])
    for field in dataclasses.fields(TABLES[table]):
        first, second = found[field.name]
        assert first == getattr(row.record, field.name), field.name
        if getattr(bare.record, field.name) is None:
            assert pd.isna(second), field.name
        else:
            assert second == first
    assert found["at"].tolist() == [pd.Timestamp(AT)] * 2
    assert found["at"].iloc[0].to_pydatetime() == AT


@pytest.mark.parametrize("table", TABLES)
def test_a_closed_vocabulary_is_the_category_whatever_the_rows_say(table: str) -> None:
    found = frame(table, [row_of(table)])
    for field in dataclasses.fields(TABLES[table]):
        if str(field.type) not in PLAIN:
            words = list(get_args(getattr(records, str(field.type))))
            assert found[field.name].cat.categories.tolist() == words
            assert not found[field.name].cat.ordered


def test_a_table_takes_its_own_rows_only() -> None:
    rows = [row_of(table, seq=seq) for seq, table in enumerate(TABLES)]
    for seq, table in enumerate(TABLES):
        assert frame(table, rows)["seq"].tolist() == [seq]


def test_text_stays_text() -> None:
    found = frame("tags", [row_of("tags")])
    assert found["reference"].tolist() == ["1.10"]
    assert found["image"].tolist() == ["a/b:1.10"]


@pytest.mark.parametrize("text", ["", "\x00", "\ud800", "\U0010ffff", "\u202e\u200b", "NaN", "None", "<NA>", "1e5", " "])
def test_odd_text_is_neither_changed_nor_missing(text: str) -> None:
    record = Tag(name="a/b", reference=text, kind="tag", old_id=None, new_id="f" * 64, newer=True)
    found = frame("tags", [Row(row_of("tags").stamp, record)])
    assert found["reference"].tolist() == [text]
    assert not found["reference"].isna().any()


def test_a_declaration_nobody_gave_a_type_is_refused() -> None:
    for kind in (complex, list[str], float | None, bytes | None):
        with pytest.raises(TypeError, match="no type for a column declared as"):
            dtype(kind)


def test_the_stamps_stand_first() -> None:
    for table in TABLES:
        assert list(schema(table))[:4] == ["pull", "seq", "at", "image"]


def test_the_frames_of_a_report_are_fresh_copies(teaching: Source) -> None:
    report = tk.inspect("teach/clean:1", source=teaching)
    for table in TABLES:
        changed = report.frame(table)
        changed["image"] = "somebody else's"
        del changed["pull"]
        assert types_of(report.frame(table)) == expected_types(table)
        assert "somebody else's" not in set(report.frame(table)["image"])


def test_an_empty_ledger_has_every_frame() -> None:
    for table in TABLES:
        found = tk.Ledger().frame(table)
        assert len(found) == 0
        assert types_of(found) == expected_types(table)
