"""Secrets: found wherever a stream is cut, masked, and told with the layer that hid them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.planted import AWS_KEY, NPM_TOKEN, PRIVATE_KEY, Planted, file, folder, layer, link

from toolkit.errors import LayerError
from toolkit.files.layering import layer_all
from toolkit.files.members import index_layer
from toolkit.files.secret_rules import CONTENT_RULES, PATH_RULES
from toolkit.files.secrets import LONGEST, Match, Scanner, scan_layer, secrets_of
from toolkit.files.tables import Secret

LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123"

PLANTED = {
    "private-key": (b"x", PRIVATE_KEY),
    "aws-access-key": (b"x", AWS_KEY),
    "aws-secret-key": (b"x", b'aws_secret_access_key = "' + LETTERS[:40] + b'"'),
    "npm-token": (b"x", b"_authToken=" + NPM_TOKEN),
    "netrc-password": (b"home/.netrc", b"machine host login me password hunter2hunter2"),
    "registry-login": (b"root/.docker/config.json", b'{"auths":{"host":{"auth": "bWU6aHVudGVyMg=="}}}'),
    "environment-password": (b"app/.env", b"A=1\nDB_PASSWORD=hunter2hunter2\n"),
    "kube-client-key": (b"x", b"client-key-data: " + LETTERS + b"=="),
    "url-password": (b"x", b"https://me:hunter2hunter2@host/"),
    "github-token": (b"x", b"ghp_" + LETTERS[:36]),
    "slack-token": (b"x", b"xoxb-" + LETTERS[:30]),
    "google-api-key": (b"x", b"AIza" + LETTERS[:35]),
}


def scan(data: bytes, path: bytes = b"x", step: int = 10**6) -> list[Match]:
    scanner = Scanner(path)
    for start in range(0, len(data), step):
        scanner.feed(data[start : start + step])
    return scanner.finish()


def test_every_rule_has_a_planted_secret() -> None:
    assert sorted(PLANTED) == sorted(rule.slug for rule in CONTENT_RULES)
    assert len({rule.slug for rule in (*CONTENT_RULES, *PATH_RULES)}) == len(CONTENT_RULES) + len(PATH_RULES)


@pytest.mark.parametrize("slug", PLANTED)
def test_a_secret_is_found_where_it_stands_and_never_shown(slug: str) -> None:
    path, secret = PLANTED[slug]
    data = b"before\n" + secret + b"\nafter"
    [match] = scan(data, path)
    assert match.rule == slug
    value = data[match.offset : match.offset + match.length]
    assert value in secret
    assert len(match.masked.removesuffix("****")) <= 5
    assert value.decode() not in match.masked


@pytest.mark.parametrize("slug", ["netrc-password", "registry-login", "environment-password"])
def test_some_rules_are_about_some_files_only(slug: str) -> None:
    assert scan(PLANTED[slug][1]) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"AKIA",
        b"xAKIAIOSFODNN7QQQQQQQ",
        AWS_KEY + b"A",
        b"AKIAIOSFODNN7EXAMPLE",
        b"-----BEGIN PRIVATE KEY-----",
        b"-----BEGIN PUBLIC KEY-----\n" + PRIVATE_KEY.splitlines()[1],
        b"https://user:password@host/",
        b"https://user:${TOKEN_OF_MINE}@host/",
        b"http://host:8080/x@y",
        b"//registry/:_authToken=${NPM_TOKEN}",
    ],
)
def test_what_is_no_secret_is_left_alone(data: bytes) -> None:
    assert scan(data) == []


@settings(deadline=None)
@given(st.integers(0, 3 * LONGEST), st.integers(0, 3 * LONGEST), st.integers(1, 3 * LONGEST))
def test_a_secret_is_found_once_however_the_stream_is_cut(before: int, after: int, step: int) -> None:
    data = b"." * before + b" " + PRIVATE_KEY + b"." * after + b" " + AWS_KEY + b" "
    found = scan(data, step=max(step, len(data) // 50))
    assert found == scan(data)
    assert [match.rule for match in found] == ["private-key", "aws-access-key"]


def test_a_match_that_a_cut_would_find_a_second_part_of_is_one() -> None:
    token = b"https://a:b.cdef" + b"https://a:bcdefg" * 8 + b"@h"
    assert len(scan(token + b" " * 3 * LONGEST, step=LONGEST + 40)) == len(scan(token + b" " * 3 * LONGEST))


@pytest.mark.parametrize("step", [10**6, 1])
def test_two_secrets_of_a_rule_are_two(step: int) -> None:
    assert [match.offset for match in scan(AWS_KEY + b"\n" + AWS_KEY, step=step)] == [0, 21]


# -- layers ------------------------------------------------------------------------------------------------------


def rows(*layers: list[Planted]) -> list[Secret]:
    tars = [layer(*members) for members in layers]
    indexed = [index_layer([tar], position=position) for position, tar in enumerate(tars)]
    layering = layer_all(indexed)
    return [row for one, tar in zip(indexed, tars, strict=True) for row in secrets_of(one, scan_layer([tar]), layering)]


def test_a_secret_is_told_with_the_layer_that_hid_its_file() -> None:
    found = rows(
        [folder("d"), file("d/key", b"#" + AWS_KEY), file("again", AWS_KEY)],
        [file(".wh.d"), file("again", AWS_KEY)],
    )
    assert [(row.rule, row.layer, row.path, row.offset, row.seen, row.hidden_by) for row in found] == [
        ("aws-access-key", 0, "d/key", 1, False, 1),
        ("aws-access-key", 0, "again", 0, False, 1),
        ("aws-access-key", 1, "again", 0, True, None),
    ]


def test_a_file_is_told_by_its_name_unless_it_is_empty_or_no_file() -> None:
    found = rows([file(".env", b"A=1"), file("x/.netrc"), folder(".npmrc"), link("id_rsa", "x"), file(".ssh/id_rsa", b"key")])
    assert [(row.rule, row.path, row.offset, row.masked) for row in found] == [
        ("env-file", ".env", None, None),
        ("ssh-key-file", ".ssh/id_rsa", None, None),
    ]


@pytest.mark.parametrize(
    ("slug", "name"),
    [
        ("ssh-key-file", "root/.ssh/id_ed25519"),
        ("netrc-file", "_netrc"),
        ("npmrc-file", "app/.npmrc"),
        ("pypirc-file", ".pypirc"),
        ("docker-config-file", "root/.docker/config.json"),
        ("docker-config-file", ".dockercfg"),
        ("env-file", "app/.env.production"),
        ("kube-config-file", "root/.kube/config"),
        ("git-credentials-file", ".git-credentials"),
        ("aws-credentials-file", "root/.aws/credentials"),
        ("pgpass-file", ".pgpass"),
        ("htpasswd-file", ".htpasswd"),
    ],
)
def test_every_rule_about_names_knows_its_file(slug: str, name: str) -> None:
    assert [row.rule for row in rows([file(name, b"1")])] == [slug]
    assert rows([file(f"{name}.pub", b"1"), file(f"x{name.rpartition('/')[2]}", b"1")]) == []


def test_contents_of_whiteouts_and_of_other_types_are_not_looked_at() -> None:
    assert rows([file(".wh.x", AWS_KEY), file("plain", b"nothing")]) == []


def test_a_layer_that_breaks_off_gives_what_was_found_before() -> None:
    tar = layer(file("a", AWS_KEY), file("b", b"1" * 2000))
    found = scan_layer([tar[:2000]])
    assert next(found)[0] == 0
    with pytest.raises(LayerError):
        next(found)
