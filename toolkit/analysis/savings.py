"""What each way of sharing saves: by layer, by tar, by file.

The rule of this file: one ladder, each step stores every thing of its kind once and leaves the step above to compare with.
"""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from toolkit.analysis.names import repositories

_STEPS: Final = pd.CategoricalDtype(["slot", "image", "repository", "layer", "tar", "file"], ordered=True)
_COLUMNS: Final[dict[str, Any]] = {
    "step": _STEPS,
    "pieces": "int64",
    "compressed": "Int64",
    "compressed_saved": "Int64",
    "compressed_ratio": "Float64",
    "content": "Int64",
    "content_saved": "Int64",
    "content_ratio": "Float64",
    "unknown": "int64",
    "unlisted": "int64",
}


def savings(layers: pd.DataFrame, files: pd.DataFrame | None = None) -> pd.DataFrame:
    """Compare what layers take when they are shared more and more.

    Parameters
    ----------
    layers : DataFrame
        The frame ``layers`` of several images, each once: see `latest`.
    files : DataFrame, optional
        The frame ``files`` of the same images. With it content is counted in bytes of regular files, and the last step
        is there; without it in ``layer_size``, the sizes in the tar headers.

    Returns
    -------
    DataFrame
        One row for each step: step, pieces (what is stored), compressed (bytes of blobs), compressed_saved and
        compressed_ratio (beside the first step), content (bytes before compression), content_saved, content_ratio,
        unknown (pieces whose compressed size nobody said: they count as nothing), unlisted (pieces whose content
        nobody said). The steps: ``slot`` every layer slot on its own; ``image`` a layer once for each image;
        ``repository`` once for each repository; ``layer`` once, as a registry stores it; ``tar`` one blob, the
        smallest, for all that expand to the same tar; ``file`` every file's content once, whose compressed size cannot
        be known.

    Notes
    -----
    Origin: Zhao et al., CLUSTER 2019: the layer sharing ratio is ``image`` by ``layer`` (compressed); the file
    deduplication ratio in terms of capacity is ``layer`` by ``file`` (content), where no two layers are the same tar.
    """
    slots = layers.assign(repository=repositories(layers["image"]))[["image", "repository", "blob_digest"]]
    facts = _facts(layers, files)
    slots = slots.merge(facts, on="blob_digest", how="left", validate="many_to_one")
    # sorted so that the smallest known blob of a tar is the one that stays
    blobs = slots.drop_duplicates("blob_digest").sort_values("compressed", na_position="last", kind="stable")
    steps = {
        "slot": slots,
        "image": slots.drop_duplicates(["image", "blob_digest"]),
        "repository": slots.drop_duplicates(["repository", "blob_digest"]),
        "layer": blobs,
        "tar": blobs.drop_duplicates("tar"),
    }
    rows = [_row(step, kept) for step, kept in steps.items()]
    if files is not None:
        listed = _contents(files)
        once = listed[listed["blob_digest"].isin(blobs["blob_digest"])].drop_duplicates("sha256")
        rows.append({**_row("file", once), "compressed": None, "unknown": 0, "unlisted": rows[-1]["unlisted"]})
    table = pd.DataFrame(rows).astype({"compressed": "Int64", "content": "Int64"})
    for what in ("compressed", "content"):
        table[f"{what}_saved"] = table[what].iloc[0] - table[what]
        table[f"{what}_ratio"] = table[what].iloc[0] / table[what].mask(table[what] == 0).astype("Float64")
    return table[list(_COLUMNS)].astype(_COLUMNS)


def explain_savings(found: pd.DataFrame) -> str:
    """Say in a sentence what sharing saves.

    Parameters
    ----------
    found : DataFrame
        The frame that `savings` gives.

    Returns
    -------
    str
    """
    rows = found.set_index(found["step"].astype("str"))
    alone, stored, tars = (rows.loc[step] for step in ("image", "layer", "tar"))
    text = (
        f"Images on their own would need {alone['compressed']:,} B compressed; stored once each, {stored['pieces']:,} layers "
        f"need {stored['compressed']:,} B; {tars['pieces']:,} distinct tars would need {tars['compressed']:,} B."
    )
    if "file" in rows.index:
        once = rows.loc["file"]
        text += f" Of {stored['content']:,} B of files in them, {once['content']:,} B are distinct ({once['pieces']:,} contents)."
    return f"{text} Layers of unknown size: {stored['unknown']:,}; of unknown content: {stored['unlisted']:,}."


def _row(step: str, kept: pd.DataFrame) -> dict[str, object]:
    return {
        "step": step,
        "pieces": len(kept),
        "compressed": kept["compressed"].sum(),
        "content": kept["content"].sum(),
        "unknown": int(kept["compressed"].isna().sum()),
        "unlisted": int(kept["content"].isna().sum()),
    }


def _facts(layers: pd.DataFrame, files: pd.DataFrame | None) -> pd.DataFrame:
    """Of each blob: its size, as received or else as claimed; the tar it expands to; the bytes of its content."""
    grouped = layers.groupby("blob_digest")
    facts = pd.DataFrame({"compressed": grouped["size"].first().fillna(grouped["claimed_size"].first())})
    facts["tar"] = grouped["diff_id"].first()
    facts["tar"] = facts["tar"].fillna(facts.index.to_series())
    if files is None:
        facts["content"] = grouped["layer_size"].first()
    else:
        regular = _contents(files)
        listed = regular.groupby("blob_digest")["content"].sum()
        empty = pd.Series(0, index=pd.Index(files["blob_digest"].unique(), dtype="str"), dtype="Int64")
        facts["content"] = listed.reindex(empty.index).fillna(empty).reindex(facts.index)
    return facts.astype({"compressed": "Int64", "content": "Int64"}).reset_index()


def _contents(files: pd.DataFrame) -> pd.DataFrame:
    """Regular files, each blob's once."""
    regular = files.loc[files["type"] == "file", ["blob_digest", "index", "sha256", "size"]]
    once = regular.dropna(subset="sha256").drop_duplicates(["blob_digest", "index"])
    return once.rename(columns={"size": "content"}).assign(compressed=pd.array([pd.NA] * len(once), dtype="Int64"))
