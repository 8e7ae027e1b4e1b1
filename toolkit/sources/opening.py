"""Open anything that images come from.

The rule of this file: what is given is looked at once and named; what cannot be opened says what can.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from os import PathLike, fspath
from pathlib import Path
from typing import Final

import httpx

from toolkit.errors import SourceError, UsageError
from toolkit.sources.credentials import Credentials
from toolkit.sources.protocol import Source
from toolkit.sources.registry import RegistrySource
from toolkit.sources.static_registry import DESCRIPTION, StaticRegistry

_HOST: Final = re.compile(r"(?:https?://)?(\[[0-9a-fA-F:.]+\](?::[0-9]+)?|[A-Za-z0-9.-]+(?::[0-9]+)?)/?", re.ASCII)

Openable = str | PathLike[str] | Source | httpx.BaseTransport
"""What ``open_source`` takes."""


def open_source(
    where: Openable,
    *,
    username: str | None = None,
    password: str | None = None,
    realms: Collection[str] = (),
    insecure: Collection[str] = (),
) -> Source:
    """Open a source of images.

    Parameters
    ----------
    where : str, path, Source or httpx transport
        ``host[:port]`` or the URL of a registry; the folder of a saved registry; a transport that answers for one.
    username, password : str, optional
        Sent to that registry only; anonymous without them.
    realms : collection of str
        Further hosts that may see them for a token.
    insecure : collection of str
        Hosts allowed plain http and unchecked certificates; this machine's own always are.

    Returns
    -------
    Source

    Raises
    ------
    SourceError
        The folder holds no registry.
    UsageError
        Nothing that can be opened.

    Examples
    --------
    >>> open_source("127.0.0.1:5000")
    RegistrySource('127.0.0.1:5000')
    """
    if isinstance(where, StaticRegistry):
        return RegistrySource(where.name, transport=where)
    if isinstance(where, httpx.BaseTransport):
        return RegistrySource("localhost", transport=where)
    if not isinstance(where, str | PathLike):
        return where
    credentials = None
    if username is not None or password is not None:
        credentials = Credentials(username or "", password or "", realms)
    path = Path(where)
    if path.is_dir():
        if not (path / DESCRIPTION).is_file():
            raise SourceError(
                f"nothing in {path} is known to hold images",
                where=str(path),
                expected=f"a saved registry ({DESCRIPTION})",
                next_step="give host[:port] of a registry, or the folder of a saved one",
            )
        registry = StaticRegistry.load(path)
        return RegistrySource(registry.name, transport=registry)
    match = _HOST.fullmatch(fspath(where))
    if match is None:
        raise UsageError(
            f"{fspath(where)!r} is no source of images",
            expected="host[:port], http(s)://host[:port], or the folder of a saved registry",
            actual=fspath(where),
            next_step="check the spelling; a folder must exist",
        )
    allowed = {*insecure, match[1]} if fspath(where).startswith("http://") else set(insecure)
    return RegistrySource(match[1], credentials=credentials, insecure=allowed)
