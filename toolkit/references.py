"""References: the text "name:tag" or "name@digest" to a value.

The rule of this room: a ``Reference`` is made only here, by a full match of its grammar. The strict grammar is the OCI
one; Docker 1.9's own, more generous reading stands beside it and is used under the policy ``docker-1.9`` only.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from toolkit.digests import Digest
from toolkit.errors import DigestSyntaxError, ReferenceSyntaxError

DEFAULT_REGISTRY: Final = "docker.io"
DEFAULT_TAG: Final = "latest"

SEED_COMPONENT: Final = r"[a-z0-9](?:-*[a-z0-9])*(?:[._][a-z0-9](?:-*[a-z0-9])*)*"
_SEED_COMPONENT: Final = re.compile(SEED_COMPONENT, re.ASCII)
_COMPONENT: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*", re.ASCII)
_TAG: Final = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_HOST: Final = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?", re.ASCII)
_IMAGE_ID: Final = re.compile(r"[a-f0-9]{64}", re.ASCII)
_MANIFEST_URL_PATTERN: Final = r"^[\w][\w.-]{0,127}|[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+$"
_MANIFEST_URL: Final = re.compile(r"^[\w][\w.-]{0,127}|[a-zA-Z0-9_+.-]+:[a-fA-F0-9]+\Z", re.ASCII)
_BLOB_URL: Final = re.compile(r"[a-zA-Z0-9_+.-]+:[a-fA-F0-9]+", re.ASCII)

_HOW: Final = "write NAME[:TAG] or NAME@sha256:<64 hex digits>, e.g. 127.0.0.1:5000/library/busybox:1.24"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository: the registry's host, the name there, and the name in the local graph.

    ``local_name`` is what Docker 1.9 wrote into its ``repositories`` file: no host and no ``library/`` for Docker Hub.
    """

    registry: str
    remote_name: str
    local_name: str

    @property
    def canonical(self) -> str:
        """The host and the remote name."""
        return f"{self.registry}/{self.remote_name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One image that is asked for: a repository and, in it, a tag or a digest.

    ``asked`` is the tag or digest as it goes into the manifest's URL. A digest, where there is one, is the authority
    and a tag beside it is only recorded.
    """

    text: str
    repository: Repository
    tag: str | None
    digest: str | None
    named_registry: bool
    has_name: bool = True

    @classmethod
    def parse(cls, text: str, *, registry: str | None = None, seed_grammar: bool = False) -> Reference:
        """Read a reference, or refuse it.

        Parameters
        ----------
        text : str
            ``[HOST[:PORT]/]NAME[:TAG][@DIGEST]``; without tag and digest the tag is ``latest``.
        registry : str, optional
            Where a name without a host lives; ``docker.io`` when absent.
        seed_grammar : bool
            Read as Docker 1.9 did: anything may follow the colon or the at sign.

        Returns
        -------
        Reference

        Raises
        ------
        ReferenceSyntaxError
            What is wrong, and how to write it.

        Notes
        -----
        Origin: distribution reference grammar; for the seed ``parsers.ParseRepositoryTag`` and
        ``registry.splitReposName`` of Docker 1.9.

        Examples
        --------
        >>> reference = Reference.parse("127.0.0.1:5000/library/busybox:1.24")
        >>> reference.repository.remote_name, reference.asked
        ('library/busybox', '1.24')
        """
        name, tag, digest = _seed_split(text) if seed_grammar else _strict_split(text)
        repository = resolve_repository(name, registry=registry, seed_grammar=seed_grammar)
        return cls(
            text=text,
            repository=repository,
            tag=tag if tag is not None or digest is not None else DEFAULT_TAG,
            digest=digest,
            named_registry=_host_of(name) is not None,
        )

    @classmethod
    def bare(cls, asked: str) -> Reference:
        """Make a reference without a name, for judging a manifest by its digest (or tag) alone."""
        by_digest = ":" in asked
        return cls(
            text=asked,
            repository=Repository(registry="", remote_name="", local_name=""),
            tag=None if by_digest else asked,
            digest=asked if by_digest else None,
            named_registry=False,
            has_name=False,
        )

    @property
    def asked(self) -> str:
        """The tag or digest that is asked of the source."""
        return self.digest if self.digest is not None else (self.tag or DEFAULT_TAG)

    @property
    def local_text(self) -> str:
        """The reference as Docker 1.9 printed it: local name, ``:tag`` or ``@digest``."""
        separator = "@" if ":" in self.asked else ":"
        return f"{self.repository.local_name}{separator}{self.asked}" if self.has_name else self.asked

    def with_tag(self, tag: str) -> Reference:
        """The same repository, another tag."""
        name = self.repository.local_name
        return Reference(
            text=f"{name}:{tag}",
            repository=self.repository,
            tag=tag,
            digest=None,
            named_registry=self.named_registry,
        )

    def with_digest(self, digest: str) -> Reference:
        """The same repository, by digest."""
        if not self.has_name:
            return Reference.bare(digest)
        return Reference(
            text=f"{self.repository.local_name}@{digest}",
            repository=self.repository,
            tag=None,
            digest=digest,
            named_registry=self.named_registry,
        )

    def __str__(self) -> str:
        return self.text


def resolve_repository(name: str, *, registry: str | None = None, seed_grammar: bool = True) -> Repository:
    """Split a repository name into host, remote name and local name, or refuse it with Docker 1.9's own words.

    >>> resolve_repository("ubuntu").canonical
    'docker.io/library/ubuntu'
    """
    if "://" in name:
        raise _bad('Invalid repository name (ex: "registry.domain.tld/myrepos")', name)
    host = _host_of(name)
    remote = name if host is None else name.partition("/")[2]
    if host is None and registry is not None:
        host = registry
    if "/" not in remote and _IMAGE_ID.fullmatch(remote):
        raise _bad(f"Invalid repository name ({remote}), cannot specify 64-byte hexadecimal strings", name)
    problem = _name_error(remote, _SEED_COMPONENT if seed_grammar else _COMPONENT)
    if problem is not None:
        raise _bad(problem, name)
    if host is None or host in (DEFAULT_REGISTRY, "index.docker.io"):
        local = remote.removeprefix("library/")
        remote = f"library/{local}" if "/" not in local else local
        if local == "scratch":
            raise _bad("'scratch' is a reserved name", name)
        return Repository(registry=DEFAULT_REGISTRY, remote_name=remote, local_name=local)
    if host.startswith("-") or host.endswith("-"):
        raise _bad(f"Invalid index name ({host}). Cannot begin or end with a hyphen.", name)
    if not seed_grammar and not _HOST.fullmatch(host):
        raise _bad(f"{host!r} is not a registry's host name", name)
    return Repository(registry=host, remote_name=remote, local_name=f"{host}/{remote}")


def tag_error(tag: str) -> str | None:
    """Say what Docker 1.9 had against a tag; ``None`` when it is fine.

    >>> tag_error("1.24") is None
    True
    """
    if tag == "":
        return "tag name can't be empty"
    if _TAG.fullmatch(tag):
        return None
    return (
        f"Illegal tag name ({tag}): only [A-Za-z0-9_.-] are allowed ('.' and '-' are NOT allowed in the initial), "
        "minimum 1, maximum 128 in length"
    )


def image_id_error(image_id: str) -> str | None:
    """Say what Docker 1.9 had against an image ID; the text ends in a space, as it did.

    >>> image_id_error("x")
    "invalidimageid: image ID 'x' is invalid "
    """
    if _IMAGE_ID.fullmatch(image_id):
        return None
    return f"invalidimageid: image ID '{image_id}' is invalid "


def manifest_url_error(asked: str) -> str | None:
    """Say why Docker 1.9 could not build a manifest's URL for a tag or digest; ``None`` when it could."""
    if _MANIFEST_URL.search(asked):
        return None
    pattern = _MANIFEST_URL_PATTERN.replace("\\", "\\\\")
    return f'mux: variable "{asked}" doesn\'t match, expected "{pattern}"'


def blob_url_error(digest: str) -> str | None:
    """Say why Docker 1.9 could not build a blob's URL for a digest; ``None`` when it could."""
    if _BLOB_URL.fullmatch(digest):
        return None
    return f'mux: variable "{digest}" doesn\'t match, expected "^[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+$"'


def repository_name_error(name: str) -> str | None:
    """Say what Docker 1.9's v2 name rules had against a repository name; ``None`` when it is fine."""
    return _name_error(name, _SEED_COMPONENT)


def is_loopback(registry: str) -> bool:
    """Tell whether a registry's host is this machine, spelled so that no name service is asked.

    >>> is_loopback("127.0.0.1:5000"), is_loopback("localhost"), is_loopback("192.0.2.1:5000")
    (True, True, False)
    """
    host = registry.rpartition(":")[0] if re.search(r":[0-9]+\Z", registry) else registry
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def seed_split(text: str) -> tuple[str, str]:
    """Split a text into name and tag-or-digest as Docker 1.9 did (``parsers.ParseRepositoryTag``).

    >>> seed_split("user/app@sha256:abcd")
    ('user/app', 'sha256:abcd')
    """
    if "@" in text:
        parts = text.split("@")
        return parts[0], parts[1]
    name, colon, tag = text.rpartition(":")
    if colon and "/" not in tag:
        return name, tag
    return text, ""


def _seed_split(text: str) -> tuple[str, str | None, str | None]:
    name, asked = seed_split(text)
    if ":" in asked:
        return name, None, asked
    return name, asked or None, None


def _strict_split(text: str) -> tuple[str, str | None, str | None]:
    name, at, digest = text.partition("@")
    if at:
        try:
            Digest.parse(digest)
        except DigestSyntaxError as error:
            raise ReferenceSyntaxError(
                f"{text!r}: what follows the @ is not a digest",
                expected=error.expected,
                actual=digest,
                next_step=_HOW,
            ) from error
    head, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        return name, None, digest or None
    problem = tag_error(tag)
    if problem is not None:
        raise _bad(problem, text)
    return head, tag, digest or None


def _host_of(name: str) -> str | None:
    first, slash, _ = name.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else None


def _name_error(name: str, component: re.Pattern[str]) -> str | None:
    if name == "":
        return "repository name must have at least one component"
    if len(name.encode("utf-8", "surrogatepass")) > 255:
        return "repository name must not be more than 255 characters"
    if all(component.fullmatch(part) for part in name.split("/")):
        return None
    if component is _SEED_COMPONENT:
        return f'repository name component must match "{SEED_COMPONENT}"'
    return f"{name!r} is no repository's name: lower-case letters and digits, with . _ __ or - between them"


def _bad(message: str, text: str) -> ReferenceSyntaxError:
    return ReferenceSyntaxError(message, where="reference", actual=text, next_step=_HOW)
