"""A loopback HTTP server whose every answer is a line of data."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit


@dataclass(slots=True, kw_only=True)
class Route:
    """One answer: to which request, and what."""

    path: str
    method: str | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    no_length: bool = False
    length: int | None = None
    if_authorization: str | None = None


@dataclass(slots=True)
class Seen:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]


class ScriptedServer:
    """Serve routes on a free port of 127.0.0.1; ``{HOST}`` in a header becomes its address."""

    def __init__(self) -> None:
        self.routes: list[Route] = []
        self.seen: list[Seen] = []
        script = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                script._answer(self)

            do_HEAD = do_GET  # noqa: N815  # http.server names it so

            def log_message(self, *unused: object) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def host(self) -> str:
        """Address and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        self.seen.append(Seen(handler.command, handler.path, dict(handler.headers)))
        route = self._find(handler)
        if route is None:
            route = Route(path="", status=404, headers={"Content-Type": "text/plain"}, body=b"404 page not found\n")
        handler.send_response(route.status)
        for name, value in route.headers.items():
            handler.send_header(name, value.replace("{HOST}", self.host))
        if not route.no_length and "Content-Length" not in route.headers:
            handler.send_header("Content-Length", str(len(route.body) if route.length is None else route.length))
        elif route.no_length and route.status not in (204, 304):
            handler.send_header("Connection", "close")
        handler.end_headers()
        if handler.command != "HEAD" and route.status != 304:
            handler.wfile.write(route.body)
        if route.no_length or route.length is not None:
            handler.close_connection = True

    def _find(self, handler: http.server.BaseHTTPRequestHandler) -> Route | None:
        path = urlsplit(handler.path).path
        for route in self.routes:
            if route.path != path or route.method not in (None, handler.command):
                continue
            if route.if_authorization is not None and handler.headers.get("Authorization") != route.if_authorization:
                continue
            return route
        return None
