"""What a registry calls its documents: tags, repositories, and what each tag leads to.

The rule of this file: a name is split here and nowhere else, and the last call that asked for it says what it names.
"""

from __future__ import annotations

from typing import Final, Literal

import pandas as pd

Holders = Literal["tags", "all"]

_COLUMNS: Final = {"name": "str", "repository": "str", "tag": "str", "root": "str", "kind": "str"}
_END: Final = r"(?::[^:/@]+)?(?:@.+)?$"


def repositories(images: pd.Series[str]) -> pd.Series[str]:
    """Take tag and digest off references.

    Parameters
    ----------
    images : Series of str
        References, as in every column ``image``.

    Returns
    -------
    Series of str

    Examples
    --------
    >>> repositories(pd.Series(["localhost:5000/a/b:1", "a/b@sha256:00", "a/b", "localhost:5000/a"])).tolist()
    ['localhost:5000/a/b', 'a/b', 'a/b', 'localhost:5000/a']
    """
    return images.str.replace(_END, "", regex=True)


def names(manifests: pd.DataFrame, *, holders: Holders = "tags") -> pd.DataFrame:
    """List the names that were asked for, and the document each led to.

    Parameters
    ----------
    manifests : DataFrame
        The frame ``manifests`` of one or several calls.
    holders : {"tags", "all"}
        Whether a document that was asked for by digest counts as a name. What was only looked at under its digest is
        kept by a registry under no name, so by default it does not.

    Returns
    -------
    DataFrame
        name (repository and tag), repository, tag (empty for a digest), root (digest of the document: an index, where
        there is one), kind; one row for each name, sorted.

    Notes
    -----
    ``a/b`` and ``a/b:latest`` are one name. One repository written in two ways, with and without its host, is two.
    """
    roots = manifests[manifests["parent"].isna() & (manifests["digest"] != "")].sort_values("at", kind="stable")
    by_digest = roots["requested"].str.contains(":", regex=False)
    bare = roots["image"] == roots["requested"]
    repository = repositories(roots["image"]).mask(bare, "")
    tagged = repository.str.cat(roots["requested"], sep=":").mask(bare, roots["image"])
    found = pd.DataFrame(
        {
            "name": tagged.mask(by_digest, roots["image"]),
            "repository": repository,
            "tag": roots["requested"].mask(by_digest, ""),
            "root": roots["digest"],
            "kind": roots["kind"].astype("str"),
        }
    )
    if holders == "tags":
        found = found[~by_digest]
    return found.drop_duplicates("name", keep="last").sort_values("name", ignore_index=True).astype(_COLUMNS)
