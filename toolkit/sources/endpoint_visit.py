"""One visit to a registry, from greeting to leaving: which endpoint is asked, by whose leave, and what is noted of it.

The rule of this file: it finds an endpoint that speaks the protocol and carries questions there; what the questions are
is the registry connection's business.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from toolkit._version import VERSION
from toolkit.errors import RegistryResponseError, SourceError, ToolkitError
from toolkit.records import Endpoint, EndpointOutcome, Request
from toolkit.references import Repository
from toolkit.sources.authorization import Authorizer
from toolkit.sources.challenges import Challenge, parse_challenges
from toolkit.sources.credentials import Credentials
from toolkit.sources.endpoints import Attempts, EndpointAddress
from toolkit.sources.exchange import Headers, Transport
from toolkit.sources.registry_errors import error_answer
from toolkit.sources.registry_state import RegistryState
from toolkit.sources.sockets import SocketTransport
from toolkit.sources.wire import ANSWER_SECONDS, Answer, Wire, read_error_body

if TYPE_CHECKING:
    from toolkit.sources.v1_registry import V1Connection

_VERSION_HEADER: Final = "Docker-Distribution-Api-Version"


class EndpointVisit:
    """A visit to the endpoints of one registry, about one repository.

    Parameters
    ----------
    addresses : list of EndpointAddress
    repository : Repository
    state : RegistryState
    credentials : Credentials or None
    as_seed : bool
    """

    def __init__(
        self,
        addresses: list[EndpointAddress],
        repository: Repository,
        state: RegistryState,
        *,
        credentials: Credentials | None,
        as_seed: bool,
    ) -> None:
        self._repository = repository
        self._credentials = credentials
        self._state = state
        self._as_seed = as_seed
        self._records: deque[Endpoint | Request] = deque()
        self._attempts = Attempts(addresses, as_seed=as_seed)
        self._answers = False
        self._stop = threading.Event()
        self._transport: Transport | None = None
        self._legacy: V1Connection | None = None
        self._wire: Wire
        self._authorizer: Authorizer

    @property
    def endpoint(self) -> str:
        """The URL of the endpoint that is asked."""
        return self._attempts.address.url

    def next_endpoint(self, error: ToolkitError) -> ToolkitError | None:
        """Give up on the endpoint; None when another one is there to be tried, else the error to report."""
        if not self._answers:
            return error  # every endpoint was tried already when none answered
        left = self._row("left", error.message, fallback=True)
        if not self._attempts.failed(error, answered=True):
            return self._attempts.error
        self._records.append(left)
        self._answers = False
        return None

    def abort(self) -> None:
        """Wake whoever waits for bytes, from another thread."""
        self._stop.set()
        if isinstance(self._transport, SocketTransport):
            self._transport.abort(self._stop)

    def drain(self) -> tuple[Endpoint | Request, ...]:
        """Return the exchanges recorded since the last call, and forget them."""
        drained: list[Endpoint | Request] = []
        while self._records:
            drained.append(self._records.popleft())
        return tuple(drained)

    def __enter__(self) -> Self:
        self._state.enter()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._legacy is not None:
            self._legacy.__exit__(kind, error, trace)
        self._state.leave()

    # -- endpoints -----------------------------------------------------------------------------------------------

    def _v1(self) -> V1Connection | None:
        """The visit by the old protocol, where the endpoint in use speaks no other."""
        self._find_endpoint()
        return self._legacy

    @property
    def _base(self) -> str:
        self._find_endpoint()
        return f"{self.endpoint}/v2/{self._repository.remote_name}"

    def _find_endpoint(self) -> None:
        """Take the first endpoint that answers; raise what is reported when none does."""
        if self._transport is None and not self._as_seed:
            self._attempts.begin_with(self._state.spoken)
        while not self._answers:
            try:
                self._greet(self._attempts.address)
            except SourceError as error:
                goes_on = self._attempts.lets_go_on(error, answered=False)
                self._records.append(self._row("failed", error.message, fallback=goes_on))
                if not self._attempts.failed(error, answered=False):
                    if self._attempts.error is error:
                        raise
                    raise self._attempts.error from error
            else:
                self._answers = True
                self._records.append(self._row("used", "", fallback=False))

    def _greet(self, address: EndpointAddress) -> None:
        """Ask an endpoint whether it speaks the protocol, and what it wants to know first, unless it has told before."""
        network = self._state.network
        self._transport = self._state.to(address)
        self._wire = Wire(
            self._transport,
            self._records,
            user_agent=f"layerproof/{VERSION}",
            as_seed=self._as_seed,
            clock=network.clock,
            allowance=self._state.allowance,
            plain=network.insecure,
            stop=self._stop,
        )
        if address.version == "v1":
            from toolkit.sources.v1_registry import V1Connection

            self._legacy = V1Connection(address.url, self._repository, self._wire, self._credentials, records=self._records)
            if not self._as_seed:  # Docker 1.9 greeted with its first question, and asked nothing for a digest
                self._legacy.ping()
            return
        self._legacy = None
        challenges = None if self._as_seed else self._state.spoken.get(address.url)
        if challenges is None:
            challenges = self._state.spoken[address.url] = self._ping(address)
        self._authorizer = Authorizer(
            self._wire, challenges, self._credentials, self._repository, clock=network.clock, as_seed=self._as_seed
        )

    def _ping(self, address: EndpointAddress) -> list[Challenge]:
        answer = self._wire.send("GET", f"{address.url}/v2/")
        body = read_error_body(answer)
        if answer.status == 429 and not self._as_seed:
            raise error_answer(answer.status, answer.reason, body, url=answer.url, what="a greeting", as_seed=False)
        if address.must_say_version and not _speaks_v2(answer.headers):
            raise RegistryResponseError(
                "endpoint does not support v2 API",
                where=answer.url,
                expected=f"{_VERSION_HEADER}: registry/2.0",
                actual=answer.headers.get(_VERSION_HEADER, f"no such header, {answer.status} {answer.reason}"),
                next_step="check that the address is a registry's",
            )
        return _challenges(answer) if answer.status == 401 else []

    def _row(self, outcome: EndpointOutcome, reason: str, *, fallback: bool) -> Endpoint:
        address = self._attempts.address
        return Endpoint(
            url=address.url,
            version=address.version,
            mirror=address.mirror,
            tls=address.tls,
            outcome=outcome,
            fallback=fallback,
            reason=reason,
        )

    def _get(
        self,
        method: str,
        url: str,
        *,
        accept: str | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float | None = ANSWER_SECONDS,
        attempt: int = 1,
        counted: bool = False,
    ) -> Answer:
        """Ask; a token that is refused is asked for anew, once."""
        for renewed in (False, True):
            answer = self._wire.send(
                method,
                url,
                accept=accept,
                authorize=self._authorizer.header,
                headers=headers,
                seconds=seconds,
                attempt=attempt,
                counted=counted,
            )
            if answer.status != 401 or self._as_seed or renewed or not self._authorizer.learn(_challenges(answer)):
                return answer
            read_error_body(answer)
        raise AssertionError("the second answer is returned")


def _speaks_v2(headers: Headers) -> bool:
    words = " ".join(headers.get_list(_VERSION_HEADER)).split()
    return any(word.partition("/")[0].lower() == "registry" and word.partition("/")[2] == "2.0" for word in words)


def _challenges(answer: Answer) -> list[Challenge]:
    return parse_challenges(answer.headers.get_list("WWW-Authenticate"))
