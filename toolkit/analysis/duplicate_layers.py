"""Layers that stand more than once: in a manifest, and in several images.

The rule of this file: two questions that are often confused have two functions. An entry that repeats the ID below it
is dropped; a blob that several images name is stored once.
"""

from __future__ import annotations

from typing import Final

import pandas as pd

_DUPLICATES: Final = {
    "image": "str",
    "blob_digest": "str",
    "slots": "int64",
    "positions": "str",
    "dropped": "int64",
    "size": "Int64",
    "saved": "Int64",
}


def duplicate_layers(layers: pd.DataFrame) -> pd.DataFrame:
    """List blobs that one image names more than once.

    Parameters
    ----------
    layers : DataFrame
        The frame ``layers`` of one or several images.

    Returns
    -------
    DataFrame
        image, blob_digest, slots (how often it is named), positions, dropped (entries removed as duplicates), size
        and saved bytes (the slots beyond the first).
    """
    several = layers[layers.duplicated(["image", "blob_digest"], keep=False)].sort_values("position", kind="stable")
    several = several.assign(dropped=several["disposition"].eq("duplicate-removed"), position=several["position"].astype("str"))
    grouped = several.groupby(["image", "blob_digest"])
    found = pd.DataFrame(
        {
            "slots": grouped.size(),
            "positions": grouped["position"].agg(", ".join),
            "dropped": grouped["dropped"].sum(),
            "size": grouped["size"].first(),
        }
    )
    found["saved"] = found["size"] * (found["slots"] - 1)
    # in the order in which an image and its blob first appear
    order = pd.MultiIndex.from_frame(several.sort_index()[["image", "blob_digest"]].drop_duplicates())
    return found.loc[order].reset_index()[list(_DUPLICATES)].astype(_DUPLICATES)


def sharing(layers: pd.DataFrame) -> pd.DataFrame:
    """Count, for every blob, the images that name it.

    Parameters
    ----------
    layers : DataFrame
        The frame ``layers`` of several images.

    Returns
    -------
    DataFrame
        blob_digest, images, slots, size and saved bytes (what storing it once per slot would cost more), most
        shared first.
    """
    known = layers.assign(size=layers["size"].fillna(layers.groupby("blob_digest")["size"].transform("max")))
    grouped = known.groupby("blob_digest", sort=False)
    table = pd.DataFrame(
        {
            "images": grouped["image"].nunique(),
            "slots": grouped.size(),
            "size": grouped["size"].max(),
        }
    ).reset_index()
    table["saved"] = table["size"] * (table["slots"] - 1)
    return table.sort_values(["images", "slots", "blob_digest"], ascending=[False, False, True], ignore_index=True)
