"""JSON Web Keys: the numbers, the libtrust ID, and libtrust's words for what is no key."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from toolkit.errors import SeedPanicError, SignatureFormatError
from toolkit.manifests.base64_text import encode_url
from toolkit.manifests.json_web_key import CURVES, ECPublicKey, RSAPublicKey, read_key
from toolkit.simulator.signing import SigningKey

MODULUS: Final = int(hashlib.sha512(b"a modulus").hexdigest() * 2, 16) | 1 << 1023 | 1
KEY: Final = SigningKey("somebody")
EC_KEY: Final = KEY.jwk()
RSA_KEY: Final = {"kty": "RSA", "n": encode_url(MODULUS.to_bytes(128, "big")), "e": "AQAB"}


def read(members: dict[str, Any], **changes: Any) -> ECPublicKey | RSAPublicKey:
    merged = {name: value for name, value in {**members, **changes}.items() if value is not ...}
    return read_key(json.dumps(merged).encode())


def words(members: dict[str, Any], **changes: Any) -> str:
    with pytest.raises(SignatureFormatError) as caught:
        read(members, **changes)
    return caught.value.message


def libtrust_id(key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> str:
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    letters = base64.b32encode(hashlib.sha256(info).digest()[:30]).decode()
    return ":".join(letters[start : start + 4] for start in range(0, len(letters), 4))


@pytest.mark.parametrize("curve", CURVES)
def test_a_point_has_the_id_of_its_subject_public_key_info(curve: str) -> None:
    key = SigningKey("somebody", curve)
    read_back = read(key.jwk())
    assert read_back == key.public
    assert read_back.key_id == libtrust_id(key.private.public_key())
    assert [len(group) for group in read_back.key_id.split(":")] == [4] * 12


@pytest.mark.parametrize(("exponent", "number"), [("AQAB", 65537), ("Aw", 3), ("AAEAAQ", 65537), ("_____w", 2**32 - 1)])
def test_a_modulus_and_an_exponent_have_the_id_of_their_subject_public_key_info(exponent: str, number: int) -> None:
    key = read(RSA_KEY, e=exponent)
    assert key == RSAPublicKey(MODULUS, number)
    assert key.key_id == libtrust_id(rsa.RSAPublicNumbers(number, MODULUS).public_key())


@pytest.mark.parametrize("small", [0, 1, 127, 128, 255, 256])
def test_the_id_of_any_number_can_be_computed(small: int) -> None:
    assert len(RSAPublicKey(small, small).key_id) == 59


def test_a_kid_is_optional_and_must_be_the_key_s_own() -> None:
    assert read(EC_KEY, kid=...) == KEY.public
    key = read(RSA_KEY)
    assert read(RSA_KEY, kid=key.key_id) == key
    with pytest.raises(SignatureFormatError) as caught:
        read(EC_KEY, kid="AAAA")
    assert caught.value.message == "JWK EC Public Key ID does not match: AAAA"
    assert (caught.value.expected, caught.value.actual) == (KEY.public.key_id, "AAAA")


@pytest.mark.parametrize(
    ("members", "changes", "message"),
    [
        ({}, {}, 'JWK Public Key type: "kty" value not specified'),
        ({}, {"kty": 5}, 'JWK Public Key type: "kty" value must be a string'),
        ({}, {"kty": None}, 'JWK Public Key type: "kty" value must be a string'),
        ({}, {"kty": 'o"ct'}, 'JWK Public Key type not supported: "o\\"ct"\n'),
        (EC_KEY, {"crv": ...}, 'JWK EC Public Key curve identifier: "crv" value not specified'),
        (EC_KEY, {"crv": []}, 'JWK EC Public Key curve identifier: "crv" value must be a string'),
        (EC_KEY, {"crv": "P-224"}, 'JWK EC Public Key curve identifier not supported: "P-224"\n'),
        (EC_KEY, {"x": ...}, 'JWK EC Public Key x-coordinate: "x" value not specified'),
        (EC_KEY, {"y": True}, 'JWK EC Public Key y-coordinate: "y" value must be a string'),
        (EC_KEY, {"x": "AAAAA"}, "JWK EC Public Key x-coordinate: invalid base64 URL encoding: illegal base64url string"),
        (
            EC_KEY,
            {"y": "+A"},
            "JWK EC Public Key y-coordinate: invalid base64 URL encoding: illegal base64 data at input byte 0",
        ),
        (EC_KEY, {"x": "AAAA"}, "JWK EC Public Key x-coordinate: invalid number of octets: got 3, should be 32"),
        (EC_KEY, {"crv": "P-521"}, "JWK EC Public Key x-coordinate: invalid number of octets: got 32, should be 66"),
        (EC_KEY, {"kid": 1}, 'JWK EC Public Key ID: "kid" value must be a string'),
        (RSA_KEY, {"n": ...}, 'JWK RSA Public Key modulus: "n" value not specified'),
        (RSA_KEY, {"n": "A"}, "JWK RSA Public Key modulus: invalid base64 URL encoding: illegal base64url string"),
        (RSA_KEY, {"e": ...}, 'JWK RSA Public Key exponent: "e" value not specified'),
        (RSA_KEY, {"e": "!!"}, "JWK RSA Public Key exponent: invalid base64 URL encoding: illegal base64 data at input byte 0"),
        (RSA_KEY, {"kid": "x"}, "JWK RSA Public Key ID does not match: x"),
        (RSA_KEY, {"kid": 5}, 'JWK RSA Public Key ID: "kid" value must be a string'),
        (RSA_KEY, {"d": "AQAB"}, "JWK RSA Public Key cannot contain private exponent"),
        (RSA_KEY, {"d": None}, "JWK RSA Public Key cannot contain private exponent"),
    ],
)
def test_what_is_no_key_is_refused_in_libtrust_s_words(members: dict[str, Any], changes: dict[str, Any], message: str) -> None:
    assert words(members, **changes) == message


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (b"{", "unexpected end of JSON input"),
        (b"[]", "json: cannot unmarshal array into Go value of type map[string]interface {}"),
        (b'{"kty":1e999}', "json: cannot unmarshal number 1e999 into Go value of type float64"),
    ],
)
def test_what_is_no_object_is_refused_in_go_s_words(text: bytes, cause: str) -> None:
    with pytest.raises(SignatureFormatError) as caught:
        read_key(text)
    assert caught.value.message == f"decoding JWK Public Key JSON data: {cause}\n"


def test_null_is_an_object_without_members() -> None:
    with pytest.raises(SignatureFormatError, match='"kty" value not specified'):
        read_key(b"null")


def test_an_exponent_of_more_than_four_bytes_crashed_docker_1_9() -> None:
    with pytest.raises(SeedPanicError) as caught:
        read(RSA_KEY, e="AAAAAAE")
    assert (caught.value.expected, caught.value.actual) == ("at most 4 bytes", "5 bytes")
    assert caught.value.where == "the exponent of a signature's RSA key"
