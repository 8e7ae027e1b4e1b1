"""A static registry on a loopback port.

The rule of this file: 127.0.0.1 only, any free port unless one is asked for, and it ends when the context does.
"""

from __future__ import annotations

import http.server
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, Self

from toolkit.sources.static_registry import Answer, StaticRegistry

AnswerTo = Callable[[str, str, Mapping[str, str]], Answer]
"""Method, target and headers of a request to the answer."""


class LoopbackServer:
    """Serve answers over HTTP.

    Parameters
    ----------
    answer : StaticRegistry or callable
    port : int
        0 for any free one.

    Examples
    --------
    >>> from toolkit.simulator import teaching_registry
    >>> with LoopbackServer(teaching_registry()) as server:
    ...     server.host.partition(":")[0]
    '127.0.0.1'
    """

    def __init__(self, answer: StaticRegistry | AnswerTo, *, port: int = 0) -> None:
        answer_to: AnswerTo = _of_registry(answer) if isinstance(answer, StaticRegistry) else answer

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                """Answer a GET or a HEAD."""
                _send(self, answer_to(self.command, self.path, dict(self.headers)))

            do_HEAD = do_GET  # noqa: N815  # http.server names it so

            def log_message(self, *unused: object) -> None:
                """Say nothing: the client's frame `requests` tells."""

        self._server = _Server(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def host(self) -> str:
        """``127.0.0.1:PORT``, to be put in front of a repository's name."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let a client hang up when it has seen enough; anything else is told as ever."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _of_registry(registry: StaticRegistry) -> AnswerTo:
    return lambda method, target, _: registry.answer(method, target.partition("?")[0])


def _send(handler: http.server.BaseHTTPRequestHandler, answer: Answer) -> None:
    handler.send_response(answer.status)
    for name, value in answer.headers.items():
        handler.send_header(name, value)
    length = answer.headers.get("Content-Length")
    whole = length == str(len(answer.body)) or handler.command == "HEAD" or answer.status in (204, 304)
    if not whole:
        handler.send_header("Connection", "close")
    handler.end_headers()
    if handler.command != "HEAD" and answer.status != 304:
        handler.wfile.write(answer.body)
    handler.close_connection = not whole
