"""A loopback HTTP server whose every answer is a line of data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from toolkit.simulator.server import LoopbackServer
from toolkit.sources.static_registry import Answer


@dataclass(slots=True, kw_only=True)
class Route:
    """One answer: to which request, and what."""

    path: str
    method: str | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    no_length: bool = False
    if_authorization: str | None = None


@dataclass(slots=True)
class Seen:
    """One request as it arrived."""

    method: str
    target: str
    headers: Mapping[str, str]


class ScriptedServer:
    """Serve routes on a free port of 127.0.0.1; ``{HOST}`` in a header becomes its address."""

    def __init__(self) -> None:
        self.routes: list[Route] = []
        self.seen: list[Seen] = []
        self._server = LoopbackServer(self._answer)

    @property
    def host(self) -> str:
        """Address and port."""
        return self._server.host

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *unused: object) -> None:
        self._server.__exit__()

    def _answer(self, method: str, target: str, headers: Mapping[str, str]) -> Answer:
        self.seen.append(Seen(method, target, headers))
        route = next((route for route in self.routes if _fits(route, method, target, headers)), None)
        if route is None:
            route = Route(path="", status=404, headers={"Content-Type": "text/plain"}, body=b"404 page not found\n")
        length = {} if route.no_length else {"Content-Length": str(len(route.body))}
        given = {name: value.replace("{HOST}", self.host) for name, value in route.headers.items()}
        return Answer(route.status, {**length, **given}, route.body)


def _fits(route: Route, method: str, target: str, headers: Mapping[str, str]) -> bool:
    return (
        route.path == urlsplit(target).path
        and route.method in (None, method)
        and route.if_authorization in (None, headers.get("Authorization"))
    )
