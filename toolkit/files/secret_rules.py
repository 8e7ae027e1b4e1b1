"""What looks like a secret: rules as data.

The rule of this file: a rule is a slug, a sentence and what it looks for. An ``anchor`` is a short text every match contains,
so that most bytes are only searched for a few words; ``value`` is the group of the pattern that must not be shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class PathRule:
    """A file that holds secrets by its name; an empty one holds none."""

    slug: str
    sentence: str
    pattern: re.Pattern[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentRule:
    """A text that is a secret, in any file or in those whose path matches ``only``; ``shown`` bytes of it may be shown."""

    slug: str
    sentence: str
    anchors: tuple[bytes, ...]
    pattern: re.Pattern[bytes]
    only: re.Pattern[bytes] | None = None
    shown: int = 0


def _path(slug: str, sentence: str, pattern: bytes) -> PathRule:
    return PathRule(slug=slug, sentence=sentence, pattern=re.compile(rb"(?:^|.*/)" + pattern, re.DOTALL))


PATH_RULES: Final = (
    _path("ssh-key-file", "a private key of SSH, by its usual name", rb"id_(?:rsa|dsa|ecdsa|ed25519)"),
    _path("netrc-file", "names and passwords of hosts", rb"[._]netrc"),
    _path("npmrc-file", "npm's settings, with tokens as a rule", rb"\.npmrc"),
    _path("pypirc-file", "passwords for package indexes", rb"\.pypirc"),
    _path("docker-config-file", "logins of registries", rb"\.docker/config\.json|(?:^|.*/)\.dockercfg"),
    _path("env-file", "settings of an environment, with passwords as a rule", rb"\.env(?:\.(?:local|production|staging))?"),
    _path("kube-config-file", "access to a cluster", rb"\.kube/config"),
    _path("git-credentials-file", "passwords git has stored", rb"\.git-credentials"),
    _path("aws-credentials-file", "keys of AWS", rb"\.aws/credentials"),
    _path("pgpass-file", "passwords of databases", rb"\.pgpass"),
    _path("htpasswd-file", "hashes of passwords", rb"\.htpasswd"),
)

_QUOTE: Final = rb"""["']?"""
CONTENT_RULES: Final = (
    ContentRule(
        slug="private-key",
        sentence="a private key in PEM form",
        anchors=(b"PRIVATE KEY",),
        pattern=re.compile(
            rb"-----BEGIN (?:[A-Z0-9]{2,12} ){0,2}PRIVATE KEY(?: BLOCK)?-----\s{1,4}"
            rb"(?:[A-Za-z-]{1,40}: [^\n]{0,200}\s{1,4}){0,4}([A-Za-z0-9+/=]{40,80})"
        ),
    ),
    ContentRule(
        slug="aws-access-key",
        sentence="the name of an AWS key, which its secret stands beside",
        anchors=(b"AKIA", b"ASIA"),
        pattern=re.compile(rb"(?<![A-Za-z0-9+/])((?:AKIA|ASIA)[A-Z2-7]{16})(?![A-Za-z0-9+/])"),
        shown=4,
    ),
    ContentRule(
        slug="aws-secret-key",
        sentence="an AWS secret",
        anchors=(b"aws_secret_access_key", b"AWS_SECRET_ACCESS_KEY"),
        pattern=re.compile(
            rb"aws_secret_access_key" + _QUOTE + rb"\s{0,4}[=:]\s{0,4}" + _QUOTE + rb"([A-Za-z0-9+/]{40})(?![A-Za-z0-9+/])",
            re.IGNORECASE,
        ),
    ),
    ContentRule(
        slug="npm-token",
        sentence="a token of an npm registry",
        anchors=(b"_authToken",),
        pattern=re.compile(rb"_authToken\s{0,4}=\s{0,4}" + _QUOTE + rb"([A-Za-z0-9_+/=.-]{16,200})"),
    ),
    ContentRule(
        slug="netrc-password",
        sentence="a host's password as netrc writes it",
        anchors=(b"password",),
        pattern=re.compile(rb"machine\s{1,8}\S{1,200}\s{1,8}login\s{1,8}\S{1,200}\s{1,8}password\s{1,8}(\S{1,200})"),
        only=re.compile(rb"(?:.*/)?[._]netrc", re.DOTALL),
    ),
    ContentRule(
        slug="registry-login",
        sentence="a login of a registry, in base64",
        anchors=(b'"auth"',),
        pattern=re.compile(rb'"auth"\s{0,8}:\s{0,8}"([A-Za-z0-9+/=]{8,400})"'),
        only=re.compile(rb"(?:.*/)?(?:\.docker/config\.json|\.dockercfg)", re.DOTALL),
    ),
    ContentRule(
        slug="environment-password",
        sentence="a password among the settings of an environment",
        anchors=(b"PASSWORD", b"SECRET", b"TOKEN", b"API_KEY"),
        pattern=re.compile(rb"(?m:^)(?:export )?[A-Z0-9_]{0,60}(?:PASSWORD|SECRET|TOKEN|API_KEY)[A-Z0-9_]{0,60}=(\S{6,200})"),
        only=re.compile(rb"(?:.*/)?\.env(?:\.[a-z]{1,20})?", re.DOTALL),
    ),
    ContentRule(
        slug="kube-client-key",
        sentence="a client's key for a cluster, in base64",
        anchors=(b"client-key-data",),
        pattern=re.compile(rb"client-key-data:\s{0,8}([A-Za-z0-9+/=]{40,400})"),
    ),
    ContentRule(
        slug="url-password",
        sentence="a password in a URL",
        anchors=(b"://",),
        pattern=re.compile(rb"https?://[A-Za-z0-9_.~%-]{1,64}:([A-Za-z0-9_.~%!$&*+,;=-]{6,128})@[A-Za-z0-9\[]"),
    ),
    ContentRule(
        slug="github-token",
        sentence="a token of GitHub",
        anchors=(b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_"),
        pattern=re.compile(rb"(?<![A-Za-z0-9])(gh[pousr]_[A-Za-z0-9]{36})(?![A-Za-z0-9])"),
        shown=4,
    ),
    ContentRule(
        slug="slack-token",
        sentence="a token of Slack",
        anchors=(b"xoxb-", b"xoxp-", b"xoxa-", b"xoxs-"),
        pattern=re.compile(rb"(?<![A-Za-z0-9])(xox[bpas]-[0-9A-Za-z-]{20,200})"),
        shown=5,
    ),
    ContentRule(
        slug="google-api-key",
        sentence="a key of a Google API",
        anchors=(b"AIza",),
        pattern=re.compile(rb"(?<![A-Za-z0-9_-])(AIza[0-9A-Za-z_-]{35})(?![0-9A-Za-z_-])"),
        shown=4,
    ),
)

PLACEHOLDERS: Final = (b"example", b"password", b"passwd", b"changeme", b"xxxxxx", b"******", b"<", b"${", b"%(")
"""Values that contain one of these, in any case, are nobody's."""
