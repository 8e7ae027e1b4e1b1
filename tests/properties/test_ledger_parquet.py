"""Parquet loses nothing: every row, type and order, and the evidence to the byte."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from datetime import UTC
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import toolkit as tk
from toolkit import records
from toolkit.ledger.ledger import Ledger
from toolkit.ledger.lines import Evidence, EvidenceRow, dump
from toolkit.records import TABLES
from toolkit.sources.protocol import Source

TEXT = st.text(st.characters())  # lone surrogates, controls and direction marks included
NUMBER = st.integers(-(2**63), 2**63 - 1)
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "str": TEXT,
    "str | None": st.none() | TEXT,
    "int": NUMBER,
    "int | None": st.none() | NUMBER,
    "bool": st.booleans(),
    "bool | None": st.none() | st.booleans(),
    "float": st.floats(allow_nan=False),
    "bytes": st.binary(),
}
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=5,
)


def records_of(table: str) -> st.SearchStrategy[Any]:
    values = {}
    for field in dataclasses.fields(TABLES[table]):
        kind = str(field.type)
        values[field.name] = KINDS[kind] if kind in KINDS else st.sampled_from(get_args(getattr(records, kind)))
    return st.builds(TABLES[table], **values)


ENTRY = st.one_of(*map(records_of, TABLES), st.builds(Evidence, TEXT, st.dictionaries(TEXT, PLAIN)))
NOTED = st.lists(st.tuples(st.sampled_from("abc"), st.datetimes(timezones=st.just(UTC)), TEXT, ENTRY), max_size=12)


def lines(ledger: Ledger) -> list[bytes]:
    return [dump(row) for row in ledger.stamped()]


@given(NOTED)
@settings(max_examples=25, deadline=None)
def test_what_is_read_back_is_equal_to_the_last_byte(noted: list[tuple[str, Any, str, Any]]) -> None:
    """Contract 42: exact types; round trips lose nothing."""
    times = iter([at for _, at, _, _ in noted])
    ledger = Ledger(clock=lambda: next(times))
    for seq, (call, _, image, entry) in enumerate(noted):
        ledger.append(call, seq, image, [entry])
    with tempfile.TemporaryDirectory() as folder:
        paths = ledger.to_parquet(folder)
        again = Ledger.from_parquet(folder)
    assert [path.stem for path in paths] == [*TABLES, "evidence"]
    assert list(again.stamped()) == list(ledger.stamped())
    assert lines(again) == lines(ledger)


def test_a_whole_ledger_comes_back_with_equal_frames_and_evidence(tmp_path: Path, teaching: Source) -> None:
    ledger = Ledger(tmp_path / "ledger")
    for name in ("clean:1", "duplicates:1", "tampered:blob-byte"):
        tk.inspect(f"teach/{name}", source=teaching, ledger=ledger)
    loaded = Ledger.load(tmp_path / "ledger")
    again = Ledger.from_parquet(loaded.to_parquet(tmp_path / "out")[0].parent)
    assert lines(again) == lines(loaded)
    for table in TABLES:
        pd.testing.assert_frame_equal(again.frame(table), loaded.frame(table))
    evidence = pq.read_table(tmp_path / "out" / "evidence.parquet").to_pylist()
    written = b"".join(path.read_bytes() for path in (tmp_path / "ledger").glob("*.jsonl")).decode("ascii")
    assert evidence
    assert all(f'"content":{row["content"]}' in written for row in evidence)
    assert [json.loads(row["content"]) for row in evidence] == [row.evidence.content for row in loaded.evidence()]


def test_the_files_are_packed_with_zstd_and_hold_the_declared_types(tmp_path: Path, teaching: Source) -> None:
    ledger = tk.inspect("teach/clean:1", source=teaching).ledger
    ledger.to_parquet(tmp_path)
    found = pq.ParquetFile(tmp_path / "checks.parquet")
    types = {field.name: str(field.type) for field in found.schema_arrow}
    assert found.metadata.row_group(0).column(0).compression == "ZSTD"
    assert types["place"] == types["seq"] == "int64"
    assert types["at"] == "timestamp[us, tz=UTC]"
    assert types["rule"] == "string"
    assert types["enforced"] == "bool"
    assert types["outcome"].startswith("dictionary<values=string")
    places = [place for path in tmp_path.iterdir() for place in pq.read_table(path)["place"].to_pylist()]
    assert sorted(places) == list(range(len(list(ledger.stamped()))))


def test_odd_text_in_one_batch_does_not_change_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.ledger.parquet.BATCH", 2)
    ledger = Ledger()
    call = ledger.open_call()
    for text in ("a", None, "\ud800", "\u202e", "b"):
        call.note(records.Tag(name="n", reference="1.10", kind="tag", old_id=text, new_id="", newer=True))
    ledger.to_parquet(tmp_path)
    assert list(Ledger.from_parquet(tmp_path).stamped()) == list(ledger.stamped())


def test_nothing_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "checks.parquet").write_text("mine")
    with pytest.raises(tk.errors.LedgerError, match=r"checks\.parquet is there already"):
        Ledger().to_parquet(tmp_path)
    assert (tmp_path / "checks.parquet").read_text() == "mine"
    assert not [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")]


@pytest.mark.parametrize("damage", ["missing", "nonsense", "another table"])
def test_what_is_no_table_of_a_ledger_is_named(tmp_path: Path, damage: str) -> None:
    Ledger().to_parquet(tmp_path)
    path = tmp_path / "tags.parquet"
    if damage == "missing":
        path.unlink()
    else:
        content = b"PAR1 nonsense" if damage == "nonsense" else (tmp_path / "evidence.parquet").read_bytes()
        path.chmod(0o600)
        path.write_bytes(content)
    if damage == "another table":  # an empty one says nothing wrong: give it a row
        path.unlink()
        ledger = Ledger()
        ledger.open_call().note(Evidence("k", {}))
        ledger.to_parquet(tmp_path / "other")
        path.write_bytes((tmp_path / "other" / "evidence.parquet").read_bytes())
    with pytest.raises(tk.errors.LedgerError, match="tags") as caught:
        Ledger.from_parquet(tmp_path)
    assert caught.value.where == str(path)


def test_evidence_rows_are_rows_of_their_own(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.open_call().note(Evidence("k", {"ü": [1, 2**80, None]}))
    ledger.to_parquet(tmp_path)
    (row,) = Ledger.from_parquet(tmp_path).stamped()
    assert isinstance(row, EvidenceRow)
    assert row.evidence == Evidence("k", {"ü": [1, 2**80, None]})
