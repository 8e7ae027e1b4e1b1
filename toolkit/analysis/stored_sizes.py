"""How big is an image, a tag, a repository: alone, and beside the others.

The rule of this file: a blob counts once for each holder, and what a holder has alone is what its end would free.
"""

from __future__ import annotations

from typing import Final, Literal

import pandas as pd

Holder = Literal["name", "root", "repository"]

_COLUMNS: Final = {
    "holder": "str",
    "blobs": "int64",
    "size": "Int64",
    "unique_blobs": "int64",
    "unique": "Int64",
    "shared": "Int64",
    "proportional": "float64",
    "unknown": "int64",
    "unread": "int64",
}


def stored_sizes(reached: pd.DataFrame, *, by: Holder = "name") -> pd.DataFrame:
    """Measure what each holder reaches, and how much of it nobody else does.

    Parameters
    ----------
    reached : DataFrame
        The frame that `reach` gives; take the rows of one role to ask about layers alone.
    by : {"name", "root", "repository"}
        What a holder is: a name, such as a tag; a document, whatever it is called; a repository.

    Returns
    -------
    DataFrame
        One row for each holder, largest first: holder, blobs, size (bytes of its blobs, each counted once),
        unique_blobs and unique (those no other holder reaches: what deleting the holder frees, and what adding it to
        the others costs), shared (size less unique), proportional (each blob's size divided by its holders: these add
        up to what the registry stores), unknown (blobs whose size nobody said: they count as nothing), unread
        (documents that were never received: what they reach is missing here).

    Notes
    -----
    Sizes are those of blobs as a registry keeps them: manifests and configurations count. Two tags of one document
    have nothing unique, however big it is: see `free_space` for both together.
    """
    held = reached.drop_duplicates([by, "digest"])
    holders = held.groupby("digest")[by].transform("size")
    size = held["size"].fillna(0).astype("int64")
    alone = holders.eq(1)
    table = pd.DataFrame(
        {
            "holder": held[by],
            "blobs": 1,
            "size": size,
            "unique_blobs": alone.astype("int64"),
            "unique": size.where(alone, 0),
            "shared": size.mask(alone, 0),
            "proportional": size / holders,
            "unknown": held["size"].isna().astype("int64"),
            "unread": (~held["read"]).astype("int64"),
        }
    )
    counted = table.groupby("holder", sort=False).sum().reset_index()
    return counted.sort_values(["size", "holder"], ascending=[False, True], ignore_index=True).astype(_COLUMNS)


def explain_stored_sizes(reached: pd.DataFrame) -> str:
    """Say in a sentence what a registry holds, and what its names would need without sharing.

    Parameters
    ----------
    reached : DataFrame
        The frame that `reach` gives.

    Returns
    -------
    str
    """
    each = stored_sizes(reached)
    blobs = reached.drop_duplicates("digest")
    stored, listed = int(blobs["size"].sum()), int(each["size"].sum())
    return (
        f"{len(each):,} names reach {len(blobs):,} blobs of {stored:,} B; one by one the names would need {listed:,} B, "
        f"so sharing saves {listed - stored:,} B. Sizes unknown: {int(blobs['size'].isna().sum()):,}; "
        f"documents not read: {int((~blobs['read']).sum()):,}."
    )
