"""A JSON Web Key to a public key and its libtrust ID.

The rule of this file: numbers only; whether a signature fits the key is decided in ``verification``. Go's panics are
typed errors.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from dataclasses import dataclass
from typing import Any, Final

from toolkit.errors import GoJSONError, SeedPanicError, SignatureFormatError
from toolkit.go_json.clear import clear_object
from toolkit.go_json.decode import members, plain
from toolkit.go_json.scan import go_quote, parse
from toolkit.manifests.base64_text import decode_url


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve of libtrust: its JWK name, the size of a coordinate, its only algorithm, its OID."""

    name: str
    octets: int
    algorithm: str
    oid: bytes


CURVES: Final = {
    "P-256": Curve("P-256", 32, "ES256", bytes.fromhex("06082a8648ce3d030107")),
    "P-384": Curve("P-384", 48, "ES384", bytes.fromhex("06052b81040022")),
    "P-521": Curve("P-521", 66, "ES512", bytes.fromhex("06052b81040023")),
}
_EC_PUBLIC_KEY: Final = bytes.fromhex("06072a8648ce3d0201")
_RSA_ENCRYPTION: Final = bytes.fromhex("06092a864886f70d0101010500")


@dataclass(frozen=True, slots=True)
class ECPublicKey:
    """A point on one of the three curves; not checked to be on it."""

    curve: Curve
    x: int
    y: int

    @property
    def key_id(self) -> str:
        """Libtrust's ID of the key."""
        return _id_of_point(self.curve, self.x, self.y)


@dataclass(frozen=True, slots=True)
class RSAPublicKey:
    """A modulus and an exponent."""

    modulus: int
    exponent: int

    @property
    def key_id(self) -> str:
        """Libtrust's ID of the key."""
        numbers = _sequence(_integer(self.modulus) + _integer(self.exponent))
        return _key_id(_sequence(_RSA_ENCRYPTION), numbers)


PublicKey = ECPublicKey | RSAPublicKey


def read_key(text: bytes) -> PublicKey:
    """Read a JSON Web Key.

    Parameters
    ----------
    text : bytes
        The JSON text of the ``jwk`` member.

    Returns
    -------
    ECPublicKey or RSAPublicKey

    Raises
    ------
    SignatureFormatError
        With libtrust's own text.
    SeedPanicError
        An RSA exponent of more than four bytes, at which libtrust crashed.

    Notes
    -----
    Origin: ``libtrust.UnmarshalPublicKeyJWK``; the key ID is ``libtrust.keyIDFromCryptoKey``.
    """
    try:
        jwk = _members(text)
    except GoJSONError as error:
        raise SignatureFormatError(f"decoding JWK Public Key JSON data: {error.message}\n") from error
    kind = _text(jwk, "kty", "JWK Public Key type")
    if kind == "EC":
        return _ec_key(jwk)
    if kind == "RSA":
        return _rsa_key(jwk)
    raise SignatureFormatError(f"JWK Public Key type not supported: {go_quote(kind)}\n")


def _members(text: bytes) -> dict[str, Any]:
    clear = clear_object(text)
    if clear is not None:
        return clear
    members(text, "map[string]interface {}")
    value: dict[str, Any] | None = plain(parse(text))
    return value or {}


def _ec_key(jwk: dict[str, Any]) -> ECPublicKey:
    name = _text(jwk, "crv", "JWK EC Public Key curve identifier")
    if name not in CURVES:
        raise SignatureFormatError(f"JWK EC Public Key curve identifier not supported: {go_quote(name)}\n")
    curve = CURVES[name]
    x, y = (_coordinate(jwk, axis, curve) for axis in ("x", "y"))
    key = ECPublicKey(curve, x, y)
    _require_own_id(jwk, key, "EC")
    return key


def _coordinate(jwk: dict[str, Any], axis: str, curve: Curve) -> int:
    context = f"JWK EC Public Key {axis}-coordinate"
    data = _bytes(_text(jwk, axis, context), context)
    if len(data) != curve.octets:
        raise SignatureFormatError(f"{context}: invalid number of octets: got {len(data)}, should be {curve.octets}")
    return int.from_bytes(data, "big")


def _rsa_key(jwk: dict[str, Any]) -> RSAPublicKey:
    modulus = _bytes(_text(jwk, "n", "JWK RSA Public Key modulus"), "JWK RSA Public Key modulus")
    exponent = _bytes(_text(jwk, "e", "JWK RSA Public Key exponent"), "JWK RSA Public Key exponent")
    if len(exponent) > 4:
        raise SeedPanicError(
            "runtime error: makeslice: len out of range",
            where="the exponent of a signature's RSA key",
            expected="at most 4 bytes",
            actual=f"{len(exponent)} bytes",
            next_step="Docker 1.9 crashed here; the manifest was made to do that",
        )
    key = RSAPublicKey(int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big"))
    _require_own_id(jwk, key, "RSA")
    if "d" in jwk:
        raise SignatureFormatError("JWK RSA Public Key cannot contain private exponent")
    return key


def _require_own_id(jwk: dict[str, Any], key: PublicKey, kind: str) -> None:
    if "kid" not in jwk:
        return
    claimed = _text(jwk, "kid", f"JWK {kind} Public Key ID")
    if claimed != key.key_id:
        raise SignatureFormatError(f"JWK {kind} Public Key ID does not match: {claimed}", expected=key.key_id, actual=claimed)


def _text(jwk: dict[str, Any], name: str, context: str) -> str:
    if name not in jwk:
        raise SignatureFormatError(f"{context}: {go_quote(name)} value not specified")
    value = jwk[name]
    if not isinstance(value, str):
        raise SignatureFormatError(f"{context}: {go_quote(name)} value must be a string")
    return value


def _bytes(text: str, context: str) -> bytes:
    try:
        return decode_url(text)
    except SignatureFormatError as error:
        raise SignatureFormatError(f"{context}: invalid base64 URL encoding: {error.message}") from error


@functools.lru_cache(maxsize=64)
def _id_of_point(curve: Curve, x: int, y: int) -> str:
    """The ID of a key on a curve, remembered: a registry signs everything with one key."""
    point = b"\x04" + x.to_bytes(curve.octets, "big") + y.to_bytes(curve.octets, "big")
    return _key_id(_sequence(_EC_PUBLIC_KEY + curve.oid), point)


def _key_id(algorithm: bytes, key: bytes) -> str:
    """Hash the SubjectPublicKeyInfo and write the first 240 bits in twelve groups of four."""
    info = _sequence(algorithm + _tagged(0x03, b"\x00" + key))
    letters = base64.b32encode(hashlib.sha256(info).digest()[:30]).decode("ascii")
    return ":".join(letters[start : start + 4] for start in range(0, 48, 4))


def _sequence(content: bytes) -> bytes:
    return _tagged(0x30, content)


def _integer(value: int) -> bytes:
    return _tagged(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _tagged(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + content
