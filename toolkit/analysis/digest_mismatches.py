"""Digests that are not what was claimed, side by side.

The rule of this file: equality is computed over whole digests; where they part is a number, not an impression.
"""

from __future__ import annotations

import re
from typing import Final

import pandas as pd

_DIGEST: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})|sha512:([0-9a-f]{128})", re.ASCII)
_COLUMNS: Final = {
    "image": "str",
    "rule": "str",
    "subject": "str",
    "expected": "str",
    "actual": "str",
    "refuses": "bool",
    "first_difference": "int64",
    "bits": "int64",
    "of_bits": "int64",
}


def digest_mismatches(checks: pd.DataFrame) -> pd.DataFrame:
    """List failed checks whose two sides are digests or IDs of the same length.

    Parameters
    ----------
    checks : DataFrame
        The frame ``checks`` of one or several images.

    Returns
    -------
    DataFrame
        image, rule, subject, expected, actual (in full), refuses, first_difference (index of the first hex digit that
        differs), bits that differ, of_bits. Two hashes of different bytes differ in about half of their bits.
    """
    rows = []
    for check in checks[checks["outcome"] == "failed"].itertuples(index=False):
        expected, actual = _hex(check.expected), _hex(check.actual)
        if expected is None or actual is None or len(expected) != len(actual):
            continue
        rows.append(
            {
                "image": check.image,
                "rule": check.rule,
                "subject": check.subject,
                "expected": check.expected,
                "actual": check.actual,
                "refuses": bool(check.enforced),
                "first_difference": next(
                    (index for index, pair in enumerate(zip(expected, actual, strict=True)) if pair[0] != pair[1]),
                    len(expected),
                ),
                "bits": (int(expected, 16) ^ int(actual, 16)).bit_count(),
                "of_bits": 4 * len(expected),
            }
        )
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)


def _hex(text: object) -> str | None:
    match = _DIGEST.fullmatch(text) if isinstance(text, str) else None
    return None if match is None else match[1] or match[2]
