"""Routes of an honest registry, to be changed one at a time, and a visit to it."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from typing import Final

from support.scripted_server import Route, ScriptedServer
from toolkit.records import Endpoint, Request
from toolkit.references import resolve_repository
from toolkit.simulator.images import SimulatedImage
from toolkit.sources.credentials import Credentials
from toolkit.sources.registry import RegistrySource
from toolkit.sources.registry_connection import RegistryConnection

VERSION: Final = {"Docker-Distribution-Api-Version": "registry/2.0"}
PING: Final = Route(path="/v2/", headers=VERSION)


def routes_of(image: SimulatedImage, ping: Route = PING, *, if_authorization: str | None = None) -> list[Route]:
    """Serve an image by tag and by digest, with every blob."""
    base = f"/v2/{image.repository}"
    answers = [(f"{base}/manifests/{asked}", image.body) for asked in (image.tag, image.digest)]
    answers += [(f"{base}/blobs/{digest}", data) for digest, data in image.blobs.items()]
    return [ping, *(Route(path=path, body=body, if_authorization=if_authorization) for path, body in answers)]


def challenge(*values: str, headers: Mapping[str, str] = VERSION) -> Route:
    """A ping that asks for credentials."""
    return Route(path="/v2/", status=401, headers={**headers, "WWW-Authenticate": ", ".join(values)})


def visit(
    server: ScriptedServer,
    *,
    as_seed: bool = False,
    username: str = "",
    password: str = "",
    realms: Iterable[str] = (),
    repository: str = "teach/clean",
) -> RegistryConnection:
    """Start a visit to a scripted registry."""
    credentials = Credentials(username, password, tuple(realms)) if username or password else None
    source = RegistrySource(server.host, credentials=credentials)
    return source.connect(resolve_repository(f"{server.host}/{repository}"), as_seed=as_seed)


def exchanges(connection: RegistryConnection) -> tuple[list[Endpoint], list[Request]]:
    """The rows of a visit so far, sorted by table."""
    rows = connection.drain()
    return [row for row in rows if isinstance(row, Endpoint)], [row for row in rows if isinstance(row, Request)]


def nobody() -> str:
    """An address of this machine at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return f"127.0.0.1:{port}"
