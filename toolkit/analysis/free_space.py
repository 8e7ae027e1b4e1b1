"""Delete these tags: what would that free?

The rule of this file: a byte is freed when no name that stays reaches its blob, and everything that is not sure is said.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pandas as pd

from toolkit.errors import UsageError

_FREED: Final = ["digest", "role", "size", "measured", "read"]
_DELETIONS: Final = {"repository": "str", "digest": "str", "root": "bool", "size": "Int64"}


def free_space(reached: pd.DataFrame, deleted: str | Iterable[str]) -> pd.DataFrame:
    """List the blobs that only the names to be deleted reach.

    Parameters
    ----------
    reached : DataFrame
        The frame that `reach` gives, of everything the registry holds: a name that is missing there holds nothing.
    deleted : str or iterable of str
        Names from the column ``name``; all are deleted together.

    Returns
    -------
    DataFrame
        digest, role, size, measured, read: one row for each blob, largest first. The sum of ``size`` is what is freed.

    Raises
    ------
    UsageError
        No name is called so.

    Notes
    -----
    Origin: distribution's ``registry garbage-collect``, which removes every blob no manifest of any repository refers
    to. Counted are the bytes of the blobs' ``data`` files, not disk blocks, and not the small link files of a
    repository. A registry deletes manifests, not tags: `deletions` lists which.
    """
    gone, stays = _parted(reached, deleted)
    freed = gone[~gone["digest"].isin(stays["digest"])].drop_duplicates("digest")
    return freed.sort_values(["size", "digest"], ascending=[False, True], ignore_index=True)[_FREED]


def deletions(reached: pd.DataFrame, deleted: str | Iterable[str]) -> pd.DataFrame:
    """List the manifests to delete in each repository so that a garbage collection frees what `free_space` says.

    Parameters
    ----------
    reached : DataFrame
        The frame that `reach` gives.
    deleted : str or iterable of str
        Names from the column ``name``.

    Returns
    -------
    DataFrame
        repository, digest, root (a name leads to it; else it stands in an index), size; roots first. A manifest that
        another name of the same repository reaches is not listed: a registry that deletes a manifest drops all its tags.

    Raises
    ------
    UsageError
        No name is called so.
    """
    gone, stays = _parted(reached[reached["role"] == "manifest"], deleted)
    kept = pd.MultiIndex.from_frame(stays[["repository", "digest"]])
    listed = gone[~pd.MultiIndex.from_frame(gone[["repository", "digest"]]).isin(kept)]
    listed = listed.assign(root=listed["root"] == listed["digest"])
    ordered = listed.sort_values(["repository", "root", "digest"], ascending=[True, False, True], ignore_index=True)
    return ordered.drop_duplicates(["repository", "digest"], ignore_index=True)[list(_DELETIONS)].astype(_DELETIONS)


def explain_free_space(reached: pd.DataFrame, deleted: str | Iterable[str]) -> str:
    """Say in a sentence what deleting names frees and why the rest stays.

    Parameters
    ----------
    reached : DataFrame
        The frame that `reach` gives.
    deleted : str or iterable of str
        Names from the column ``name``.

    Returns
    -------
    str

    Raises
    ------
    UsageError
        No name is called so.
    """
    gone, stays = _parted(reached, deleted)
    freed = free_space(reached, deleted)
    kept = gone[gone["digest"].isin(stays["digest"])].drop_duplicates("digest")
    holders = stays.loc[stays["digest"].isin(kept["digest"]), "name"].nunique()
    counts = freed["role"].value_counts(sort=False)
    roles = ", ".join(f"{counts[role]:,} {role}{'' if counts[role] == 1 else 's'}" for role in counts.index)
    unsure = int(gone.drop_duplicates("digest")["size"].isna().sum()), int((~gone.drop_duplicates("digest")["read"]).sum())
    return (
        f"Deleting {gone['name'].nunique():,} names frees {int(freed['size'].sum()):,} B: {roles} that nothing else reaches. "
        f"{int(kept['size'].sum()):,} B in {len(kept):,} blobs stay, because {holders:,} other names reach them. "
        f"Sizes unknown: {unsure[0]:,}; documents not read: {unsure[1]:,}."
    )


def _parted(reached: pd.DataFrame, deleted: str | Iterable[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of the names to be deleted, and those of other names that reach the same blobs."""
    asked = [deleted] if isinstance(deleted, str) else list(dict.fromkeys(deleted))
    unknown = sorted(set(asked) - set(reached["name"]))
    if unknown:
        raise UsageError(
            f"nothing is called {unknown[0]!r} here",
            expected="names from the column `name` of `reach`",
            actual=", ".join(unknown),
            next_step="survey the repository first; `stored_sizes` lists every name",
        )
    going = reached["name"].isin(asked)
    gone = reached[going]
    return gone, reached[~going & reached["digest"].isin(gone["digest"].unique())]
