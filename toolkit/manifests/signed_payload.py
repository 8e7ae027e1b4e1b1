"""The signed part of a schema1 manifest, and what is said about it.

The rule of this file: it extracts, it does not judge. A manifest's own digest is taken over these bytes, never over
the whole body, because every answer of a registry carries fresh signatures.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from toolkit.digests import sha256
from toolkit.errors import GoJSONError, SeedPanicError, SignatureFormatError
from toolkit.go_json.clear import clear_object
from toolkit.go_json.decode import RAW, STRING, STRINGS, Slice, Struct, from_node, members, plain
from toolkit.go_json.scan import Node, parse, parse_at
from toolkit.manifests.base64_text import decode_url
from toolkit.manifests.json_web_key import PublicKey, read_key

_BLOCK: Final = Slice(
    "[]libtrust.jsParsedSignature",
    Struct(
        "libtrust.jsParsedSignature",
        (
            ("header", Struct("libtrust.jsParsedHeader", (("jwk", RAW), ("alg", STRING), ("x5c", STRINGS)))),
            ("signature", STRING),
            ("protected", STRING),
        ),
    ),
)
_NAME: Final = re.compile(rb'"signatures"[ \t\r\n]*+:')
_SPELT_LETTER: Final = re.compile(rb"\\u00[67]")
"""A lower-case letter written as an escape (or what looks like one, behind a backslash)."""
_INT64_MIN: Final = -(2**63)
_WHOLE_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class DetachedSignature:
    """One entry of the ``signatures`` list, read but not verified."""

    index: int
    algorithm: str
    protected: str
    signature: str
    jwk: bytes | None
    key: PublicKey | None
    certificates: tuple[str, ...]
    signed_at: str | None

    @property
    def claimed_key_id(self) -> str | None:
        """The ``kid`` member of the key, as it stands there."""
        if self.jwk is None:
            return None
        node = members(self.jwk, "map[string]interface {}").get("kid")
        return None if node is None else str(node.value)

    def signing_input(self, encoded_payload: str) -> bytes:
        """The bytes that were signed: the protected header and the encoded payload, joined by a dot."""
        return f"{self.protected}.{encoded_payload}".encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPayload:
    """The bytes that count, and why.

    ``data`` is the signed payload, or, when the block cannot be read, all of ``raw`` (the seed's fallback) with the
    reason in ``problem``. ``present`` tells whether there is a ``signatures`` member with at least one entry.
    """

    raw: bytes
    data: bytes
    signatures: tuple[DetachedSignature, ...]
    problem: str | None
    present: bool
    irregular: str | None = None
    tail: bytes = b""
    block: Node | None = field(default=None, compare=False, repr=False)
    """The list of signatures as it stands in ``raw``, where it could be read."""

    @property
    def digest(self) -> str:
        """The manifest's own digest."""
        return sha256(self.data)

    @property
    def wrapper(self) -> bytes:
        """The bytes of ``raw`` that follow the signed part."""
        return self.raw[self.split :] if self.problem is None else b""

    @property
    def split(self) -> int:
        """How many bytes at the start of ``raw`` the payload shares with it by construction (``formatLength``)."""
        return len(self.data) - len(self.tail)


def extract(raw: bytes) -> SignedPayload:
    """Find the signed payload of a manifest.

    Parameters
    ----------
    raw : bytes
        The manifest's JSON value, without anything around it.

    Returns
    -------
    SignedPayload
        Never fails for a damaged block: the problem stands in the value, and the payload is then all of ``raw``.

    Raises
    ------
    SeedPanicError
        A negative length, or a key at which libtrust crashed.

    Notes
    -----
    Origin: ``libtrust.ParsePrettySignature`` and ``SignedManifest.Payload``.

    Examples
    --------
    >>> extract(b'{"schemaVersion":1}').problem
    'missing signature key'
    """
    block: Node | None = None
    try:
        block = _block(raw)
        if block is None:
            raise SignatureFormatError("missing signature key")
        return _extract(raw, block)
    except GoJSONError as error:
        problem = f"error unmarshalling content: {error.message}"
    except SignatureFormatError as error:
        problem = error.message
    present = block is not None and block.kind != "null" and block.value != []
    return SignedPayload(raw=raw, data=raw, signatures=(), problem=problem, present=present)


def _block(raw: bytes) -> Node | None:
    """Find the member ``signatures``; of a clear text nothing else has to be read value by value."""
    value = clear_object(raw)
    if value is not None and "signatures" not in value:
        return None
    names = [] if value is None or _SPELT_LETTER.search(raw) else list(_NAME.finditer(raw))
    if len(names) == 1 and raw.count(b'"signatures"') == 1:
        return parse_at(raw, names[0].end())  # no other text in it can be that name
    return members(raw, "map[string]json.RawMessage").get("signatures")


def _extract(raw: bytes, block: Node) -> SignedPayload:
    try:
        entries: list[dict[str, Any]] = from_node(block, raw, _BLOCK) or []
    except GoJSONError as error:
        raise SignatureFormatError(f"error unmarshalling signatures: {error.message}") from error
    length, tail = 0, b""
    irregular: str | None = None
    signatures: list[DetachedSignature] = []
    for index, entry in enumerate(entries):
        header = _protected_header(entry["protected"])
        own_length = _length(header)
        own_tail = _tail(header)
        if length and length != own_length:
            raise SignatureFormatError("conflicting format length", expected=length, actual=own_length)
        if tail and tail != own_tail:
            raise SignatureFormatError("conflicting format tail", expected=tail, actual=own_tail)
        if header["formatLength"].kind == "number" and not _WHOLE_NUMBER.fullmatch(header["formatLength"].value):
            irregular = irregular or f"formatLength is {header['formatLength'].value}, not a whole number"
        length, tail = length or own_length, tail or own_tail
        signatures.append(_signature(index, entry, header))
    if length > len(raw):
        raise SignatureFormatError("invalid format length", expected=f"at most {len(raw)}", actual=length)
    if length < 0:
        raise SeedPanicError(
            "runtime error: makeslice: len out of range",
            where="formatLength of a signature's protected header",
            expected=f"0 to {len(raw)}",
            actual=length,
            next_step="Docker 1.9 crashed here; the manifest was made to do that",
        )
    return SignedPayload(
        raw=raw,
        data=raw[:length] + tail,
        tail=tail,
        signatures=tuple(signatures),
        problem=None,
        present=bool(entries),
        irregular=irregular,
        block=block,
    )


def _protected_header(text: str) -> dict[str, Node]:
    try:
        data = decode_url(text)
    except SignatureFormatError as error:
        raise SignatureFormatError(f"base64 decode error: {error.message}") from error
    try:
        header = members(data, "map[string]interface {}")
        plain(parse(data))  # Go also refuses a number too large under a name that is repeated later
    except GoJSONError as error:
        raise SignatureFormatError(f"error unmarshalling protected header: {error.message}") from error
    return header


def _length(header: dict[str, Node]) -> int:
    node = header.get("formatLength")
    if node is None or node.kind != "number":
        raise SignatureFormatError("missing formatted length")
    value = int(float(node.value))
    return value if -(2**63) <= value < 2**63 else _INT64_MIN


def _tail(header: dict[str, Node]) -> bytes:
    node = header.get("formatTail")
    if node is None or node.kind != "string":
        raise SignatureFormatError("missing formatted tail")
    try:
        return decode_url(node.value)
    except SignatureFormatError as error:
        raise SignatureFormatError(f"base64 decode error on tail: {error.message}") from error


def _signature(index: int, entry: dict[str, Any], protected: dict[str, Node]) -> DetachedSignature:
    jwk: bytes | None = entry["header"]["jwk"]
    key: PublicKey | None = None
    if jwk is not None:
        try:
            key = read_key(jwk)
        except SignatureFormatError as error:
            raise SignatureFormatError(
                f"error unmarshalling public key: {error.message}", expected=error.expected, actual=error.actual
            ) from error
    time = protected.get("time")
    return DetachedSignature(
        index=index,
        algorithm=entry["header"]["alg"],
        protected=entry["protected"],
        signature=entry["signature"],
        jwk=jwk,
        key=key,
        certificates=tuple(entry["header"]["x5c"] or ()),
        signed_at=time.value if time is not None and time.kind == "string" else None,
    )
