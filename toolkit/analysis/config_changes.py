"""Two configurations of an image, setting by setting.

The rule of this file: variables and labels are compared by name, everything else as a whole; values are shown as JSON, so
that nothing and an empty text are two things.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from toolkit.errors import UsageError
from toolkit.manifests.descriptor import read_object

_CHANGES: Final = pd.CategoricalDtype(["added", "removed", "changed"], ordered=False)
_COLUMNS: Final[dict[str, Any]] = {"setting": "str", "key": "str", "change": _CHANGES, "before": "str", "after": "str"}
_BY_NAME: Final = ("config.Labels", "config.ExposedPorts", "config.Volumes")


def config_changes(before: bytes, after: bytes) -> pd.DataFrame:
    """List what differs between two configurations.

    Parameters
    ----------
    before, after : bytes
        Configurations as they were received: of today's images, or those of strong IDs.

    Returns
    -------
    DataFrame
        One row for each difference, sorted: setting (a member of the configuration, such as ``architecture``, or of its
        ``config``, such as ``config.Entrypoint``), key (the variable, label, port or volume; empty for other settings),
        change (added, removed, changed), before and after (the values as JSON; missing where there is none).

    Raises
    ------
    GoJSONError
        Not JSON.
    UsageError
        JSON, but no object.

    Examples
    --------
    >>> config_changes(b'{"config": {"Env": ["A=1", "B=2"]}}', b'{"config": {"Env": ["A=3", "B=2"]}}').to_dict("records")
    [{'setting': 'config.Env', 'key': 'A', 'change': 'changed', 'before': '"1"', 'after': '"3"'}]
    """
    old, new = (_settings(_object(config)) for config in (before, after))
    rows = [
        {
            "setting": setting,
            "key": key,
            "change": "changed" if one in old and one in new else "added" if one in new else "removed",
            "before": old.get(one),
            "after": new.get(one),
        }
        for one in sorted(old.keys() | new.keys())
        if old.get(one) != new.get(one)
        for setting, key in [one]
    ]
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)


def _object(config: bytes) -> dict[str, Any]:
    try:
        return read_object(config)
    except ValueError as error:
        raise UsageError(
            "not a configuration",
            expected="a JSON object",
            actual=str(error),
            next_step="hand in the bytes that `evidence` gives for a row of `descriptors` with the role config",
        ) from error


def _settings(document: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Every setting by its name and key, as JSON; null is nothing."""
    inner = document.get("config")
    members = {name: value for name, value in document.items() if name != "config" or not isinstance(inner, dict)}
    if isinstance(inner, dict):
        members |= {f"config.{name}": value for name, value in inner.items()}
    found: dict[tuple[str, str], Any] = {}
    for name, value in members.items():
        if name == "config.Env" and isinstance(value, list) and all(isinstance(one, str) for one in value):
            found |= {(name, variable): text for variable, text in (_variable(one) for one in value)}
        elif name in _BY_NAME and isinstance(value, dict):
            found |= {(name, key): one for key, one in value.items()}
        elif value is not None:
            found[name, ""] = value
    return {one: json.dumps(value, sort_keys=True) for one, value in found.items()}


def _variable(entry: str) -> tuple[str, str | None]:
    name, sign, text = entry.partition("=")
    return name, text if sign else None
