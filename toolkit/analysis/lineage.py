"""Where an image comes from: the longest other image it begins with.

The rule of this file: two images are compared slot by slot from the base, by diff ID; a chain ID is the name of such a
beginning. Equal beginnings have one number here, so the cost is that of reading the slots once.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

_LINEAGE: Final = {
    "image": "str",
    "layers": "int64",
    "chain_id": "str",
    "alike": "int64",
    "descendants": "int64",
    "parent_layers": "Int64",
    "parent_chain_id": "str",
    "parents": "int64",
    "base_layers": "Int64",
    "base_chain_id": "str",
    "bases": "int64",
    "claimed": "bool",
    "unknown": "int64",
}
_CANDIDATES: Final = {
    "image": "str",
    "candidate": "str",
    "layers": "int64",
    "chain_id": "str",
    "own_layers": "int64",
    "nearest": "bool",
    "tied": "int64",
}


def lineage(layers: pd.DataFrame) -> pd.DataFrame:
    """Find, for every image, the nearest and the lowest of the other images it is built on.

    Parameters
    ----------
    layers : DataFrame
        The frame ``layers`` of several images, each once: see `latest`.

    Returns
    -------
    DataFrame
        One row for each image, sorted: image, layers, chain_id (of its last layer), alike (other images of exactly
        the same layers), descendants (images that begin with all of its layers and go on), parent_layers,
        parent_chain_id and parents (the longest image it begins with and goes on from, and how many images are
        exactly that: more than one is a tie), base_layers, base_chain_id and bases (the same for the shortest),
        claimed (some diff IDs are only claims), unknown (slots without any diff ID: such an image is compared with
        nothing).

    Notes
    -----
    Origin: OCI image-spec, config.md, "Layer ChainID": equal chain IDs are equal sequences of diff IDs. An image that
    adds no layer to another, only settings, is alike, not a child. Slots dropped as duplicates are no layers. An image
    without layers is nobody's base.
    """
    slots = _numbered(layers)
    tops = slots[slots["top"]]
    ends = tops.loc[tops["beginning"] >= 0, "beginning"].value_counts()
    holders = slots["beginning"].map(ends).fillna(0).astype("int64")
    below = slots.assign(ends=holders)[~slots["top"] & holders.gt(0)]
    nearest = below.drop_duplicates("image", keep="last").set_index("image")
    lowest = below.drop_duplicates("image", keep="first").set_index("image")
    passing = below["beginning"].value_counts()
    found = pd.DataFrame(
        {
            "image": tops["image"],
            "layers": tops["rank"] + 1,
            "chain_id": tops["chain_id"],
            "alike": tops["beginning"].map(ends).fillna(1).astype("int64") - 1,
            "descendants": tops["beginning"].map(passing).fillna(0).astype("int64"),
            "claimed": tops["claimed"],
            "unknown": tops["unknown"],
        }
    )
    for what, of in (("parent", nearest), ("base", lowest)):
        found[f"{what}_layers"] = found["image"].map(of["rank"] + 1).astype("Int64")
        found[f"{what}_chain_id"] = found["image"].map(of["chain_id"])
        found[f"{what}s"] = found["image"].map(of["ends"]).fillna(0).astype("int64")
    return found.sort_values("image", ignore_index=True)[list(_LINEAGE)].astype(_LINEAGE)


def base_candidates(layers: pd.DataFrame) -> pd.DataFrame:
    """List every other image that an image begins with and goes on from, nearest first.

    Parameters
    ----------
    layers : DataFrame
        The frame ``layers`` of several images, each once: see `latest`.

    Returns
    -------
    DataFrame
        image, candidate, layers (of the candidate), chain_id (of its last layer), own_layers (what the image adds),
        nearest (no candidate is longer), tied (how many candidates have exactly these layers; all of them are listed).

    Notes
    -----
    Nothing tells which of several tied candidates was really used; an image's own annotation
    ``org.opencontainers.image.base.digest``, where it has one, is only a claim.
    """
    slots = _numbered(layers)
    sizes = slots.loc[slots["top"], ["image", "rank"]].rename(columns={"rank": "last"})
    ends = slots.loc[slots["top"] & (slots["beginning"] >= 0), ["beginning", "image"]].rename(columns={"image": "candidate"})
    ends["tied"] = ends.groupby("beginning")["candidate"].transform("size")
    found = (
        slots[~slots["top"]]
        .merge(ends, on="beginning", how="inner", validate="many_to_many")
        .merge(sizes, on="image", how="left", validate="many_to_one")
    )
    found = found.assign(
        layers=found["rank"] + 1,
        own_layers=found["last"] - found["rank"],
        nearest=found["rank"] == found.groupby("image")["rank"].transform("max"),
    )
    ordered = found.sort_values(["image", "layers", "candidate"], ascending=[True, False, True], ignore_index=True)
    return ordered[list(_CANDIDATES)].astype(_CANDIDATES)


def explain_lineage(found: pd.DataFrame, image: str) -> str:
    """Say in a sentence where an image comes from.

    Parameters
    ----------
    found : DataFrame
        The frame that `lineage` gives.
    image : str
        One of its images.

    Returns
    -------
    str
    """
    row = found[found["image"] == image].iloc[0]
    if row["unknown"]:
        return f"{image} has {row['layers']} layers, {row['unknown']} of them without a diff ID: it cannot be compared."
    alike = f" {row['alike']} other images have exactly its layers." if row["alike"] else ""
    source = " Some diff IDs are only claims." if row["claimed"] else ""
    if not row["parents"]:
        return f"{image} has {row['layers']} layers and begins with no other image that is known here.{alike}{source}"
    tie = "" if row["parents"] == 1 else f", which {row['parents']} images are: a tie"
    return (
        f"{image} adds {row['layers'] - row['parent_layers']} layers to an image of {row['parent_layers']} layers{tie}; "
        f"the lowest image it begins with has {row['base_layers']} layers.{alike}{source}"
    )


def _numbered(layers: pd.DataFrame) -> pd.DataFrame:
    """Slots in order, each with the number of the beginning that ends there; -1 in an image that lacks a diff ID."""
    slots = layers[layers["disposition"] != "duplicate-removed"].sort_values(["image", "position"], ignore_index=True)
    slots = slots[["image", "diff_id", "claimed_diff_id", "chain_id"]]
    grouped = slots.groupby("image")
    diff_id = slots["diff_id"].fillna(slots["claimed_diff_id"])
    rank = grouped.cumcount().to_numpy()
    claimed = slots["diff_id"].isna() & diff_id.notna()
    unknown = diff_id.isna().groupby(slots["image"]).transform("sum").astype("int64")
    return slots.assign(
        rank=rank,
        beginning=np.where(unknown == 0, _beginnings(rank, pd.factorize(diff_id)[0]), -1),
        top=~slots["image"].duplicated(keep="last"),
        unknown=unknown,
        claimed=claimed.groupby(slots["image"]).transform("any").astype("bool"),
    )


def _beginnings(rank: np.ndarray, content: np.ndarray) -> np.ndarray:
    """Number the sequences from the base up to each slot: equal numbers are equal sequences."""
    number = np.full(len(rank), -1, dtype=np.int64)
    order = np.argsort(rank, kind="stable")
    stops = np.searchsorted(rank[order], np.arange(rank.max(initial=-1) + 2))
    width, used = int(content.max(initial=-1)) + 1, 0
    for level in range(len(stops) - 1):
        here = order[stops[level] : stops[level + 1]]
        here = here[content[here] >= 0]
        below = number[here - 1] if level else np.zeros(len(here), dtype=np.int64)
        here, below = here[below >= 0], below[below >= 0]
        _, codes = np.unique(below * width + content[here], return_inverse=True)
        number[here] = codes + used
        used += int(codes.max(initial=-1)) + 1
    return number
