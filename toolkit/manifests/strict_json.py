"""What every JSON reader must agree on before a document can be believed.

The rule of this file: it only complains. Each complaint is one sentence with a place; the reading itself is Go's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from toolkit.errors import GoJSONError
from toolkit.go_json.clear import clear_object
from toolkit.go_json.decode import fold
from toolkit.go_json.scan import Node, parse

MAX_DEPTH: Final = 64
_INT64: Final = range(-(2**63), 2**63)


def complaints(text: bytes) -> Iterator[str]:
    """Name everything in which two JSON readers could differ.

    Parameters
    ----------
    text : bytes
        A whole JSON text; white space around it is allowed.

    Returns
    -------
    iterator of str
        Bytes that are not UTF-8, a byte order mark, names that are equal or equal but for case, lone surrogates,
        integers beyond 64 bits, nesting beyond 64 levels.

    Notes
    -----
    Origin: RFC 8259 and RFC 7493 (I-JSON); CVE-2014-8179 is what a difference costs.

    >>> list(complaints(b'{"a":1,"A":2}'))
    ["the names 'a' and 'A' differ only in case, in the document"]
    """
    return iter(()) if clear_object(text) is not None else _complaints(text)


def _complaints(text: bytes) -> Iterator[str]:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        yield f"not UTF-8 at byte {error.start}"
    try:
        root = parse(text)
    except GoJSONError as error:
        yield f"not one JSON value: {error.message} at {error.where}"
        return
    pending = [(root, "", 1)]
    while pending:
        node, place, depth = pending.pop()
        if depth > MAX_DEPTH:
            yield f"nested deeper than {MAX_DEPTH} levels at byte {node.start}"
            continue
        if node.kind == "object":
            yield from _name_complaints(node, place)
            pending += [(value, f"{place}.{name}" if place else name, depth + 1) for name, value in node.value]
        elif node.kind == "array":
            pending += [(value, f"{place}[{index}]", depth + 1) for index, value in enumerate(node.value)]
        elif node.kind == "number":
            literal = node.value
            if literal.lstrip("-").isdigit() and (len(literal) > 20 or int(literal) not in _INT64):
                yield f"an integer beyond 64 bits at {place or 'the document'}"
        elif node.kind == "string" and b"\\" in text[node.start : node.end] and "\ufffd" in node.value:
            yield f"a lone surrogate at {place or 'the document'}"


def _name_complaints(node: Node, place: str) -> Iterator[str]:
    seen: dict[str, str] = {}
    for name, _ in node.value:
        folded = fold(name)
        earlier = seen.get(folded)
        where = f"in {place}" if place else "in the document"
        if earlier is None:
            seen[folded] = name
        elif earlier == name:
            yield f"the name {name!r} stands twice, {where}"
        else:
            yield f"the names {earlier!r} and {name!r} differ only in case, {where}"
