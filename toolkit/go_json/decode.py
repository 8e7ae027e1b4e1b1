"""A parsed value into a typed one, by the rules of ``json.Unmarshal`` in Go 1.4.

The rule of this file: keys match exactly or by case folding, repeated keys decode again into the same place, the first
wrong type is remembered and a few abort at once; the text of the refusal is Go's.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from toolkit.errors import GoJSONError
from toolkit.go_json.scan import Node, parse

_SHORT_NAME: Final = 64
_INTEGER: Final = re.compile(r"-?[0-9]+")
_FOLDED: Final = str.maketrans({"\u017f": "s", "\u212a": "k", **{chr(c): chr(c + 32) for c in range(65, 91)}})


@dataclass(frozen=True, slots=True)
class Scalar:
    """A Go string, int, int64 or bool type; ``name`` is Go's name for it in error texts."""

    name: str
    kind: str  # string, number, bool


@dataclass(frozen=True, slots=True, eq=False)
class Struct:
    """A Go struct: JSON names and types in the order of its fields."""

    name: str
    fields: tuple[tuple[str, GoType], ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """A Go slice. Its backing storage survives: see ``_Decoder._array``."""

    name: str
    element: GoType


@dataclass(frozen=True, slots=True)
class Map:
    """A Go map with string keys."""

    name: str
    element: GoType


@dataclass(frozen=True, slots=True)
class Pointer:
    """A Go pointer: ``null`` makes it nil, anything else fills what it points to."""

    element: GoType


@dataclass(frozen=True, slots=True)
class Custom:
    """A Go type that reads its own raw text (``UnmarshalJSON``); ``nullable`` when it stands behind a pointer."""

    decode: Callable[[bytes], Any]
    zero: Any
    nullable: bool = False


GoType = Scalar | Struct | Slice | Map | Pointer | Custom

STRING: Final = Scalar("string", "string")
INT: Final = Scalar("int", "number")
INT64: Final = Scalar("int64", "number")
BOOL: Final = Scalar("bool", "bool")
EMPTY_STRUCT: Final = Struct("struct {}", ())
STRINGS: Final = Slice("[]string", STRING)
RAW: Final = Custom(lambda raw: raw, None)


class _GoList:
    """A slice in the making: what is live, and the backing storage that a later, shorter list leaves behind."""

    __slots__ = ("length", "storage")

    def __init__(self) -> None:
        self.length = 0
        self.storage: list[Any] = []


def unmarshal(data: bytes, go_type: GoType) -> Any:
    """Decode one JSON text (``json.Unmarshal``).

    Returns
    -------
    object
        A dict for a struct (every field present), a list or None for a slice, a dict or None for a map.

    Raises
    ------
    GoJSONError
        With Go's text, e.g. ``json: cannot unmarshal array into Go value of type string``.
    """
    return from_node(parse(data), data, go_type)


def from_node(node: Node, data: bytes, go_type: GoType) -> Any:
    """Decode a value that was already parsed out of ``data``."""
    decoder = _Decoder(data)
    value = decoder.value(go_type, node, _zero(go_type))
    if decoder.first_error is not None:
        raise decoder.first_error
    return _finished(go_type, value)


@functools.cache
def _names(go_type: Struct) -> tuple[dict[str, GoType], dict[str, str]]:
    """The fields of a struct by name, and their names by how a key is matched to them."""
    types = dict(go_type.fields)
    return types, {fold(name): name for name in types}


def fold(name: str) -> str:
    """Fold a key as Go matches it to a field: ASCII letters, long s and the kelvin sign."""
    return _folded(name) if len(name) <= _SHORT_NAME else name.translate(_FOLDED)


@functools.lru_cache(maxsize=1024)
def _folded(name: str) -> str:
    return name.translate(_FOLDED)


def members(data: bytes, go_type: str) -> dict[str, Node]:
    """Read a text that must be an object; of a repeated name the last value counts, ``null`` is an empty object."""
    node = parse(data)
    if node.kind == "null":
        return {}
    if node.kind != "object":
        raise _cannot(node.kind, go_type, node)
    return dict(node.value)


def plain(node: Node, number: Callable[[Node], Any] | None = None) -> Any:
    """Turn a value into what Go keeps in an ``interface {}``: every number a float, the last of repeated names.

    ``number`` says otherwise what becomes of a number. A loop, not a recursion: a hostile text may be nested deeply.
    """
    number = number or _float
    result: list[Any] = [None]
    open_places: list[tuple[Any, Any, Node]] = [(result, 0, node)]
    while open_places:
        holder, key, node = open_places.pop()
        value: Any = node.value
        if node.kind == "object":
            value = {}
            open_places.extend((value, name, child) for name, child in reversed(node.value))
        elif node.kind == "array":
            value = [None] * len(node.value)
            open_places.extend((value, index, node.value[index]) for index in reversed(range(len(node.value))))
        elif node.kind == "number":
            value = number(node)
        holder[key] = value
    return result[0]


def _float(node: Node) -> float:
    value = float(node.value)
    if value in (float("inf"), float("-inf")):
        raise _cannot(f"number {node.value}", "float64", node)
    return value


def _cannot(what: str, go_type: str, node: Node) -> GoJSONError:
    return GoJSONError(
        f"json: cannot unmarshal {what} into Go value of type {go_type}",
        where=f"byte {node.start}",
        expected=go_type,
        actual=what,
    )


def _zero(go_type: GoType) -> Any:
    if isinstance(go_type, Scalar):
        return {"string": "", "number": 0, "bool": False}[go_type.kind]
    if isinstance(go_type, Struct):
        return {name: _zero(field) for name, field in go_type.fields}
    return go_type.zero if isinstance(go_type, Custom) else None


def _finished(go_type: GoType, value: Any) -> Any:
    if isinstance(go_type, Pointer):
        return None if value is None else _finished(go_type.element, value)
    if isinstance(go_type, Struct):
        return {name: _finished(field, value[name]) for name, field in go_type.fields}
    if isinstance(go_type, Slice) and value is not None:
        return [_finished(go_type.element, item) for item in value.storage[: value.length]]
    return value


class _Decoder:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.first_error: GoJSONError | None = None

    def value(self, go_type: GoType, node: Node, current: Any) -> Any:
        """Decode ``node`` over ``current`` and return what stands there afterwards."""
        if isinstance(go_type, Custom):
            if node.kind == "null" and go_type.nullable:
                return None
            return go_type.decode(self.data[node.start : node.end])
        if node.kind == "null":
            return current if isinstance(go_type, Scalar | Struct) else None
        if isinstance(go_type, Pointer):
            return self.value(go_type.element, node, _zero(go_type.element) if current is None else current)
        if node.kind == "object" and isinstance(go_type, Struct):
            return self._struct(go_type, node, current)
        if node.kind == "object" and isinstance(go_type, Map):
            return self._map(go_type, node, current)
        if node.kind == "array" and isinstance(go_type, Slice):
            return self._array(go_type, node, current)
        if isinstance(go_type, Scalar) and node.kind == go_type.kind:
            return self._scalar(go_type, node, current)
        error = _cannot(node.kind, go_type.name, node)
        if node.kind == "number":
            raise error
        self.first_error = self.first_error or error
        return current

    def _scalar(self, go_type: Scalar, node: Node, current: Any) -> Any:
        if go_type.kind != "number":
            return node.value
        literal: str = node.value
        # 19 digits at most: Python, unlike Go, would convert (slowly) a number of any length.
        if _INTEGER.fullmatch(literal) and len(literal) <= 20 and -(2**63) <= int(literal) < 2**63:
            return int(literal)
        self.first_error = self.first_error or _cannot(f"number {literal}", go_type.name, node)
        return current

    def _struct(self, go_type: Struct, node: Node, current: dict[str, Any]) -> dict[str, Any]:
        types, folded = _names(go_type)
        for key, value in node.value:
            name = key if key in types else folded.get(fold(key))
            if name is not None:
                current[name] = self.value(types[name], value, current[name])
        return current

    def _map(self, go_type: Map, node: Node, current: Mapping[str, Any] | None) -> dict[str, Any]:
        result = dict(current or {})
        for key, value in node.value:
            result[key] = self.value(go_type.element, value, _zero(go_type.element))
        return result

    def _array(self, go_type: Slice, node: Node, current: _GoList | None) -> _GoList:
        """Decode over the backing storage of the earlier list: an element keeps what its new text does not mention."""
        items = current or _GoList()
        for index, value in enumerate(node.value):
            if index >= len(items.storage):
                capacity = max(4, len(items.storage) + len(items.storage) // 2)
                live = items.storage[: items.length]
                items.storage = live + [_zero(go_type.element) for _ in range(capacity - len(live))]
            items.length = max(items.length, index + 1)
            items.storage[index] = self.value(go_type.element, value, items.storage[index])
        if not node.value:
            return _GoList()
        items.length = len(node.value)
        return items
