"""The signed payload: which bytes count, and what makes the whole body count instead."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from toolkit.digests import sha256
from toolkit.errors import SeedPanicError
from toolkit.manifests.base64_text import encode_url
from toolkit.manifests.signed_payload import SignedPayload, extract
from toolkit.simulator.signing import SIGNED_AT, SigningKey, sign_manifest, signature_entry, wrap

PAYLOAD: Final = b'{\n   "schemaVersion": 1\n}'
LENGTH: Final = len(PAYLOAD) - 2
EMPTY_DIGEST: Final = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
KEY: Final = SigningKey("somebody")


def protected(text: str) -> dict[str, Any]:
    return {"protected": encode_url(text.encode())}


def header(length: str = str(LENGTH), tail: str = '"Cn0"', more: str = "") -> dict[str, Any]:
    return protected(f'{{"formatLength":{length},"formatTail":{tail}{more}}}')


def with_entries(*entries: Any) -> SignedPayload:
    return extract(wrap(PAYLOAD, list(entries)))


def assert_falls_back(payload: SignedPayload, problem: str, *, present: bool = True) -> None:
    assert payload.problem == problem
    assert payload.data == payload.raw
    assert payload.digest == sha256(payload.raw)
    assert payload.signatures == ()
    assert payload.wrapper == b""
    assert payload.present is present


def test_the_payload_is_what_was_signed() -> None:
    raw = sign_manifest(PAYLOAD, [KEY, SigningKey("another", "P-384")])
    payload = extract(raw)
    assert payload.data == PAYLOAD
    assert payload.digest == sha256(PAYLOAD)
    assert (payload.problem, payload.irregular, payload.present) == (None, None, True)
    assert (payload.split, payload.tail) == (LENGTH, b"\n}")
    assert raw == raw[:LENGTH] + payload.wrapper
    assert payload.wrapper.startswith(b',\n   "signatures"')
    assert [signature.index for signature in payload.signatures] == [0, 1]
    assert [signature.algorithm for signature in payload.signatures] == ["ES256", "ES384"]


def test_a_signature_carries_its_key_its_time_and_what_was_signed() -> None:
    (signature,) = extract(sign_manifest(PAYLOAD, [KEY])).signatures
    assert signature.key == KEY.public
    assert signature.claimed_key_id == KEY.public.key_id
    assert signature.signed_at == SIGNED_AT
    assert signature.certificates == ()
    assert signature.signing_input("cGF5") == f"{signature.protected}.cGF5".encode()


def test_a_signature_may_have_certificates_and_no_key() -> None:
    payload = with_entries({**header(), "header": {"alg": "RS256", "x5c": ["AA==", "AQ=="]}, "signature": "c2ln"})
    (signature,) = payload.signatures
    assert (signature.key, signature.jwk, signature.claimed_key_id) == (None, None, None)
    assert signature.certificates == ("AA==", "AQ==")
    assert (signature.algorithm, signature.signature, signature.signed_at) == ("RS256", "c2ln", None)


def test_a_key_may_be_without_a_kid() -> None:
    entry = signature_entry(PAYLOAD, KEY, LENGTH, b"\n}")
    jwk = {name: value for name, value in KEY.jwk().items() if name != "kid"}
    (signature,) = with_entries({**entry, "header": {"alg": "ES256", "jwk": jwk}}).signatures
    assert signature.key == KEY.public
    assert signature.claimed_key_id is None


def test_a_time_that_is_no_text_is_no_time() -> None:
    assert with_entries(header(more=',"time":5')).signatures[0].signed_at is None


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"[]", "error unmarshalling content: json: cannot unmarshal array into Go value of type map[string]json.RawMessage"),
        (b"{", "error unmarshalling content: unexpected end of JSON input"),
        (b"{}", "missing signature key"),
        (b"null", "missing signature key"),
        (b'{"Signatures":[]}', "missing signature key"),
    ],
)
def test_without_a_signature_key_the_whole_body_counts(raw: bytes, problem: str) -> None:
    assert_falls_back(extract(raw), problem, present=False)


@pytest.mark.parametrize("block", [b"[]", b"null"])
def test_an_empty_block_is_no_error_and_leaves_an_empty_payload(block: bytes) -> None:
    """W4: the digest Docker 1.9 printed for such a manifest is that of nothing."""
    payload = extract(b'{"schemaVersion":1,"signatures":' + block + b"}")
    assert (payload.problem, payload.present, payload.data) == (None, False, b"")
    assert payload.digest == EMPTY_DIGEST


def test_a_length_of_zero_leaves_only_the_tail() -> None:
    """W4."""
    payload = with_entries(header("0"))
    assert payload.data == b"\n}"
    assert payload.wrapper == payload.raw


@pytest.mark.parametrize(
    ("block", "problem", "present"),
    [
        (
            b"{}",
            "error unmarshalling signatures: json: cannot unmarshal object into Go value of type []libtrust.jsParsedSignature",
            False,
        ),
        (
            b'"x"',
            "error unmarshalling signatures: json: cannot unmarshal string into Go value of type []libtrust.jsParsedSignature",
            True,
        ),
        (
            b"[5]",
            "error unmarshalling signatures: json: cannot unmarshal number into Go value of type libtrust.jsParsedSignature",
            True,
        ),
        (
            b'[{"header":[]}]',
            "error unmarshalling signatures: json: cannot unmarshal array into Go value of type libtrust.jsParsedHeader",
            True,
        ),
    ],
)
def test_a_block_of_another_shape(block: bytes, problem: str, *, present: bool) -> None:
    assert_falls_back(extract(b'{"signatures":' + block + b"}"), problem, present=present)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"protected": "AAAAA"}, "base64 decode error: illegal base64url string"),
        ({"protected": "+A"}, "base64 decode error: illegal base64 data at input byte 0"),
        ({}, "error unmarshalling protected header: unexpected end of JSON input"),
        (
            protected("[]"),
            "error unmarshalling protected header: json: cannot unmarshal array into Go value of type map[string]interface {}",
        ),
        (
            protected('{"formatLength":1e999}'),
            "error unmarshalling protected header: json: cannot unmarshal number 1e999 into Go value of type float64",
        ),
        (protected("{}"), "missing formatted length"),
        (protected("null"), "missing formatted length"),
        (header('"24"'), "missing formatted length"),
        (protected('{"FormatLength":24}'), "missing formatted length"),
        (protected('{"formatLength":24}'), "missing formatted tail"),
        (header(tail="5"), "missing formatted tail"),
        (header(tail='"A"'), "base64 decode error on tail: illegal base64url string"),
        (header(str(10**6)), "invalid format length"),
        ({**header(), "header": {"jwk": None}}, 'error unmarshalling public key: JWK Public Key type: "kty" value not specified'),
        (
            {**header(), "header": {"jwk": {"kty": "x"}}},
            'error unmarshalling public key: JWK Public Key type not supported: "x"\n',
        ),
    ],
)
def test_a_damaged_entry_makes_the_whole_body_count(entry: dict[str, Any], problem: str) -> None:
    assert_falls_back(with_entries(entry), problem)


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ([header("24"), header("23")], "conflicting format length"),
        ([header("24"), header("0")], "conflicting format length"),
        ([header("0"), header("23"), header("24")], "conflicting format length"),
        ([header(), header(tail='"fQ"')], "conflicting format tail"),
        ([header(), header(tail='""')], "conflicting format tail"),
    ],
)
def test_signatures_that_disagree_about_the_format(entries: list[dict[str, Any]], problem: str) -> None:
    assert_falls_back(with_entries(*entries), problem)


def test_the_first_length_and_tail_that_say_something_are_kept() -> None:
    payload = with_entries(header("0", '""'), header())
    assert payload.problem is None
    assert payload.data == PAYLOAD


@pytest.mark.parametrize("literal", [f"{LENGTH}.0", f"{LENGTH}.9", f"{LENGTH}e0", f"0.{LENGTH}e2"])
def test_a_length_is_truncated_and_its_spelling_noted(literal: str) -> None:
    payload = with_entries(header(literal))
    assert payload.data == PAYLOAD
    assert payload.irregular == f"formatLength is {literal}, not a whole number"


def test_the_first_irregular_spelling_is_the_one_noted() -> None:
    assert with_entries(header(), header(f"{LENGTH}.0"), header(f"{LENGTH}e0")).irregular == (
        f"formatLength is {LENGTH}.0, not a whole number"
    )


@pytest.mark.parametrize(
    ("literal", "actual"),
    [("-1", -1), ("-1.5", -1), ("1e300", -(2**63)), ("9223372036854775808", -(2**63)), ("-1e300", -(2**63))],
)
def test_a_negative_or_huge_length_crashed_docker_1_9(literal: str, actual: int) -> None:
    """W3."""
    with pytest.raises(SeedPanicError) as caught:
        with_entries(header(literal))
    assert caught.value.actual == actual
    assert caught.value.where == "formatLength of a signature's protected header"


def test_a_key_that_crashed_docker_1_9_is_no_damaged_block() -> None:
    jwk = {"kty": "RSA", "n": "AQAB", "e": "AAAAAAE"}
    with pytest.raises(SeedPanicError):
        with_entries({**header(), "header": {"jwk": jwk}})


def test_the_refusal_of_a_key_keeps_both_sides() -> None:
    raw = wrap(PAYLOAD, [{**header(), "header": {"jwk": {**KEY.jwk(), "kid": "AAAA"}}}])
    assert extract(raw).problem == "error unmarshalling public key: JWK EC Public Key ID does not match: AAAA"


def test_bytes_after_the_signed_part_do_not_touch_the_digest() -> None:
    """CVE-2014-8179: what stands outside the payload is not signed, and is not part of the name either."""
    raw = sign_manifest(PAYLOAD, [KEY])
    extra = raw[:-2] + b',\n   "fsLayers": []\n}'
    assert json.loads(extra)["fsLayers"] == []
    assert extract(extra).digest == extract(raw).digest
