"""Signatures: each verified with the key it names, in libtrust's words, and no more said than that."""

from __future__ import annotations

import base64
import datetime as dt
import functools
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from support.certificates import chain, self_signed

from toolkit.manifests.base64_text import decode_url, encode_url
from toolkit.manifests.json_web_key import RSAPublicKey
from toolkit.manifests.signed_payload import extract
from toolkit.simulator.signing import SigningKey, sign_manifest, signature_entry, wrap
from toolkit.verification.signatures import SignatureVerdicts, verify_signatures

PAYLOAD: Final = b'{\n   "schemaVersion": 1\n}'
LENGTH: Final = len(PAYLOAD) - 2
KEY: Final = SigningKey("somebody")
ENTRY: Final = signature_entry(PAYLOAD, KEY, LENGTH, b"\n}")
START: Final = dt.datetime(2015, 1, 1, tzinfo=dt.UTC)
BAD_SIZE: Final = "signature length is {} octets long, should be {}"
Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def verdicts(*entries: dict[str, Any], trusted: tuple[str, ...] = ()) -> SignatureVerdicts:
    return verify_signatures(extract(wrap(PAYLOAD, list(entries))), trusted_keys=trusted)


def header(**members: Any) -> dict[str, Any]:
    return {**ENTRY, "header": members}


@functools.cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def rsa_jwk() -> dict[str, str]:
    numbers = rsa_key().public_key().public_numbers()
    return {"kty": "RSA", "n": encode_url(numbers.n.to_bytes(256, "big")), "e": "AQAB"}


def rsa_entry(algorithm: str, digest: hashes.HashAlgorithm, **members: Any) -> dict[str, Any]:
    signed = f"{ENTRY['protected']}.{encode_url(PAYLOAD)}".encode()
    signature = encode_url(rsa_key().sign(signed, padding.PKCS1v15(), digest))
    return {**header(**{"jwk": rsa_jwk(), "alg": algorithm, **members}), "signature": signature}


def certificate(key: Private) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(START).not_valid_after(START + dt.timedelta(days=1))
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, digest).public_bytes(Encoding.DER)


def text(der: bytes) -> str:
    return base64.b64encode(der).decode()


@pytest.mark.parametrize("curve", ["P-256", "P-384", "P-521"])
def test_a_signature_with_the_key_that_came_along_is_valid_and_self_asserted(curve: str) -> None:
    key = SigningKey("somebody", curve)
    found = verify_signatures(extract(sign_manifest(PAYLOAD, [key])))
    (row,) = found.rows
    assert (found.problem, found.certificate_problem, row.reason) == (None, None, "")
    assert (row.status, row.key_source, row.key_id) == ("valid-self-asserted", "jwk", key.public.key_id)
    assert row.claimed_key_id == row.key_id
    assert (row.algorithm, row.signed_at) == (
        {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}[curve],
        "2015-10-20T01:02:03Z",
    )


def test_only_a_key_the_user_named_is_trusted() -> None:
    other = SigningKey("another")
    raw = sign_manifest(PAYLOAD, [KEY, other])
    rows = verify_signatures(extract(raw), trusted_keys=[other.public.key_id]).rows
    assert [(row.index, row.status) for row in rows] == [(0, "valid-self-asserted"), (1, "valid-trusted")]


def test_a_bad_signature_of_a_trusted_key_is_bad() -> None:
    found = verdicts({**ENTRY, "signature": encode_url(bytes(64))}, trusted=(KEY.public.key_id,))
    assert (found.rows[0].status, found.problem) == ("bad", "invalid signature")


@pytest.mark.parametrize(
    ("raw", "status", "reason"),
    [
        (b'{"a":1}', "absent", "missing signature key"),
        (b'{"signatures":[]}', "absent", "the list of signatures is empty"),
        (b'{"signatures":[{}]}', "malformed", "error unmarshalling protected header: unexpected end of JSON input"),
    ],
)
def test_where_nothing_can_be_verified_one_row_says_why(raw: bytes, status: str, reason: str) -> None:
    found = verify_signatures(extract(raw))
    assert [(row.index, row.status, row.reason) for row in found.rows] == [(0, status, reason)]
    assert (found.problem, found.certificate_problem) == (None, None)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({**ENTRY, "signature": encode_url(bytes(64))}, "invalid signature"),
        ({**ENTRY, "signature": encode_url(b"\xff" * 64)}, "invalid signature"),
        ({**ENTRY, "signature": ""}, BAD_SIZE.format(0, 64)),
        ({**ENTRY, "signature": encode_url(bytes(65))}, BAD_SIZE.format(65, 64)),
        ({**ENTRY, "signature": "!!"}, "illegal base64 data at input byte 0"),
        (
            header(jwk=KEY.jwk(), alg="ES384"),
            'unable to verify signature: EC Public Key with curve "P-256" does not support signature algorithm "ES384"',
        ),
        (
            header(jwk=KEY.jwk()),
            'unable to verify signature: EC Public Key with curve "P-256" does not support signature algorithm ""',
        ),
        (header(jwk=SigningKey("another").jwk(), alg="ES256"), "invalid signature"),
        (header(jwk={"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}, alg="ES256"), "invalid signature"),
        (header(alg="ES256"), "missing public key"),
        (header(alg="ES256", x5c=[]), "missing public key"),
    ],
)
def test_a_signature_that_does_not_verify_has_libtrust_s_words(entry: dict[str, Any], reason: str) -> None:
    found = verdicts(entry)
    assert (found.problem, found.rows[0].reason, found.rows[0].status) == (reason, reason, "bad")


def test_a_changed_payload_is_noticed() -> None:
    raw = sign_manifest(PAYLOAD, [KEY]).replace(b'"schemaVersion": 1', b'"schemaVersion": 2')
    assert verify_signatures(extract(raw)).problem == "invalid signature"


def test_every_signature_is_verified_and_the_first_failure_is_the_answer() -> None:
    found = verdicts(ENTRY, {**ENTRY, "signature": ""}, header(alg="ES256"))
    assert [row.status for row in found.rows] == ["valid-self-asserted", "bad", "bad"]
    assert found.problem == BAD_SIZE.format(0, 64)
    assert found.rows[2].key_source is None


@pytest.mark.parametrize(
    ("algorithm", "digest"), [("RS256", hashes.SHA256()), ("RS384", hashes.SHA384()), ("RS512", hashes.SHA512())]
)
def test_an_rsa_signature_is_verified(algorithm: str, digest: hashes.HashAlgorithm) -> None:
    found = verdicts(rsa_entry(algorithm, digest))
    assert found.problem is None
    numbers = rsa_key().public_key().public_numbers()
    assert found.rows[0].key_id == RSAPublicKey(numbers.n, numbers.e).key_id
    assert found.rows[0].claimed_key_id is None


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (
            rsa_entry("PS256", hashes.SHA256()),
            'unable to verify Signature: RSA Digital Signature Algorithm "PS256" not supported',
        ),
        (rsa_entry("RS512", hashes.SHA256()), "invalid RS512 signature: crypto/rsa: verification error"),
        (
            rsa_entry("RS256", hashes.SHA256(), jwk={"kty": "RSA", "n": "AA", "e": "AQAB"}),
            "invalid RS256 signature: crypto/rsa: verification error",
        ),
        (
            rsa_entry("RS256", hashes.SHA256(), jwk={"kty": "RSA", "n": "AQAB", "e": ""}),
            "invalid RS256 signature: crypto/rsa: verification error",
        ),
    ],
)
def test_an_rsa_signature_that_does_not_verify(entry: dict[str, Any], reason: str) -> None:
    assert verdicts(entry).problem == reason


def test_a_certificate_s_key_goes_before_the_jwk() -> None:
    found = verdicts(header(alg="ES256", x5c=[self_signed(KEY)]))
    row = found.rows[0]
    assert (found.problem, found.certificate_problem) == (None, None)
    assert (row.status, row.key_source, row.key_id, row.claimed_key_id) == (
        "valid-self-asserted",
        "x5c",
        KEY.public.key_id,
        None,
    )


def test_an_rsa_certificate_is_as_good() -> None:
    entry = rsa_entry("RS256", hashes.SHA256(), x5c=[text(certificate(rsa_key()))])
    found = verdicts(entry)
    assert (found.problem, found.certificate_problem, found.rows[0].key_source) == (None, None, "x5c")


@pytest.mark.parametrize(
    ("certificates", "problem"),
    [
        ([self_signed(KEY)], None),
        (chain(KEY, SigningKey("issuer")), None),
        (chain(KEY, SigningKey("issuer"))[:1], None),
        ([self_signed(KEY), self_signed(SigningKey("stranger"))], "certificate 0 is not signed by certificate 1"),
        (
            [chain(KEY, SigningKey("issuer"))[0], self_signed(SigningKey("stranger"))],
            "certificate 0 is not signed by certificate 1",
        ),
        (
            [*chain(KEY, SigningKey("issuer")), self_signed(SigningKey("stranger"))],
            "certificate 1 is not signed by certificate 2",
        ),
    ],
)
def test_certificates_must_agree_as_far_as_they_are_here(certificates: list[str], problem: str | None) -> None:
    found = verdicts(header(alg="ES256", x5c=certificates))
    assert found.problem is None
    assert found.certificate_problem == problem


def test_a_certificate_that_claims_to_have_signed_itself_and_did_not() -> None:
    der = certificate(KEY.private)
    forged = der[:-1] + bytes([der[-1] ^ 1])
    found = verdicts(header(alg="ES256", x5c=[text(forged)]))
    assert (found.problem, found.certificate_problem) == (None, "certificate 0 is not signed by certificate 0")


def test_a_jwk_beside_a_certificate_must_be_the_same_key() -> None:
    same = verdicts(header(alg="ES256", jwk=KEY.jwk(), x5c=[self_signed(KEY)]))
    assert same.certificate_problem is None
    assert same.rows[0].claimed_key_id == KEY.public.key_id
    other = verdicts(header(alg="ES256", jwk=SigningKey("another").jwk(), x5c=[self_signed(KEY)]))
    assert other.certificate_problem == "the jwk and the first certificate are two different keys"
    assert other.problem is None


def test_the_first_inconsistency_is_the_one_told() -> None:
    odd = header(alg="ES256", jwk=SigningKey("another").jwk(), x5c=[self_signed(KEY)])
    split = header(alg="ES256", x5c=[self_signed(KEY), self_signed(SigningKey("stranger"))])
    assert verdicts(odd, split).certificate_problem == "the jwk and the first certificate are two different keys"


@pytest.mark.parametrize(
    ("certificate_text", "reason"),
    [
        ("not base64!", "illegal base64 data at input byte 3"),
        ("AAAA", "x509: malformed certificate"),
        (text(certificate(KEY.private).replace(bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d030105"))),
         "x509: unsupported public key"),
        (text(certificate(ec.derive_private_key(7, ec.SECP256K1()))),
         "x509: a public key that is neither RSA nor on P-256, P-384 or P-521"),
        (text(certificate(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)))),
         "x509: a public key that is neither RSA nor on P-256, P-384 or P-521"),
    ],
)  # fmt: skip
def test_a_certificate_without_a_usable_key_makes_the_signature_bad(certificate_text: str, reason: str) -> None:
    found = verdicts(header(alg="ES256", jwk=KEY.jwk(), x5c=[certificate_text]))
    assert (found.problem, found.certificate_problem) == (reason, None)
    assert (found.rows[0].status, found.rows[0].reason) == ("bad", reason)


def test_a_later_certificate_that_cannot_be_read_is_the_signature_s_fault_too() -> None:
    assert verdicts(header(alg="ES256", x5c=[self_signed(KEY), "AAAA"])).problem == "x509: malformed certificate"


def test_the_two_halves_of_a_signature_are_both_looked_at() -> None:
    octets = decode_url(ENTRY["signature"])
    for index in (0, 31, 32, 63):
        changed = octets[:index] + bytes([octets[index] ^ 1]) + octets[index + 1 :]
        assert verdicts({**ENTRY, "signature": encode_url(changed)}).problem == "invalid signature"
