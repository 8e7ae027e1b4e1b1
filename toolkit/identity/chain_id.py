"""OCI chain IDs: what the same layers are called today.

The rule of this file: a chain ID names layers and their order, nothing else: no configuration, no history.
"""

from __future__ import annotations

from collections.abc import Iterable

from toolkit.digests import sha256


def chain_ids(diff_ids: Iterable[str]) -> list[str]:
    """Chain diff IDs from the base up.

    Parameters
    ----------
    diff_ids : iterable of str
        ``sha256:<hex>`` of each uncompressed layer tar, base first.

    Returns
    -------
    list of str
        For each layer, the chain ID up to and including it.

    Notes
    -----
    Origin: OCI image-spec, config.md, "Layer ChainID".

    >>> chain_ids(["sha256:aa", "sha256:bb"])[0]
    'sha256:aa'
    """
    chain: list[str] = []
    for diff_id in diff_ids:
        chain.append(sha256(f"{chain[-1]} {diff_id}".encode()) if chain else diff_id)
    return chain
