"""The chain of images: what each is called, by whom, and why.

The rule of this file: one row per image, base first; the decision is read from the rows of ``reuse``, never guessed.
"""

from __future__ import annotations

from typing import Final

import pandas as pd

_COLUMNS: Final = {
    "position": "int64",
    "compatibility_id": "str",
    "strong_id": "str",
    "final_id": "str",
    "final_parent": "str",
    "decision": "str",
    "rounds": "int64",
    "reason": "str",
}


def parent_chain(strong_ids: pd.DataFrame, reuse: pd.DataFrame) -> pd.DataFrame:
    """Join the names of each image with the decision that chose one of them.

    Parameters
    ----------
    strong_ids, reuse : DataFrame
        The frames of one image.

    Returns
    -------
    DataFrame
        position, compatibility_id, strong_id, final_id, final_parent, decision (``new strong ID``, ``strong ID in the
        graph``, ``legacy ID reused``, ``probed ID`` or ``not decided``), rounds of probing, and the reason why the
        candidate before the chosen one was not taken.

    Examples
    --------
    >>> import toolkit as tk
    >>> source = tk.open_source(tk.simulator.teaching_registry())
    >>> report = tk.inspect("teach/clean:1", source=source)
    >>> parent_chain(report.strong_ids, report.reuse)["decision"].tolist()
    ['new strong ID', 'new strong ID', 'new strong ID']
    """
    rows = []
    for image in strong_ids.sort_values("position").itertuples(index=False):
        mine = reuse[reuse["position"] == image.position]
        chosen = mine[mine["candidate"] == image.final_id] if isinstance(image.final_id, str) else mine.iloc[:0]
        passed = mine[(mine["candidate"] != image.final_id) & (mine["reason"] != "")]
        rows.append(
            {
                "position": image.position,
                "compatibility_id": image.compatibility_id,
                "strong_id": image.strong_id,
                "final_id": image.final_id,
                "final_parent": image.final_parent,
                "decision": _decision(chosen),
                "rounds": int(chosen["round"].iloc[-1]) if len(chosen) else 0,
                "reason": passed["reason"].iloc[-1] if len(passed) else "",
            }
        )
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)


def _decision(chosen: pd.DataFrame) -> str:
    if not len(chosen):
        return "not decided"
    kind, outcome = chosen["kind"].iloc[-1], chosen["outcome"].iloc[-1]
    if kind == "permuted":
        return "probed ID"
    if kind == "compatibility":
        return "legacy ID reused"
    return "strong ID in the graph" if outcome == "kept" else "new strong ID"
