"""What became of the tags between two surveys.

The rule of this file: a tag is compared by the digest of the document it leads to, and what changed by the blobs both
reach; nothing is inferred from times or names.
"""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

_STATES: Final = pd.CategoricalDtype(["moved", "new", "gone", "unchanged"], ordered=False)
_CHANGES: Final = pd.CategoricalDtype(["added", "removed"], ordered=False)
_DRIFT: Final[dict[str, Any]] = {
    "name": "str",
    "repository": "str",
    "tag": "str",
    "state": _STATES,
    "before": "str",
    "after": "str",
    "layers_added": "int64",
    "layers_removed": "int64",
    "layers_kept": "int64",
    "bytes_added": "Int64",
    "bytes_removed": "Int64",
    "size_before": "Int64",
    "size_after": "Int64",
    "config_changed": "bool",
    "unread": "int64",
}
_BLOBS: Final[dict[str, Any]] = {"name": "str", "change": _CHANGES, "role": "str", "digest": "str", "size": "Int64"}


def drift(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Compare every name of two surveys.

    Parameters
    ----------
    before, after : DataFrame
        The frame that `reach` gives, of the earlier and of the later survey of the same repositories.

    Returns
    -------
    DataFrame
        One row for each name, sorted: name, repository, tag, state (moved: it leads to another document; new, gone,
        unchanged), before and after (the documents' digests), layers_added, layers_removed, layers_kept, bytes_added
        and bytes_removed (of all blobs), size_before and size_after, config_changed (it moved, and the configurations
        it reaches are others), unread (documents of either side that were never received: what they reach is missing
        here).

    Notes
    -----
    A name that one of the surveys did not ask for is new or gone here, whatever the registry held.
    """
    both = _both(before, after)
    layer, config = both["role"] == "layer", both["role"] == "config"
    one = both["there"] & both["here"]
    old, new = both["there"] & ~both["here"], both["here"] & ~both["there"]
    size = both["size"].fillna(0).astype("int64")
    counts = pd.DataFrame(
        {
            "name": both["name"],
            "layers_added": layer & new,
            "layers_removed": layer & old,
            "layers_kept": layer & one,
            "bytes_added": size.where(new, 0),
            "bytes_removed": size.where(old, 0),
            "size_before": size.where(both["there"], 0),
            "size_after": size.where(both["here"], 0),
            "config_changed": config & ~one,
            "unread": ~both["read"],
        }
    )
    counts = counts.groupby("name").sum().reset_index()
    there, here = (survey.drop_duplicates("name").set_index("name")["root"] for survey in (before, after))
    listed = pd.concat([after, before], ignore_index=True).drop_duplicates("name")[["name", "repository", "tag"]]
    listed = listed.assign(before=listed["name"].map(there), after=listed["name"].map(here))
    state = pd.Series("moved", index=listed.index).mask(listed["before"] == listed["after"], "unchanged")
    listed["state"] = state.mask(listed["before"].isna(), "new").mask(listed["after"].isna(), "gone")
    found = listed.merge(counts, on="name", how="left", validate="one_to_one")
    found["config_changed"] = found["config_changed"].gt(0) & found["state"].eq("moved")
    found["size_before"] = found["size_before"].astype("Int64").mask(found["before"].isna())
    found["size_after"] = found["size_after"].astype("Int64").mask(found["after"].isna())
    return found.sort_values("name", ignore_index=True)[list(_DRIFT)].astype(_DRIFT)


def drifted_blobs(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """List the blobs that came or went under every name.

    Parameters
    ----------
    before, after : DataFrame
        The frame that `reach` gives, of the earlier and of the later survey.

    Returns
    -------
    DataFrame
        name, change (added, removed), role (manifest, config, layer), digest, size; those removed first.
    """
    both = _both(before, after)
    changed = both[both["there"] != both["here"]]
    change = pd.Series("added", index=changed.index).mask(changed["there"], "removed")
    ordered = changed.assign(change=change, order=changed["here"]).sort_values(
        ["name", "order", "role", "digest"], ignore_index=True
    )
    return ordered[list(_BLOBS)].astype(_BLOBS)


def explain_drift(found: pd.DataFrame) -> str:
    """Say in a sentence what became of the tags.

    Parameters
    ----------
    found : DataFrame
        The frame that `drift` gives.

    Returns
    -------
    str
    """
    counts = found["state"].value_counts()
    moved = found[found["state"] == "moved"]
    states = ", ".join(f"{counts[state]:,} {state}" for state in _STATES.categories)
    return (
        f"{len(found):,} names: {states}. Those that moved brought {int(moved['bytes_added'].sum()):,} B in "
        f"{int(moved['layers_added'].sum()):,} layers and other blobs, and left {int(moved['bytes_removed'].sum()):,} B; "
        f"{int(moved['config_changed'].sum()):,} changed their configuration."
    )


def _both(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Every name and blob of either survey, and where it was seen; a size either of them knows."""
    sides = [before.assign(there=True, here=False), after.assign(there=False, here=True)]
    rows = pd.concat(sides, ignore_index=True).astype({"role": "str"})
    grouped = rows.groupby(["name", "digest"])
    return pd.DataFrame(
        {
            "role": grouped["role"].first(),
            "size": grouped["size"].first(),
            "read": grouped["read"].any(),
            "there": grouped["there"].any(),
            "here": grouped["here"].any(),
        }
    ).reset_index()
