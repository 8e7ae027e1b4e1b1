"""The last word on each image, where a ledger holds several calls.

The rule of this file: an image counts once, as its last call saw it; which call was the last is decided here only.
"""

from __future__ import annotations

import pandas as pd


def latest(frame: pd.DataFrame) -> pd.DataFrame:
    """Keep, of each image, the rows of the last call that has any.

    Parameters
    ----------
    frame : DataFrame
        A frame of any table with the stamps pull, at and image; of a report, a ledger or a survey.

    Returns
    -------
    DataFrame
        The same columns and the same order, numbered anew.

    Examples
    --------
    >>> calls = pd.DataFrame({"pull": ["p", "q"], "at": pd.to_datetime([1, 2], unit="s"), "image": "a/b:1", "position": 0})
    >>> latest(calls)["pull"].tolist()
    ['q']
    """
    ordered = frame.sort_values("at", kind="stable")
    last = ordered.drop_duplicates("image", keep="last")[["image", "pull"]]
    kept = frame["pull"].eq(frame["image"].map(last.set_index("image")["pull"]))
    return frame[kept].reset_index(drop=True)
