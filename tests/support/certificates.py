"""Certificates made for the moment."""

from __future__ import annotations

import base64
import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from toolkit.simulator.signing import SigningKey

_START = dt.datetime(2015, 1, 1, tzinfo=dt.UTC)


def _name(key: SigningKey) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, key.seed)])


def _certificate(subject: SigningKey, issuer: SigningKey) -> str:
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(subject.private.public_key())
        .serial_number(1)
        .not_valid_before(_START)
        .not_valid_after(_START + dt.timedelta(days=36500))
        .sign(issuer.private, hashes.SHA256())
    )
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()


def self_signed(key: SigningKey) -> str:
    """A certificate a key issued to itself."""
    return _certificate(key, key)


def chain(key: SigningKey, issuer: SigningKey) -> list[str]:
    """A certificate issued by another key, and that key's own."""
    return [_certificate(key, issuer), self_signed(issuer)]
