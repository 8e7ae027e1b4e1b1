"""How often the same file is stored: within a layer, across layers, across images.

The rule of this file: a file is its content, a regular member with a sha256; a layer that several images name has its
files once, because it is stored once.
"""

from __future__ import annotations

from typing import Final, Literal

import pandas as pd

Grouping = Literal["all", "extension", "layer", "image"]
Place = Literal["layer", "image"]

_COPIES: Final = {
    "group": "str",
    "files": "int64",
    "contents": "int64",
    "copies": "int64",
    "intra_layer": "int64",
    "inter_layer": "int64",
    "count_ratio": "Float64",
    "bytes": "int64",
    "content_bytes": "int64",
    "copied_bytes": "int64",
    "intra_layer_bytes": "int64",
    "inter_layer_bytes": "int64",
    "capacity_ratio": "Float64",
    "unhashed": "int64",
}
_ELSEWHERE: Final = {
    "holder": "str",
    "files": "int64",
    "elsewhere": "int64",
    "share": "Float64",
    "bytes": "int64",
    "elsewhere_bytes": "int64",
    "capacity_share": "Float64",
}
_SPREAD: Final = {
    "sha256": "str",
    "size": "int64",
    "images": "int64",
    "layers": "int64",
    "files": "int64",
    "copied_bytes": "int64",
}
_EXTENSION: Final = r"[^/.][^/]*\.([^/.]+)$"


def file_copies(files: pd.DataFrame, *, by: Grouping = "all") -> pd.DataFrame:
    """Count files and distinct contents, and tell copies within a layer from copies across layers.

    Parameters
    ----------
    files : DataFrame
        The frame ``files`` of one or several images.
    by : {"all", "extension", "layer", "image"}
        What is counted together; copies in another group are not copies here. An extension is what follows the last
        dot of a name, in lower case; empty where there is none.

    Returns
    -------
    DataFrame
        One row for each group, most copied bytes first: group, files, contents (distinct), copies (files less
        contents), intra_layer (copies of a content beyond the first in its layer), inter_layer (layers that have a
        content, beyond the first layer), count_ratio (files by contents), and the same in bytes: bytes, content_bytes,
        copied_bytes, intra_layer_bytes, inter_layer_bytes, capacity_ratio (missing when there are no bytes); unhashed
        (regular files without a sha256, such as sparse ones: in no other count).

    Notes
    -----
    Origin: Zhao et al., "Large-Scale Analysis of the Docker Hub Dataset", CLUSTER 2019: the deduplication ratios of
    files in terms of count and of capacity, over the files of all distinct layers. Zhao et al., "DupHunter", USENIX ATC
    2020: duplicates inside a layer and between layers. ``copies`` is the sum of the two. Sizes are logical, before
    compression. The studies tell a file's type from its content; here it is told from its name.

    Examples
    --------
    >>> twice = {"image": "a/b:1", "diff_id": "d", "blob_digest": "b", "index": [0, 1], "path": ["x.py", "y.py"]}
    >>> found = file_copies(pd.DataFrame({**twice, "type": "file", "sha256": "c" * 64, "size": 5}), by="extension")
    >>> found[["group", "files", "contents", "intra_layer", "copied_bytes"]].to_dict("records")
    [{'group': 'py', 'files': 2, 'contents': 1, 'intra_layer': 1, 'copied_bytes': 5}]
    """
    regular = _regular(files, per_image=by == "image")
    regular = regular.assign(group=_groups(regular, by))
    unhashed = regular[regular["sha256"].isna()].groupby("group").size()
    hashed = regular[regular["sha256"].notna()]
    first_in_layer = ~hashed.duplicated(["group", "layer", "sha256"])
    first = ~hashed.duplicated(["group", "sha256"])
    size = hashed["size"]
    counts = pd.DataFrame(
        {
            "group": hashed["group"],
            "files": 1,
            "contents": first.astype("int64"),
            "intra_layer": (~first_in_layer).astype("int64"),
            "bytes": size,
            "content_bytes": size.where(first, 0),
            "intra_layer_bytes": size.mask(first_in_layer, 0),
        }
    )
    table = counts.groupby("group").sum()
    table = table.reindex(table.index.union(unhashed.index, sort=False), fill_value=0)
    table["copies"] = table["files"] - table["contents"]
    table["inter_layer"] = table["copies"] - table["intra_layer"]
    table["copied_bytes"] = table["bytes"] - table["content_bytes"]
    table["inter_layer_bytes"] = table["copied_bytes"] - table["intra_layer_bytes"]
    table["count_ratio"] = _ratio(table["files"], table["contents"])
    table["capacity_ratio"] = _ratio(table["bytes"], table["content_bytes"])
    table["unhashed"] = unhashed.reindex(table.index, fill_value=0)
    ordered = table.reset_index(names="group").sort_values(
        ["copied_bytes", "copies", "group"], ascending=[False, False, True], ignore_index=True
    )
    return ordered[list(_COPIES)].astype(_COPIES)


def files_elsewhere(files: pd.DataFrame, *, by: Place = "layer") -> pd.DataFrame:
    """Measure how much of each layer, or of each image, also stands in another one.

    Parameters
    ----------
    files : DataFrame
        The frame ``files`` of several images.
    by : {"layer", "image"}
        What is compared with the others of its kind.

    Returns
    -------
    DataFrame
        One row for each, most repeated bytes first: holder (diff ID of the layer, or its blob's digest where that is
        unknown; or the image), files, elsewhere (files whose content another holder has too), share (from 0 to 1),
        bytes, elsewhere_bytes, capacity_share.

    Notes
    -----
    Origin: the cross-layer and cross-image file duplicates of Zhao et al., CLUSTER 2019. Two images that share a layer
    have its files in common.
    """
    regular = _regular(files, per_image=by == "image")
    hashed = regular[regular["sha256"].notna()].assign(holder=lambda rows: rows[by])
    holders = hashed.drop_duplicates(["holder", "sha256"]).groupby("sha256").size()
    shared = hashed["sha256"].map(holders).gt(1)
    counts = pd.DataFrame(
        {
            "holder": hashed["holder"],
            "files": 1,
            "elsewhere": shared.astype("int64"),
            "bytes": hashed["size"],
            "elsewhere_bytes": hashed["size"].where(shared, 0),
        }
    )
    table = counts.groupby("holder").sum().reset_index()
    table["share"] = _ratio(table["elsewhere"], table["files"])
    table["capacity_share"] = _ratio(table["elsewhere_bytes"], table["bytes"])
    ordered = table.sort_values(["elsewhere_bytes", "elsewhere", "holder"], ascending=[False, False, True], ignore_index=True)
    return ordered[list(_ELSEWHERE)].astype(_ELSEWHERE)


def file_spread(files: pd.DataFrame) -> pd.DataFrame:
    """List every content with the images and layers that have it, most spread first.

    Parameters
    ----------
    files : DataFrame
        The frame ``files`` of several images; for more rows than fit in memory see `FileIndex`.

    Returns
    -------
    DataFrame
        One row for each content: sha256, size, images, layers, files (members of distinct layers), copied_bytes (those
        of the members beyond the first).
    """
    images = _regular(files, per_image=True).dropna(subset="sha256").drop_duplicates(["image", "sha256"])
    stored = _regular(files, per_image=False).dropna(subset="sha256")
    grouped = stored.groupby("sha256")
    table = pd.DataFrame({"size": grouped["size"].first(), "layers": grouped["layer"].nunique(), "files": grouped.size()})
    table["images"] = images.groupby("sha256").size()
    table["copied_bytes"] = table["size"] * (table["files"] - 1)
    ordered = table.reset_index(names="sha256").sort_values(
        ["images", "files", "sha256"], ascending=[False, False, True], ignore_index=True
    )
    return ordered[list(_SPREAD)].astype(_SPREAD)


def explain_file_copies(found: pd.DataFrame) -> str:
    """Say in a sentence how much of what is stored are copies.

    Parameters
    ----------
    found : DataFrame
        The frame that `file_copies` gives, by any grouping.

    Returns
    -------
    str
    """
    total = found.drop(columns=["group", "count_ratio", "capacity_ratio"]).sum()
    return (
        f"{total['files']:,} files have {total['contents']:,} contents: {total['intra_layer']:,} copies stand in the layer "
        f"of their first, {total['inter_layer']:,} in other layers. Of {total['bytes']:,} B, {total['copied_bytes']:,} B are "
        f"copies. Files without a digest, not counted: {total['unhashed']:,}."
    )


def _regular(files: pd.DataFrame, *, per_image: bool) -> pd.DataFrame:
    """Regular members, each layer once, or once for each image."""
    regular = files.loc[files["type"] == "file", ["image", "blob_digest", "diff_id", "index", "path", "sha256", "size"]]
    regular = regular.assign(layer=regular["diff_id"].fillna(regular["blob_digest"]))
    return regular.drop_duplicates(["image", "layer", "index"] if per_image else ["layer", "index"])


def _groups(regular: pd.DataFrame, by: Grouping) -> pd.Series[str]:
    if by == "all":
        return pd.Series("all", index=regular.index, dtype="str")
    if by == "extension":
        return regular["path"].str.extract(_EXTENSION, expand=False).str.lower().fillna("")
    return regular[by]


def _ratio(whole: pd.Series[int], part: pd.Series[int]) -> pd.Series[float]:
    return whole.astype("Float64") / part.astype("Float64").mask(part == 0)
