"""Bearer tokens and Basic credentials for one registry.

The rule of this file: a token is asked for one repository and for pulling only; the realm a registry names gets the
user's password only if the user meant that host. Docker 1.9's order holds: Basic comes after bearer and wins.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, quote_plus, urlsplit, urlunsplit

from toolkit.errors import SourceError, UnauthorizedError
from toolkit.references import Repository, is_loopback
from toolkit.sources.challenges import Challenge
from toolkit.sources.clock import SYSTEM_CLOCK, Clock
from toolkit.sources.credentials import Credentials
from toolkit.sources.urls import redacted
from toolkit.sources.wire import Wire

_TOKEN_LIFE: Final = 60.0
_LONGEST_LIFE: Final = 3600
_TOKEN_LIMIT: Final = 64 * 1024


@dataclass(slots=True)
class _Token:
    value: str
    expires: float


class Authorizer:
    """Makes the Authorization header for requests to one registry.

    Parameters
    ----------
    challenges : list of Challenge
        What the registry asked for at ``/v2/``.
    credentials : Credentials or None
    repository : Repository
    clock : Clock
    as_seed : bool
        Understand only the member ``token``, as Docker 1.9 did.
    """

    def __init__(
        self,
        wire: Wire,
        challenges: list[Challenge],
        credentials: Credentials | None,
        repository: Repository,
        *,
        clock: Clock = SYSTEM_CLOCK,
        as_seed: bool,
    ) -> None:
        self._wire = wire
        self._clock = clock
        self._challenges = challenges
        self._credentials = credentials
        self._repository = repository
        self._as_seed = as_seed
        self._token: _Token | None = None
        self._guard = threading.Lock()

    def header(self, url: str) -> str | None:
        """Return the header for a request; None when the registry asked for nothing.

        Raises
        ------
        UnauthorizedError
            No token or no password; the message is Docker's.
        """
        value: str | None = None
        try:
            for challenge in self._of("bearer"):
                value = f"Bearer {self._bearer(challenge)}"
            for _ in self._of("basic"):
                if self._credentials is None or not self._credentials.complete:
                    raise UnauthorizedError("no basic auth credentials", next_step="give --username and --password-stdin")
                value = self._credentials.basic()
        except SourceError as error:
            raise UnauthorizedError(
                f"Get {redacted(url)}: {error.message}",
                where=error.where or redacted(url),
                expected=error.expected,
                actual=error.actual,
                next_step=error.next_step,
            ) from error
        return value

    def learn(self, challenges: list[Challenge]) -> bool:
        """Take in what a refusal asks for, and drop the token that was refused; True when asking again makes sense."""
        with self._guard:
            had, self._token = self._token is not None, None
            new = bool(challenges) and challenges != self._challenges
            if new:
                self._challenges = challenges
        return had or new

    def _of(self, scheme: str) -> list[Challenge]:
        return [challenge for challenge in self._challenges if challenge.scheme == scheme]

    def _bearer(self, challenge: Challenge) -> str:
        with self._guard:
            if self._token is None or self._token.expires < self._clock.now():
                self._token = self._fetch(challenge)
            return self._token.value

    def _fetch(self, challenge: Challenge) -> _Token:
        started = self._clock.now()
        realm = challenge.parameters.get("realm")
        if not realm:
            raise UnauthorizedError("no realm specified for token auth challenge")
        url, basic = self._token_request(realm, challenge.parameters.get("service", ""))
        answer = self._wire.send("GET", url, follow=False, basic=basic)
        body = answer.read(_TOKEN_LIMIT, "a token answer")
        if not 200 <= answer.status < 400:
            raise UnauthorizedError(
                f"token auth attempt for registry: {redacted(url)} request failed with status: {answer.status} {answer.reason}",
                where=redacted(url),
                next_step="give --username and --password-stdin, or check them",
            )
        try:
            document: Any = json.loads(body)
            token = document.get("token") or ("" if self._as_seed else document.get("access_token")) or ""
            life = document.get("expires_in")
        except (ValueError, AttributeError, RecursionError) as error:
            raise UnauthorizedError(f"unable to decode token response: {error}", where=redacted(url)) from error
        if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
            raise UnauthorizedError("authorization server did not include a token in the response", where=redacted(url))
        seconds = life if isinstance(life, int | float) and not self._as_seed and life > _TOKEN_LIFE else _TOKEN_LIFE
        return _Token(token, started + float(min(seconds, _LONGEST_LIFE)))

    def _token_request(self, realm: str, service: str) -> tuple[str, str | None]:
        try:
            parts = urlsplit(realm)
        except ValueError as error:
            raise UnauthorizedError(f"invalid token auth challenge realm: {redacted(realm)!r}") from error
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise UnauthorizedError(f"invalid token auth challenge realm: {redacted(realm)!r}")
        host = parts.netloc.rpartition("@")[2]
        if parts.scheme == "http" and not is_loopback(host):
            raise UnauthorizedError(
                f"a token is not asked for over plain http from {host}",
                where=redacted(realm),
                expected="an https realm",
                actual=parts.scheme,
                next_step="the registry's own operator must offer https",
            )
        credentials = self._credentials
        basic: str | None = None
        if credentials is not None and credentials.complete:
            if not credentials.may_go_to(host, registry=self._repository.registry):
                raise UnauthorizedError(
                    f"your password is for {self._repository.registry}, and the registry wants it sent to {host}",
                    where=redacted(realm),
                    expected=self._repository.registry,
                    actual=host,
                    next_step=f"if you trust that host: --allow-realm {host}",
                )
            basic = credentials.basic()
        query = parse_qsl(parts.query, keep_blank_values=True)
        query.append(("scope", f"repository:{self._repository.remote_name}:pull"))
        if service:
            query.append(("service", service))
        if basic is not None and credentials is not None:
            query.append(("account", credentials.username))
        text = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in sorted(query, key=lambda pair: pair[0]))
        return urlunsplit((parts.scheme, host, parts.path, text, "")), basic
