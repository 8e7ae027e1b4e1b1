"""Who shares what with whom: from a layer to the images that hold it, from an image to those that share with it.

The rule of this file: sharing is counted in distinct blobs; how often one image repeats a blob is another question.
"""

from __future__ import annotations

from typing import Final

import pandas as pd

from toolkit.errors import UsageError

_HOLDERS: Final = {
    "digest": "str",
    "size": "Int64",
    "names": "int64",
    "repositories": "int64",
    "name": "str",
    "repository": "str",
}
_OVERLAP: Final = {"name": "str", "other": "str", "blobs": "int64", "size": "Int64", "share": "Float64"}


def layer_images(reached: pd.DataFrame) -> pd.DataFrame:
    """Turn the question round: which images hold each layer?

    Parameters
    ----------
    reached : DataFrame
        The frame that `reach` gives.

    Returns
    -------
    DataFrame
        One row for each layer and name: digest, size, names and repositories (how many hold it), name, repository;
        the layers most names hold first.
    """
    held = reached[reached["role"] == "layer"]
    grouped = held.groupby("digest")
    counted = held.assign(
        names=grouped["name"].transform("nunique").astype("int64"),
        repositories=grouped["repository"].transform("nunique").astype("int64"),
    )
    ordered = counted.sort_values(["names", "digest", "name"], ascending=[False, True, True], ignore_index=True)
    return ordered[list(_HOLDERS)].astype(_HOLDERS)


def overlap(reached: pd.DataFrame, name: str) -> pd.DataFrame:
    """List the names that share blobs with one, most bytes first.

    Parameters
    ----------
    reached : DataFrame
        The frame that `reach` gives; take the rows of one role to ask about layers alone.
    name : str
        One from the column ``name``.

    Returns
    -------
    DataFrame
        name, other, blobs and size (bytes) both reach, share (of the bytes `name` reaches, from 0 to 1; missing when
        those are none).

    Raises
    ------
    UsageError
        Nothing is called so.
    """
    mine = reached[reached["name"] == name]
    if not len(mine):
        raise UsageError(
            f"nothing is called {name!r} here",
            expected="a name from the column `name` of `reach`",
            actual=name,
            next_step="`stored_sizes` lists every name",
        )
    theirs = reached[reached["digest"].isin(mine["digest"]) & (reached["name"] != name)]
    grouped = theirs.groupby("name")
    found = pd.DataFrame({"blobs": grouped.size(), "size": grouped["size"].sum()}).reset_index(names="other")
    whole = int(mine["size"].sum())
    found["share"] = found["size"].astype("Float64") / whole if whole else pd.NA
    found["name"] = name
    ordered = found.sort_values(["size", "blobs", "other"], ascending=[False, False, True], ignore_index=True)
    return ordered[list(_OVERLAP)].astype(_OVERLAP)
