"""WWW-Authenticate headers, read as far as they are regular."""

from __future__ import annotations

import pytest

from toolkit.sources.challenges import Challenge, parse_challenges


def only(header: str) -> Challenge:
    (challenge,) = parse_challenges([header])
    return challenge


@pytest.mark.parametrize(
    ("header", "scheme", "parameters"),
    [
        ("Basic", "basic", {}),
        ('BEARER realm="r"', "bearer", {"realm": "r"}),
        ('Bearer REALM="r",Service="s"', "bearer", {"realm": "r", "service": "s"}),
        ("Bearer realm=r , service=s", "bearer", {"realm": "r", "service": "s"}),
        ('Bearer realm="a\\"b\\\\c"', "bearer", {"realm": 'a"b\\c'}),
        ('Bearer realm="one",realm="two"', "bearer", {"realm": "two"}),
        ('Bearer realm="r",service', "bearer", {"realm": "r"}),
        ('Bearer realm="r",service="', "bearer", {"realm": "r"}),
        ('Bearer realm="r",service=""', "bearer", {"realm": "r"}),
        ('Bearer realm="r",service= "s"', "bearer", {"realm": "r"}),
        ('Bearer realm="r" service="s"', "bearer", {"realm": "r"}),
        ('Bearer realm="r", Basic realm="b"', "bearer", {"realm": "r"}),
        ("Bearer\t\r\n realm=r", "bearer", {"realm": "r"}),
    ],
)
def test_what_is_regular_counts_and_the_rest_is_left(header: str, scheme: str, parameters: dict[str, str]) -> None:
    assert only(header) == Challenge(scheme, parameters)


@pytest.mark.parametrize("header", ["", " Bearer realm=r", '"Bearer"', "(x)"])
def test_a_header_without_a_scheme_is_no_challenge(header: str) -> None:
    assert parse_challenges([header]) == []


def test_each_header_is_a_challenge_of_its_own_in_order() -> None:
    found = parse_challenges(['Bearer realm="r"', "", "Basic realm=b"])
    assert [challenge.scheme for challenge in found] == ["bearer", "basic"]
