"""The bytes around a signed payload: regular in one of the few known ways, or told what is odd."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.manifests.base64_text import encode_url
from toolkit.manifests.signed_payload import extract
from toolkit.simulator.signing import SigningKey, sign_manifest, signature_entry, wrap
from toolkit.verification.wrapper import _lines, irregularity

PAYLOAD: Final = b'{\n   "schemaVersion": 1\n}'
LENGTH: Final = len(PAYLOAD) - 2
KEY: Final = SigningKey("somebody")
ENTRY: Final = signature_entry(PAYLOAD, KEY, LENGTH, b"\n}")
ODD: Final = "white space, order or spelling around the signatures is not what any known writer produces"

FLAT_PAYLOAD: Final = b'{"schemaVersion":1}'
FLAT_ENTRY: Final = signature_entry(FLAT_PAYLOAD, KEY, len(FLAT_PAYLOAD) - 1, b"}")


def said(raw: bytes) -> str | None:
    payload = extract(raw)
    assert payload.problem is None
    return irregularity(payload)


def with_entry(change: Callable[[dict[str, Any]], dict[str, Any]]) -> bytes:
    return wrap(PAYLOAD, [change(ENTRY)])


def in_header(**members: Any) -> bytes:
    return with_entry(lambda entry: {**entry, "header": {**entry["header"], **members}})


def in_key(**members: Any) -> bytes:
    return in_header(jwk={**ENTRY["header"]["jwk"], **members})


def test_what_libtrust_writes_is_regular() -> None:
    assert said(sign_manifest(PAYLOAD, [KEY])) is None
    assert said(sign_manifest(PAYLOAD, [KEY, SigningKey("another", "P-521")])) is None


@pytest.mark.parametrize("pad", ["", " ", "    ", "\t"])
def test_any_one_indent_is_regular(pad: str) -> None:
    head = PAYLOAD[:LENGTH]
    block = json.dumps([ENTRY], indent=pad).replace("\n", f"\n{pad}")
    assert said(head + f',\n{pad}"signatures": {block}\n}}'.encode()) is None


@pytest.mark.parametrize("lead", [",", ", "])
@pytest.mark.parametrize("colon", [":", ": "])
@pytest.mark.parametrize("comma", [",", ", "])
def test_a_block_on_one_line_is_regular(lead: str, colon: str, comma: str) -> None:
    block = json.dumps([FLAT_ENTRY], separators=(comma, colon))
    assert said(FLAT_PAYLOAD[:-1] + f'{lead}"signatures":{block}}}'.encode()) is None


def test_an_empty_chain_is_what_py_libtrust_writes() -> None:
    assert said(in_header(chain=[])) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.replace(b',\n   "signatures"', b',\n\t  "signatures"'),
        lambda raw: raw.replace(b'"signatures": [', b'"signatures" : ['),
        lambda raw: raw.replace(b'"alg": ', b'"alg":  '),
        lambda raw: raw.replace(b'"alg"', b'"\\u0061lg"'),
        lambda raw: raw.replace(b"\n}", b"\r\n}"),
        lambda raw: raw[:-2] + b',\n   "more": 1\n}',
        lambda raw: raw.replace(b'"ES256"', b'"ES25\\u0036"'),
        lambda raw: raw.replace(b'{\n         "header"', b'{\n         "signature": "AAAA",\n         "header"'),
    ],
)
def test_any_other_spelling_is_odd(change: Callable[[bytes], bytes]) -> None:
    head = PAYLOAD[:LENGTH]
    raw = sign_manifest(PAYLOAD, [KEY])
    changed = head + change(raw[LENGTH:])
    assert changed != raw
    assert said(changed) == ODD


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (with_entry(lambda entry: {**entry, "more": 1}), "signatures[0]: unknown member 'more' in the entry"),
        (with_entry(lambda entry: {**entry, "Header": entry["header"]}), "signatures[0]: unknown member 'Header' in the entry"),
        (in_header(kie="x"), "signatures[0]: unknown member 'kie' in the header"),
        (in_header(JWK=ENTRY["header"]["jwk"]), "signatures[0]: unknown member 'JWK' in the header"),
        (in_header(chain=["AA=="]), "signatures[0]: a member 'chain' with something in it"),
        (in_key(use="sig"), "signatures[0]: unknown member 'use' in the jwk"),
        (in_key(n=None), "signatures[0]: a member of the jwk that is no text"),
        (in_key(x=ENTRY["header"]["jwk"]["x"] + "="), "signatures[0]: x is not canonical base64url"),
        (in_key(y=" " + ENTRY["header"]["jwk"]["y"]), "signatures[0]: y is not canonical base64url"),
        (in_key(n="!!"), "signatures[0]: n is not canonical base64url"),
        (with_entry(lambda entry: {**entry, "signature": "AAAAA"}), "signatures[0]: signature is not canonical base64url"),
        (with_entry(lambda entry: {**entry, "signature": "AB"}), "signatures[0]: signature is not canonical base64url"),
    ],
)  # fmt: skip
def test_what_no_signature_covers_and_no_writer_writes_is_named(raw: bytes, what: str) -> None:
    assert said(raw) == what


@pytest.mark.parametrize(
    "entry",
    [{"protected": ENTRY["protected"]}, {**ENTRY, "header": None}, {"Header": ENTRY["header"], "protected": ENTRY["protected"]}],
)
def test_an_entry_needs_a_header_of_that_exact_name(entry: dict[str, Any]) -> None:
    assert said(wrap(PAYLOAD, [entry])) == "signatures[0]: no header of that exact name"


def test_the_first_odd_entry_is_named() -> None:
    other = signature_entry(PAYLOAD, SigningKey("another"), LENGTH, b"\n}")
    assert said(wrap(PAYLOAD, [ENTRY, {**other, "more": 1}])) == "signatures[1]: unknown member 'more' in the entry"


def test_an_irregular_length_comes_first() -> None:
    entry = signature_entry(PAYLOAD, KEY, LENGTH, b"\n}")
    text = f'{{"formatLength":{LENGTH}.0,"formatTail":"Cn0"}}'.encode()
    assert said(wrap(PAYLOAD, [{**entry, "protected": encode_url(text), "more": 1}])) == (
        f"formatLength is {LENGTH}.0, not a whole number"
    )


def test_an_entry_without_a_signature_member_is_not_odd_in_itself() -> None:
    entry = {name: value for name, value in ENTRY.items() if name != "signature"}
    assert said(wrap(PAYLOAD, [entry])) is None


VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES, st.sampled_from(["", " ", "   ", "\t"]), st.sampled_from([",", ", "]))
def test_a_block_is_written_as_python_writes_it_with_an_indent(value: Any, pad: str, comma: str) -> None:
    assert _lines(value, pad, comma, 0) == json.dumps(value, indent=pad, separators=(comma, ": "))
