"""Cells of a CSV file: text a spreadsheet would compute is made harmless, and it is told which."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.cards.escaping import to_cell, visible


@pytest.mark.parametrize("text", ["", "1.10", "1e5", "null", "NA", "000123", "a=b", "sha256:ab", "'", "é 中"])
def test_what_nobody_would_compute_stays_as_it_is(text: str) -> None:
    assert to_cell(text) == (text, False)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201"])
def test_a_formula_gets_an_apostrophe(text: str) -> None:
    assert to_cell(text) == (f"'{text}", True)


@given(st.text())
def test_no_cell_begins_a_formula_or_hides_a_character(text: str) -> None:
    cell, changed = to_cell(text)
    assert cell.isprintable()
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\0"))
    assert cell.removeprefix("'") == visible(text).removeprefix("'")
    assert changed == (cell != text)
