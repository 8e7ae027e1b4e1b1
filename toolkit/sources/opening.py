"""Open anything that images come from.

The rule of this file: what is given is looked at once and named; what cannot be opened says what can.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from toolkit.errors import UsageError
from toolkit.sources.credentials import Credentials
from toolkit.sources.network import Network
from toolkit.sources.protocol import Source
from toolkit.sources.registry import RegistrySource

if TYPE_CHECKING:
    import httpx

_HOST: Final = re.compile(r"(?:https?://)?(\[[0-9a-fA-F:.]+\](?::[0-9]+)?|[A-Za-z0-9.-]+(?::[0-9]+)?)/?", re.ASCII)

Openable: TypeAlias = "str | PathLike[str] | Source | httpx.BaseTransport"
"""What ``open_source`` takes."""


def open_source(
    where: Openable,
    *,
    username: str | None = None,
    password: str | None = None,
    realms: Collection[str] = (),
    insecure: Collection[str] = (),
    mirrors: Collection[str] = (),
    legacy: bool = False,
    budget: int | None = None,
    docker_config: str | PathLike[str] | None = None,
    helpers: Collection[str] = (),
) -> Source:
    """Open a source of images.

    Parameters
    ----------
    where : str, path, Source or httpx transport
        ``host[:port]`` or the URL of a registry; a path that exists, which is looked at: the folder of a saved registry,
        an OCI layout, a ``dir:`` image, a docker-archive, a registry's storage or a docker root, as a folder or a tar,
        plain or compressed; a transport that answers for a registry.
    username, password : str, optional
        Sent to that registry only; anonymous without them.
    realms : collection of str
        Further hosts that may see them for a token.
    insecure : collection of str
        Hosts allowed plain http and unchecked certificates; this machine's own always are.
    mirrors : collection of str
        URLs of mirrors of Docker Hub, tried first, in this order.
    legacy : bool
        Try the v1 protocol last; nothing it says can be verified, and every row says so.
    budget : int, optional
        How many requests may be sent to the registry, by all calls with this source; unlimited when absent.
    docker_config : path, optional
        A ``config.json`` of docker to take the credentials for that registry from; without it none is read.
    helpers : collection of str
        Credential helpers that configuration may name and that may be run; none when absent.

    Returns
    -------
    Source

    Raises
    ------
    SourceError
        Nothing at that path is known to hold images, or it cannot be read.
    UsageError
        Nothing that can be opened.

    Examples
    --------
    >>> open_source("127.0.0.1:5000")
    RegistrySource('127.0.0.1:5000')
    """
    if not isinstance(where, str | PathLike):
        return _given(where)
    path = Path(where)
    if _exists(path):
        from toolkit.sources.recognising import open_path

        return open_path(path)
    return open_registry(
        fspath(where),
        username=username,
        password=password,
        realms=realms,
        insecure=insecure,
        mirrors=mirrors,
        legacy=legacy,
        budget=budget,
        docker_config=docker_config,
        helpers=helpers,
    )


def _given(where: Source | httpx.BaseTransport) -> Source:
    """Take a source as it is, and a transport for a registry's."""
    if "httpx" in sys.modules:  # whoever has a transport of it has loaded it; for others it is slow to load
        import httpx

        if isinstance(where, httpx.BaseTransport):
            from toolkit.sources.static_registry import StaticRegistry

            return RegistrySource(where.name if isinstance(where, StaticRegistry) else "localhost", transport=where)
    return cast("Source", where)


def open_registry(
    where: str,
    *,
    username: str | None = None,
    password: str | None = None,
    realms: Collection[str] = (),
    insecure: Collection[str] = (),
    mirrors: Collection[str] = (),
    legacy: bool = False,
    budget: int | None = None,
    docker_config: str | PathLike[str] | None = None,
    helpers: Collection[str] = (),
) -> RegistrySource:
    """Open a registry by its host or URL, whatever folders there are of that name.

    Raises
    ------
    UsageError
        It is no host and no URL of one.
    """
    match = _HOST.fullmatch(where)
    if match is None:
        from toolkit.sources.recognising import EXPECTED

        raise UsageError(
            f"{where!r} is no source of images",
            expected=f"host[:port], http(s)://host[:port], or a path: {EXPECTED}",
            actual=where,
            next_step="check the spelling; a folder or file must exist",
        )
    credentials = None
    if docker_config is not None:
        if username is not None or password is not None:
            raise UsageError(
                "a user name and a docker configuration are both given", expected="one of them", next_step="leave one out"
            )
        from toolkit.sources.docker_config import docker_credentials

        credentials = docker_credentials(Path(docker_config), match[1], helpers=helpers, realms=realms)
    elif username is not None or password is not None:
        credentials = Credentials(username or "", password or "", realms)
    allowed = {*insecure, match[1]} if where.startswith("http://") else set(insecure)
    for url in mirrors:
        if not url.startswith(("http://", "https://")) or _HOST.fullmatch(url) is None:
            raise UsageError(
                f"{url!r} is no URL of a mirror", expected="https://host[:port]", actual=url, next_step="write the scheme, too"
            )
    network = Network(insecure=frozenset(allowed), mirrors=tuple(mirrors), legacy=legacy, budget=budget)
    return RegistrySource(match[1], credentials=credentials, network=network)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        return True  # and opening it says so
    except (OSError, ValueError):  # a name no file system takes
        return False
