"""Sign a schema1 manifest as libtrust did.

The rule of this file: the same key and payload give the same bytes (RFC 6979 signatures), so that generated data can
be compared.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from toolkit.manifests.base64_text import encode_url
from toolkit.manifests.json_web_key import CURVES, ECPublicKey

_CURVES: Final[dict[str, tuple[ec.EllipticCurve, hashes.HashAlgorithm]]] = {
    "P-256": (ec.SECP256R1(), hashes.SHA256()),
    "P-384": (ec.SECP384R1(), hashes.SHA384()),
    "P-521": (ec.SECP521R1(), hashes.SHA512()),
}
SIGNED_AT: Final = "2015-10-20T01:02:03Z"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key made from a word; nobody's secret.

    Parameters
    ----------
    seed : str
        The word.
    curve : str
        P-256, P-384 or P-521.
    """

    seed: str
    curve: str = "P-256"

    @property
    def private(self) -> ec.EllipticCurvePrivateKey:
        """The private key."""
        curve = _CURVES[self.curve][0]
        number = int.from_bytes(hashlib.sha512(self.seed.encode()).digest(), "big")
        return ec.derive_private_key(number % (2**255) + 1, curve)

    @property
    def public(self) -> ECPublicKey:
        """The public key, as it is read from a manifest."""
        numbers = self.private.public_key().public_numbers()
        return ECPublicKey(CURVES[self.curve], numbers.x, numbers.y)

    def jwk(self) -> dict[str, str]:
        """The public key as it stands in a signatures block."""
        public, octets = self.public, CURVES[self.curve].octets
        return {
            "crv": self.curve,
            "kid": public.key_id,
            "kty": "EC",
            "x": encode_url(public.x.to_bytes(octets, "big")),
            "y": encode_url(public.y.to_bytes(octets, "big")),
        }

    def sign(self, data: bytes) -> str:
        """Sign bytes; return the JWS form of the signature."""
        octets = CURVES[self.curve].octets
        algorithm = ec.ECDSA(_CURVES[self.curve][1], deterministic_signing=True)
        r, s = decode_dss_signature(self.private.sign(data, algorithm))
        return encode_url(r.to_bytes(octets, "big") + s.to_bytes(octets, "big"))


def signature_entry(payload: bytes, key: SigningKey, length: int, tail: bytes) -> dict[str, Any]:
    """Make one entry of a signatures block."""
    protected = encode_url(
        json.dumps({"formatLength": length, "formatTail": encode_url(tail), "time": SIGNED_AT}, separators=(",", ":")).encode()
    )
    return {
        "header": {"jwk": key.jwk(), "alg": CURVES[key.curve].algorithm},
        "signature": key.sign(f"{protected}.{encode_url(payload)}".encode()),
        "protected": protected,
    }


def sign_manifest(payload: bytes, keys: Sequence[SigningKey]) -> bytes:
    r"""Sign a pretty-printed manifest (indent 3, as Docker wrote it).

    Parameters
    ----------
    payload : bytes
        The unsigned manifest; ends in ``\n}``.
    keys : sequence of SigningKey

    Returns
    -------
    bytes
        The manifest with its signatures block.

    Notes
    -----
    Origin: ``libtrust.JSONSignature.PrettySignature``.
    """
    length = len(payload.removesuffix(b"}").rstrip())
    tail = payload[length:]
    return wrap(payload, [signature_entry(payload, key, length, tail) for key in keys])


def wrap(payload: bytes, entries: Sequence[dict[str, Any]]) -> bytes:
    """Put a signatures block into a manifest, whatever it says."""
    head = payload.removesuffix(b"}").rstrip()
    block = json.dumps(list(entries), indent=3).replace("\n", "\n   ")
    return head + f',\n   "signatures": {block}\n}}'.encode()
