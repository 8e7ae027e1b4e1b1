"""A text into a typed value, by the short way where there is one.

The rule of this file: the result is that of ``decode.unmarshal``, refusals included; a text that is not clear, or does
not fit its type, goes there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, NoReturn

from toolkit.go_json import decode
from toolkit.go_json.clear import clear_object
from toolkit.go_json.decode import GoType, Scalar, Slice, Struct, fold

_KINDS: Final = {"string": str, "number": int, "bool": bool}

_Fit = Callable[[Any], Any]
"""Takes a value of a clear text, gives the typed one."""


class _MisfitError(Exception):
    """The value is not of the type; the exact reader says so in Go's words."""


def unmarshal(text: bytes, go_type: Struct) -> Any:
    """Decode one JSON text, as ``decode.unmarshal`` does.

    Parameters
    ----------
    text : bytes
    go_type : Struct
        Of structs, slices and scalars; with anything else in it the long way is taken.

    Returns
    -------
    dict
        Every field present.

    Raises
    ------
    GoJSONError
        With Go's text.

    >>> unmarshal(b'{"SIZE": 3}', Struct("box", (("size", decode.INT), ("name", decode.STRING))))
    {'size': 3, 'name': ''}
    """
    value = clear_object(text)
    if value is None:
        return decode.unmarshal(text, go_type)
    try:
        return _fit_of(go_type)(value)
    except _MisfitError:
        return decode.unmarshal(text, go_type)


@functools.cache
def _fit_of(go_type: GoType) -> _Fit:
    if isinstance(go_type, Scalar):
        return _scalar(_KINDS[go_type.kind])
    if isinstance(go_type, Slice):
        return _slice(_fit_of(go_type.element))
    return _struct(go_type) if isinstance(go_type, Struct) else _misfit


def _misfit(_: Any) -> NoReturn:
    raise _MisfitError


def _scalar(kind: type) -> _Fit:
    def fit(value: Any) -> Any:
        if type(value) is kind:
            return value
        return kind() if value is None else _misfit(value)

    return fit


def _slice(element: _Fit) -> _Fit:
    def fit(value: Any) -> Any:
        if isinstance(value, list):
            return [element(one) for one in value]
        return None if value is None else _misfit(value)

    return fit


def _struct(go_type: Struct) -> _Fit:
    fits = {name: _fit_of(field) for name, field in go_type.fields}
    folded = {fold(name): name for name in fits}

    def fit(value: Any) -> Any:
        members = {} if value is None else value
        if not isinstance(members, dict):
            raise _MisfitError
        found: dict[str, Any] = {}
        for key, one in members.items():
            name = key if key in fits else folded.get(fold(key))
            if name is not None:
                found[name] = fits[name](one)
        return {name: found[name] if name in found else zero_of(None) for name, zero_of in fits.items()}

    return fit
