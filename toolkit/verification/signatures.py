"""Signatures of a schema1 manifest: does each verify with the key it names?

The rule of this file: "verified" is never said of a key that came with the manifest; such a signature is
``valid-self-asserted`` and proves only that nobody without that key changed the payload since.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.utils import CryptographyDeprecationWarning

from toolkit.errors import SignatureFormatError
from toolkit.go_json.scan import go_quote
from toolkit.manifests.base64_text import decode_standard, decode_url, encode_url
from toolkit.manifests.json_web_key import CURVES, ECPublicKey, PublicKey, RSAPublicKey
from toolkit.manifests.signed_payload import DetachedSignature, SignedPayload
from toolkit.records import Signature, SignatureStatus

_EC: Final[dict[str, tuple[ec.EllipticCurve, hashes.HashAlgorithm]]] = {
    "P-256": (ec.SECP256R1(), hashes.SHA256()),
    "P-384": (ec.SECP384R1(), hashes.SHA384()),
    "P-521": (ec.SECP521R1(), hashes.SHA512()),
}
_CURVE_NAMES: Final = {curve.name: name for name, (curve, _) in _EC.items()}
_RSA: Final[dict[str, hashes.HashAlgorithm]] = {
    "RS256": hashes.SHA256(),
    "RS384": hashes.SHA384(),
    "RS512": hashes.SHA512(),
}


@dataclass(frozen=True, slots=True)
class SignatureVerdicts:
    """One row per signature, the first failure in libtrust's words, and what is wrong with the certificates."""

    rows: tuple[Signature, ...]
    problem: str | None
    certificate_problem: str | None


def verify_signatures(payload: SignedPayload, *, trusted_keys: Collection[str] = ()) -> SignatureVerdicts:
    """Verify every signature of a manifest.

    Parameters
    ----------
    payload : SignedPayload
        What ``extract`` found.
    trusted_keys : collection of str
        libtrust IDs of keys the user trusts.

    Returns
    -------
    SignatureVerdicts
        Rows for the frame ``signatures`` (one row, ``absent`` or ``malformed``, when there is nothing to verify).

    Notes
    -----
    Origin: ``libtrust.JSONSignature.Verify``: every signature must verify, the first failure is the answer.
    """
    if payload.problem is not None:
        status: SignatureStatus = "malformed" if payload.present else "absent"
        return SignatureVerdicts((Signature(index=0, status=status, reason=payload.problem),), None, None)
    if not payload.signatures:
        return SignatureVerdicts((Signature(index=0, status="absent", reason="the list of signatures is empty"),), None, None)
    encoded = encode_url(payload.data)
    rows: list[Signature] = []
    problem: str | None = None
    certificate_problem: str | None = None
    for signature in payload.signatures:
        key, reason = signature.key, ""
        try:
            if signature.certificates:
                certificates = _certificates(signature)
                key = _certified_key(certificates[0])
                certificate_problem = certificate_problem or _inconsistency(certificates, key, signature.key)
            if key is None:
                raise SignatureFormatError("missing public key")
            _verify(key, signature, signature.signing_input(encoded))
        except SignatureFormatError as error:
            reason = error.message
            problem = problem or reason
        rows.append(_row(signature, key, reason, trusted_keys))
    return SignatureVerdicts(tuple(rows), problem, certificate_problem)


def _row(signature: DetachedSignature, key: PublicKey | None, reason: str, trusted: Collection[str]) -> Signature:
    key_id = None if key is None else key.key_id
    valid: SignatureStatus = "valid-trusted" if key_id in trusted else "valid-self-asserted"
    return Signature(
        index=signature.index,
        status="bad" if reason else valid,
        algorithm=signature.algorithm,
        key_id=key_id,
        claimed_key_id=signature.claimed_key_id,
        key_source="x5c" if signature.certificates else ("jwk" if signature.jwk is not None else None),
        signed_at=signature.signed_at,
        reason=reason,
    )


def _verify(key: PublicKey, signature: DetachedSignature, signing_input: bytes) -> None:
    octets = decode_url(signature.signature)
    if isinstance(key, ECPublicKey):
        _verify_ec(key, signature.algorithm, octets, signing_input)
    else:
        _verify_rsa(key, signature.algorithm, octets, signing_input)


def _verify_ec(key: ECPublicKey, algorithm: str, octets: bytes, signing_input: bytes) -> None:
    if algorithm != key.curve.algorithm:
        raise SignatureFormatError(
            f"unable to verify signature: EC Public Key with curve {go_quote(key.curve.name)} does not support "
            f"signature algorithm {go_quote(algorithm)}"
        )
    size = key.curve.octets
    if len(octets) != 2 * size:
        raise SignatureFormatError(f"signature length is {len(octets)} octets long, should be {2 * size}")
    _, digest = _EC[key.curve.name]
    r, s = int.from_bytes(octets[:size], "big"), int.from_bytes(octets[size:], "big")
    try:
        _point(key).verify(encode_dss_signature(r, s), signing_input, ec.ECDSA(digest))
    except (InvalidSignature, ValueError) as error:  # ValueError: the point is not on the curve
        raise SignatureFormatError("invalid signature") from error


@functools.lru_cache(maxsize=64)
def _point(key: ECPublicKey) -> ec.EllipticCurvePublicKey:
    """The key as the cryptographic library takes it, remembered: a registry signs everything with one key."""
    return ec.EllipticCurvePublicNumbers(key.x, key.y, _EC[key.curve.name][0]).public_key()


def _verify_rsa(key: RSAPublicKey, algorithm: str, octets: bytes, signing_input: bytes) -> None:
    if algorithm not in _RSA:
        raise SignatureFormatError(
            f"unable to verify Signature: RSA Digital Signature Algorithm {go_quote(algorithm)} not supported"
        )
    try:
        numbers = rsa.RSAPublicNumbers(key.exponent, key.modulus).public_key()
        numbers.verify(octets, signing_input, padding.PKCS1v15(), _RSA[algorithm])
    except (InvalidSignature, ValueError) as error:  # ValueError: no modulus or exponent of an RSA key
        raise SignatureFormatError(f"invalid {algorithm} signature: crypto/rsa: verification error") from error


def _certificates(signature: DetachedSignature) -> list[x509.Certificate]:
    certificates = []
    for text in signature.certificates:
        try:
            with warnings.catch_warnings():
                # A serial number of 0 or less is refused here, not warned about on the analyst's screen.
                warnings.simplefilter("error", CryptographyDeprecationWarning)
                certificates.append(x509.load_der_x509_certificate(decode_standard(text)))
        except (ValueError, x509.InvalidVersion, CryptographyDeprecationWarning) as error:
            raise SignatureFormatError("x509: malformed certificate") from error
    return certificates


def _certified_key(certificate: x509.Certificate) -> PublicKey:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SignatureFormatError("x509: unsupported public key") from error
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVE_NAMES:
        point = key.public_numbers()
        return ECPublicKey(CURVES[_CURVE_NAMES[key.curve.name]], point.x, point.y)
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return RSAPublicKey(numbers.n, numbers.e)
    raise SignatureFormatError("x509: a public key that is neither RSA nor on P-256, P-384 or P-521")


def _inconsistency(certificates: list[x509.Certificate], key: PublicKey, jwk: PublicKey | None) -> str | None:
    """Say what is wrong with a chain as far as it is here; a chain whose top's issuer is not here cannot be judged."""
    if jwk is not None and jwk != key:
        return "the jwk and the first certificate are two different keys"
    for index, certificate in enumerate(certificates):
        is_last = index + 1 == len(certificates)
        try:  # a certificate's names are only read, and found malformed, when they are asked for
            if is_last and certificate.issuer != certificate.subject:
                return None
            certificate.verify_directly_issued_by(certificate if is_last else certificates[index + 1])
        except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
            return f"certificate {index} is not signed by certificate {min(index + 1, len(certificates) - 1)}"
    return None
