"""Digests: the exact ones we make, and the loose ones Docker 1.9 took."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.digests import Digest, hash_matches, seed_algorithm, seed_digest_error, sha256
from toolkit.errors import DigestSyntaxError

SHORT = "ab" * 32
LONG = "cd" * 64


@pytest.mark.parametrize(("algorithm", "digits"), [("sha256", SHORT), ("sha512", LONG)])
def test_an_exact_digest_is_read_and_printed_back(algorithm: str, digits: str) -> None:
    digest = Digest.parse(f"{algorithm}:{digits}")
    assert (digest.algorithm, digest.hex) == (algorithm, digits)
    assert str(digest) == f"{algorithm}:{digits}"
    assert digest.short == digits[:12]
    assert Digest.is_exact(str(digest))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256:",
        SHORT,
        f"sha256:{SHORT.upper()}",
        f"SHA256:{SHORT}",
        f"sha256:{SHORT[:-1]}",
        f"sha256:{SHORT}0",
        f"sha256:{SHORT}\n",
        f" sha256:{SHORT}",
        f"sha256:{LONG}",
        f"sha512:{SHORT}",
        f"sha384:{'ab' * 48}",
        f"sha256:../{SHORT[3:]}",
        f"tarsum.v1+sha256:{SHORT}",
        f"sha256:{'٣' * 64}",
    ],
)
def test_anything_else_is_refused_with_both_sides(text: str) -> None:
    assert not Digest.is_exact(text)
    with pytest.raises(DigestSyntaxError) as caught:
        Digest.parse(text)
    assert caught.value.message == f"{text!r} is not a digest"
    assert caught.value.actual == text
    assert caught.value.expected == "sha256:<64 lower-case hex digits> or sha512:<128 lower-case hex digits>"


@given(st.binary())
@settings(deadline=None)
def test_a_computed_digest_is_exact_and_is_the_hash(data: bytes) -> None:
    assert Digest.parse(sha256(data)) == Digest.of(data)
    assert Digest.of(data).hex == hashlib.sha256(data).hexdigest()
    assert str(Digest.of(data, "sha512")) == f"sha512:{hashlib.sha512(data).hexdigest()}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("sha256:b", None),
        ("sha384:0", None),
        ("sha512:AB", None),
        (f"sha256:{SHORT}", None),
        ("tarsum+sha256:ab", None),
        ("tarsum.v1+sha256:bY852", None),
        ("xx tarsum+sha256:ab yy", None),
        ("tarsumXdev+sha256:ab", None),
        ("", "invalid checksum digest format"),
        ("latest", "invalid checksum digest format"),
        ("sha256:", "invalid checksum digest format"),
        ("sha256:xyz", "invalid checksum digest format"),
        ("sha256:ab\n", "invalid checksum digest format"),
        ("sha256:ab:cd", "invalid checksum digest format"),
        ("tarsum\n.v1+sha256:ab", "invalid checksum digest format"),
        ("#$%#$^:$%^#$%", "invalid checksum digest format"),
        ("md5:ab", "unsupported digest algorithm"),
        ("SHA256:ab", "unsupported digest algorithm"),
        ("sha1:ab", "unsupported digest algorithm"),
    ],
)
def test_docker_1_9_s_own_reading(text: str, problem: str | None) -> None:
    assert seed_digest_error(text) == problem


@pytest.mark.parametrize(
    ("text", "algorithm"), [("sha256:ab", "sha256"), ("tarsum.v1+sha256:ab", "tarsum.v1+sha256"), ("latest", "latest"), ("", "")]
)
def test_the_verifier_is_chosen_by_what_stands_before_the_colon(text: str, algorithm: str) -> None:
    assert seed_algorithm(text) == algorithm


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_bytes_are_compared_with_the_whole_text_in_its_exact_case(algorithm: str) -> None:
    text = f"{algorithm}:{hashlib.new(algorithm, b'layer').hexdigest()}"
    assert hash_matches(text, b"layer")
    assert not hash_matches(text, b"Layer")
    assert not hash_matches(text.upper(), b"layer")
    assert not hash_matches(text[:-1], b"layer")


@pytest.mark.parametrize("text", [f"md5:{hashlib.md5(b'layer', usedforsecurity=False).hexdigest()}", "tarsum.v1+sha256:ab", ""])
def test_a_digest_of_another_algorithm_is_never_met(text: str) -> None:
    assert not hash_matches(text, b"layer")
