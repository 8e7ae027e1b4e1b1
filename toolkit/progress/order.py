"""Which step of a layer comes after which.

The rule of this file: a layer goes forward. Threads tell what they did, so a step may be heard late; who shows steps asks
here whether it still counts.
"""

from __future__ import annotations

from typing import Final

_RANK: Final = {
    "waiting": 0,
    "joined": 0,
    "downloading": 1,
    "verifying": 2,
    "complete": 3,
    "extracting": 4,
    "registered": 5,
}
_FETCHED: Final = _RANK["complete"]


def is_late(before: str, action: str) -> bool:
    """Tell whether a step says less about its layer than is known already.

    Parameters
    ----------
    before : str
        The action last heard of the layer; empty when there was none.
    action : str
        The action heard now. One that is not known here counts until the layer is complete.

    Returns
    -------
    bool
        Never true for ``failed``, nor for what follows a failure: that is a new attempt.

    >>> is_late("complete", "verifying"), is_late("complete", "extracting"), is_late("failed", "downloading")
    (True, False, False)
    """
    known = _RANK.get(before)
    if known is None or action == "failed":
        return False
    return _RANK.get(action, _FETCHED - 1) < known if known >= _FETCHED else _RANK.get(action, known) < known


def is_fetched(action: str) -> bool:
    """Tell whether the bytes of a layer are here and are the ones claimed.

    >>> is_fetched("extracting"), is_fetched("failed")
    (True, False)
    """
    return _RANK.get(action, 0) >= _FETCHED
