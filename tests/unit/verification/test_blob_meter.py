"""The meter: bytes counted and hashed as they go by."""

from __future__ import annotations

import hashlib

import pytest

from toolkit.verification.blob_meter import BlobMeter

DATA = b"some layer"


def metered(expected: str) -> BlobMeter:
    meter = BlobMeter(expected)
    meter.feed(DATA[:4])
    meter.feed(bytearray(DATA[4:7]))
    meter.feed(memoryview(DATA)[7:])
    return meter


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_the_claimed_algorithm_is_measured_beside_sha256(algorithm: str) -> None:
    own = f"{algorithm}:{hashlib.new(algorithm, DATA).hexdigest()}"
    meter = metered(own)
    assert meter.matches
    assert meter.actual == own
    assert meter.size == len(DATA)
    assert str(meter.digest) == f"sha256:{hashlib.sha256(DATA).hexdigest()}"


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_another_hash_or_another_case_does_not_match(algorithm: str) -> None:
    own = f"{algorithm}:{hashlib.new(algorithm, DATA).hexdigest()}"
    assert not metered(f"{algorithm}:ab").matches
    shouted = metered(f"{algorithm}:{own.partition(':')[2].upper()}")
    assert not shouted.matches
    assert shouted.actual == own


@pytest.mark.parametrize("expected", ["md5:ab", "tarsum.v1+sha256:ab", "SHA256:ab", "", "latest"])
def test_a_digest_of_an_unknown_algorithm_is_never_met_and_the_bytes_still_have_a_name(expected: str) -> None:
    meter = metered(expected)
    assert not meter.matches
    assert meter.actual == str(meter.digest)


def test_no_bytes_are_the_empty_digest() -> None:
    meter = BlobMeter("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    assert (meter.matches, meter.size) == (True, 0)
