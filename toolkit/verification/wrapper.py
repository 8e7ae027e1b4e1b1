"""The bytes of a signed manifest that no signature covers: the signatures block itself.

The rule of this file: such bytes cannot be proved, so they must at least be regular. A block is rendered anew in the
few ways its writers are known to write it, and must equal one of them to the byte.
"""

from __future__ import annotations

import itertools
import json
import re
from json.encoder import encode_basestring_ascii
from typing import Any, Final

from toolkit.errors import SignatureFormatError
from toolkit.go_json.decode import plain
from toolkit.go_json.scan import Node
from toolkit.manifests.base64_text import decode_url, encode_url
from toolkit.manifests.signed_payload import SignedPayload

_ENTRY: Final = {"header", "signature", "protected"}
_HEADER: Final = {"jwk", "alg", "x5c", "chain"}
_KEY: Final = {"crv", "kid", "kty", "x", "y", "e", "n"}
_BASE64_MEMBERS: Final = {"x", "y", "e", "n"}
_COMMAS: Final = (",", ", ")
_COLONS: Final = (":", ": ")
_PRETTY: Final = re.compile(rb'(,|, )\n([ \t]*)"signatures": ')


def irregularity(payload: SignedPayload) -> str | None:
    """Say what is irregular about the bytes around a signed payload; None when they are as their writer writes them.

    Parameters
    ----------
    payload : SignedPayload
        With signatures that could be read.

    Returns
    -------
    str or None

    Notes
    -----
    Origin: ``libtrust.JSONSignature.PrettySignature``, and the same block as written by Quay and by py-libtrust. Without
    this rule a blank could become a tab, or ``kid`` become ``kie``, and nobody would notice.
    """
    if payload.irregular is not None:
        return payload.irregular
    block = _read(payload.block)
    for index, entry in enumerate(block):
        problem = _entry_problem(entry)
        if problem is not None:
            return f"signatures[{index}]: {problem}"
    if payload.wrapper not in _renderings(block, payload.wrapper):
        return "white space, order or spelling around the signatures is not what any known writer produces"
    return None


def _read(block: Node | None) -> list[Any]:
    """Read the list of signatures; numbers stay as they are spelt."""
    assert block is not None  # a payload without a problem has one
    entries: list[Any] = plain(block, number=lambda node: node.value)
    return entries


def _entry_problem(entry: Any) -> str | None:
    header = entry.get("header") if isinstance(entry, dict) else None
    if not isinstance(header, dict):
        return "no header of that exact name"
    key = header.get("jwk", {})
    if header.get("chain"):
        return "a member 'chain' with something in it"  # py-libtrust writes it, always empty
    for value, known, place in ((entry, _ENTRY, "entry"), (header, _HEADER, "header"), (key, _KEY, "jwk")):
        unknown = sorted(set(value) - known)
        if unknown:
            return f"unknown member {unknown[0]!r} in the {place}"
    if not all(isinstance(value, str) for value in key.values()):
        return "a member of the jwk that is no text"
    texts = {name: key[name] for name in sorted(_BASE64_MEMBERS & set(key))} | {"signature": entry.get("signature", "")}
    return next((f"{name} is not canonical base64url" for name, text in texts.items() if not _is_canonical(text)), None)


def _is_canonical(text: object) -> bool:
    try:
        return isinstance(text, str) and encode_url(decode_url(text)) == text
    except SignatureFormatError:
        return False


def _renderings(block: list[Any], wrapper: bytes) -> list[bytes]:
    """Write the block in every way a writer is known to; no two of one length differ in a single byte."""
    match = _PRETTY.match(wrapper)
    if match is not None:
        comma, pad = match[1].decode(), match[2].decode()
        return [f'{comma}\n{pad}"signatures": {_lines(block, pad, comma, 1)}\n}}'.encode()]
    return [
        f'{lead}"signatures"{after_name}{json.dumps(block, separators=separators)}}}'.encode()
        for lead in _COMMAS
        for after_name in _COLONS
        for separators in itertools.product(_COMMAS, _COLONS)
    ]


def _lines(value: Any, pad: str, comma: str, depth: int) -> str:
    """Write a value as ``json.dumps`` with an indent does, which is slow: it has no part in C for that."""
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    if not value or not isinstance(value, dict | list):
        return json.dumps(value)
    if isinstance(value, dict):
        opening, closing = "{", "}"
        items = [f"{encode_basestring_ascii(name)}: {_lines(one, pad, comma, depth + 1)}" for name, one in value.items()]
    else:
        opening, closing = "[", "]"
        items = [_lines(one, pad, comma, depth + 1) for one in value]
    line = "\n" + pad * (depth + 1)
    return f"{opening}{line}{(comma + line).join(items)}\n{pad * depth}{closing}"
