"""A frame for reading: short IDs, no stamps, no empty columns.

The rule of this file: it makes a view; the data stay whole in the frame it was made from.
"""

from __future__ import annotations

import re
from typing import Final

import pandas as pd

_IDENTITY: Final = re.compile(r"(?:[a-z0-9.+]+:)?([0-9a-f]{12})[0-9a-f]{52,}", re.ASCII)
_STAMPS: Final = ("pull", "seq", "at")


def readable(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Make a copy of a frame that fits a page.

    Parameters
    ----------
    frame : DataFrame
        Any frame of a report.
    columns : str
        The columns to show; all that are not empty, without the stamps, when none is named.

    Returns
    -------
    DataFrame
        Digests and IDs cut to their first 12 hex digits, as Docker printed them.

    Examples
    --------
    >>> readable(pd.DataFrame({"id": ["ab" * 32]}))["id"].tolist()
    ['abababababab']
    """
    shown = frame[list(columns)].copy() if columns else frame.drop(columns=[name for name in _STAMPS if name in frame])
    if not columns:
        shown = shown.drop(columns=[name for name in shown if shown[name].isna().all() or (shown[name] == "").all()])
    for name in shown:
        if isinstance(shown[name].dtype, pd.StringDtype):
            shown[name] = shown[name].fillna("").map(_cut)
    return shown


def _cut(text: str) -> str:
    match = _IDENTITY.fullmatch(text)
    return match[1] if match else text
