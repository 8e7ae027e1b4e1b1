"""A registry that stops in the middle of a blob until it is told to go on, and that knows ranges.

The rule of this file: what it sends is honest; only when it sends it is the test's business. It notes every request for
a blob with the range that was asked for.
"""

from __future__ import annotations

import http.server
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Self

from toolkit.simulator.images import SimulatedImage

_PIECE: Final = 16 * 1024
_PATIENCE: Final = 5.0


@dataclass(slots=True)
class Hold:
    """A stop in a blob: behind so many bytes, until it goes on; ``reached`` is set when they were sent."""

    after: int
    reached: threading.Event = field(default_factory=threading.Event)
    goes_on: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a blob."""

    digest: str
    range: str | None
    status: int


class SlowRegistry:
    """Serve images on a free port of 127.0.0.1."""

    def __init__(self, *images: SimulatedImage, ranges: bool = True) -> None:
        self.asked: list[Asked] = []
        self.holds: dict[str, Hold] = {}
        self.delay = 0.0
        self.tag = "v1"
        self._ranges = ranges
        self._guard = threading.Lock()
        self._bodies: dict[str, bytes] = {"/v2/": b"{}"}
        for image in images:
            base = f"/v2/{image.repository}"
            self._bodies |= {f"{base}/manifests/{name}": image.body for name in (image.tag, image.digest)}
            self._bodies |= {f"{base}/blobs/{digest}": data for digest, data in image.blobs.items()}
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                registry._serve(self)

            do_HEAD = do_GET  # noqa: N815  # http.server names it so

            def log_message(self, *unused: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def host(self) -> str:
        """Address and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def gets(self) -> Counter[str]:
        """How often each blob was asked for."""
        with self._guard:
            return Counter(one.digest for one in self.asked)

    def ranges_of(self, digest: str) -> list[tuple[str | None, int]]:
        """What was asked of a blob, in order: the range, and the status of the answer."""
        with self._guard:
            return [(one.range, one.status) for one in self.asked if one.digest == digest]

    def hold(self, digest: str, after: int) -> Hold:
        """Stop behind so many bytes of a blob, the next time it is sent."""
        hold = self.holds[digest] = Hold(after)
        return hold

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        for hold in list(self.holds.values()):
            hold.goes_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        body = self._bodies.get(handler.path)
        digest = handler.path.rpartition("/")[2] if "/blobs/" in handler.path else ""
        if body is None:
            handler.send_response_only(404)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        start = 0
        asked = handler.headers.get("Range") if digest and self._ranges else None
        if asked is not None:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        handler.send_response_only(206 if asked else 200)
        handler.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        handler.send_header("Content-Length", str(len(body) - start))
        if digest and self._ranges:
            handler.send_header("ETag", f'"{self.tag}-{digest[7:19]}"')
        if asked is not None:
            handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        handler.end_headers()
        if handler.command == "HEAD":
            return
        hold = None
        if digest:
            with self._guard:
                self.asked.append(Asked(digest, handler.headers.get("Range"), 206 if asked else 200))
                hold = self.holds.pop(digest, None)
        self._send(handler, body, start, hold)

    def _send(self, handler: http.server.BaseHTTPRequestHandler, body: bytes, start: int, hold: Hold | None) -> None:
        if hold is not None:
            self._write(handler, body[start : hold.after])
            start = max(start, hold.after)
            hold.reached.set()
            hold.goes_on.wait(_PATIENCE)
        self._write(handler, body[start:])

    def _write(self, handler: http.server.BaseHTTPRequestHandler, data: bytes) -> None:
        for position in range(0, len(data), _PIECE):
            handler.wfile.write(data[position : position + _PIECE])
            time.sleep(self.delay)


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients are killed here; that they are gone is no error."""


def until(condition: Callable[[], object], seconds: float = _PATIENCE) -> None:
    """Wait for something to come true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)
