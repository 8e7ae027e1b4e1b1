"""What each name of a registry reaches: indexes, manifests, configurations and layers.

The rule of this file: who holds which bytes is worked out here once; sizes, savings on disk and drift only count its rows.
"""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from toolkit.analysis.names import Holders, names
from toolkit.manifests.media_types import is_foreign

_ROLES: Final = pd.CategoricalDtype(["manifest", "config", "layer"], ordered=False)
_COLUMNS: Final[dict[str, Any]] = {
    "name": "str",
    "repository": "str",
    "tag": "str",
    "root": "str",
    "digest": "str",
    "role": _ROLES,
    "size": "Int64",
    "measured": "bool",
    "read": "bool",
}


def reach(manifests: pd.DataFrame, descriptors: pd.DataFrame, layers: pd.DataFrame, *, holders: Holders = "tags") -> pd.DataFrame:
    """List every blob that every name reaches.

    Parameters
    ----------
    manifests, descriptors, layers : DataFrame
        The frames of one or several calls, together: of a report, a ledger or a survey.
    holders : {"tags", "all"}
        See `names`.

    Returns
    -------
    DataFrame
        One row for each name and digest: name, repository, tag, root (digest of the document the name leads to),
        digest, role (manifest, config, layer), size (bytes in a registry's store; missing when nobody said), measured
        (the size is that of bytes received, not a claim), read (false for a document that was never received: what it
        reaches is unknown).

    Notes
    -----
    Origin: the references a registry marks before it collects garbage: distribution's ``MarkAndSweep`` and
    ``Manifest.References``. An index holds its manifests, a manifest its configuration and its layers. A subject is
    not held, and layers a registry need not have (foreign ones) are left out. A schema1 manifest counts as its signed
    payload: that is what a registry stores.
    """
    listed = names(manifests, holders=holders)
    edges = _edges(manifests, descriptors, layers)
    documents = _documents(listed["root"].drop_duplicates(), edges[edges["role"] == "manifest"])
    content = documents.merge(
        edges[edges["role"] != "manifest"], left_on="digest", right_on="document", how="inner", suffixes=("_of", "")
    )
    held = pd.concat([documents.assign(role="manifest"), content[["root", "digest", "role"]]], ignore_index=True)
    held = held.drop_duplicates(["root", "digest"])
    facts = _facts(manifests, descriptors, layers)
    held = held.merge(facts, on="digest", how="left", validate="many_to_one")
    held["measured"] = held["measured"].eq(other=True)
    held["read"] = held["role"].ne("manifest") | held["digest"].isin(set(manifests["digest"]))
    found = listed.merge(held, on="root", how="inner", validate="many_to_many")
    return found[list(_COLUMNS)].astype(_COLUMNS)


def _edges(manifests: pd.DataFrame, descriptors: pd.DataFrame, layers: pd.DataFrame) -> pd.DataFrame:
    """Which document points at what; a schema1 manifest's layers are known from their slots only."""
    wanted = descriptors[descriptors["role"].isin(_ROLES.categories)]
    foreign = [media_type for media_type in wanted["media_type"].unique() if is_foreign(media_type)]
    pointed = wanted.loc[~wanted["media_type"].isin(foreign), ["document", "digest", "role"]]
    old = manifests.loc[manifests["kind"] == "schema1", ["pull", "image", "digest"]].rename(columns={"digest": "document"})
    slots = old.drop_duplicates(["pull", "image"], keep="last").merge(
        layers[["pull", "image", "blob_digest"]].rename(columns={"blob_digest": "digest"}),
        on=["pull", "image"],
        how="inner",
        validate="one_to_many",
    )
    edges = pd.concat([pointed.astype({"role": "str"}), slots[["document", "digest"]].assign(role="layer")], ignore_index=True)
    return edges.drop_duplicates(ignore_index=True)


def _documents(roots: pd.Series[str], edges: pd.DataFrame) -> pd.DataFrame:
    """Every document under each root, the root among them: one step down at a time."""
    found = front = pd.DataFrame({"root": roots, "digest": roots}).astype("str")
    while len(front):
        below = front.merge(edges, left_on="digest", right_on="document", how="inner", suffixes=("_of", ""))
        both = pd.concat([found, below[["root", "digest"]]], ignore_index=True).drop_duplicates()
        found, front = both, both.iloc[len(found) :]
    return found


def _facts(manifests: pd.DataFrame, descriptors: pd.DataFrame, layers: pd.DataFrame) -> pd.DataFrame:
    """The size of every blob: as received, where it was; else as the first that names it claims."""
    right = layers[layers["actual_digest"].fillna(layers["blob_digest"]) == layers["blob_digest"]]
    sized = [
        (manifests["digest"], manifests["payload_size"], True),
        (right["blob_digest"], right["size"], True),
        (descriptors["digest"], descriptors["size"], False),
        (layers["blob_digest"], layers["claimed_size"], False),
    ]
    facts = pd.concat(
        [
            pd.DataFrame({"digest": digest, "size": size.astype("Int64"), "measured": measured})
            for digest, size, measured in sized
        ],
        ignore_index=True,
    )
    return facts.dropna(subset="size").drop_duplicates("digest")
