"""Credentials from a docker ``config.json``, and from the helper programs it names.

The rule of this file: nothing here happens unless the user asked for it by a flag; a helper runs only if the user named
it; what fails is an error and never a reason to look elsewhere; a secret stands in no message, argument or traceback.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import selectors
import signal
import subprocess
from collections.abc import Callable, Collection
from os import PathLike
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from toolkit import fsops
from toolkit.errors import CredentialHelperError, GraphIOError, UsageError
from toolkit.manifests.strict_json import complaints
from toolkit.references import DEFAULT_REGISTRY
from toolkit.sources.clock import SYSTEM_CLOCK
from toolkit.sources.credentials import Credentials

CONFIG_LIMIT: Final = 1024 * 1024
ANSWER_LIMIT: Final = 64 * 1024
SECONDS: Final = 10.0
_HUB_KEY: Final = "https://index.docker.io/v1/"
_HUB_HOSTS: Final = (DEFAULT_REGISTRY, "index.docker.io")
_HELPER: Final = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)
_HOST: Final = re.compile(r"[\w.:\[\]-]{1,300}", re.ASCII)
_ROOT_PATHS: Final = ("", "/", "/v1", "/v1/", "/v2", "/v2/")
_TOKEN_USER: Final = "<token>"  # noqa: S105  # how a helper marks an identity token
_UNKNOWN: Final = b"credentials not found in native keychain"
_REPAIR: Final = "correct the file, or give --username and --password-stdin instead"
_OTHER_HELPER: Final = "run the helper by hand, or give --username and --password-stdin instead"


def docker_credentials(
    path: str | PathLike[str], registry: str, *, helpers: Collection[str] = (), realms: Collection[str] = ()
) -> Credentials | None:
    """Read the credentials of one registry from a docker configuration.

    A file that others on this machine may read is read all the same; keeping it private is its owner's business.

    Parameters
    ----------
    path : path
        The ``config.json``; at most 1 MiB of strict JSON.
    registry : str
        ``host[:port]`` as the user typed it; ``docker.io`` for Docker Hub.
    helpers : collection of str
        The credential helpers that may be run: NAME of ``docker-credential-NAME``.
    realms : collection of str
        Further hosts that may see the credentials for a token.

    Returns
    -------
    Credentials or None
        None when the file has nothing for that registry.

    Raises
    ------
    CredentialHelperError
        The file or a helper cannot be used; no other way is tried then.
    UsageError
        ``registry`` is no host.

    Notes
    -----
    Origin: ``cli/config/configfile`` and ``credentials`` of the docker command, and the protocol of docker-credential-helpers.
    ``credHelpers`` comes before ``credsStore``, and that before ``auths``. Unlike there, two keys for one host are refused,
    a key with a path below the registry is no key of the registry, and a helper without an answer is an error.
    """
    try:
        return _looked_up(Path(path), registry, helpers, realms)
    except (CredentialHelperError, UsageError) as error:
        refusal = error.with_traceback(None)
    # Raised anew, without its history: the frames that held the file's content are gone from the traceback.
    refusal.__cause__ = refusal.__context__ = None
    raise refusal


def _looked_up(path: Path, registry: str, helpers: Collection[str], realms: Collection[str]) -> Credentials | None:
    if _HOST.fullmatch(registry) is None:
        raise UsageError("that is no registry's host", expected="host[:port]", actual="another text", next_step="check it")
    config = _strict(_content(path), str(path), "the docker configuration", _REPAIR)
    by_host = _member(config, "credHelpers", dict, {}, str(path))
    key = _key_for(by_host, registry, f"{path}: credHelpers")
    if key is not None:
        where, name = f"{path}: credHelpers[{key!r}]", _member(by_host, key, str, "", f"{path}: credHelpers")
    else:
        where, name = f"{path}: credsStore", _member(config, "credsStore", str, "", str(path))
    if name:
        return _from_helper(name, where, registry, helpers, realms)
    entries = _member(config, "auths", dict, {}, str(path))
    key = _key_for(entries, registry, f"{path}: auths")
    if key is None:
        return None
    entry = _member(entries, key, dict, {}, f"{path}: auths")
    return _from_entry(entry, f"{path}: auths[{key!r}]", realms)


def _content(path: Path) -> bytes:
    data = bytearray()
    try:
        if not path.is_file():
            raise _refused("there is no docker configuration", str(path), "a file", "none there", "check --docker-config")
        for chunk in fsops.chunks(path):
            data += chunk
            if len(data) > CONFIG_LIMIT:
                raise _refused("the docker configuration is too large", str(path), f"at most {CONFIG_LIMIT} bytes", "more")
    except GraphIOError as error:
        raise _refused("the docker configuration cannot be read", str(path), "a readable file", error.actual) from error
    except (OSError, ValueError) as error:
        raise _refused("no docker configuration can be there", str(path), "a file", type(error).__name__) from error
    return bytes(data)


def _strict(data: bytes, where: str, what: str, next_step: str) -> dict[str, Any]:
    """Read an object that every JSON reader would read alike; what is wrong with it may quote a secret, and is not told."""
    if next(complaints(data), None) is not None:
        raise _refused(
            f"{what} is not strict JSON", where, "JSON, in UTF-8, no name twice", f"{len(data)} other bytes", next_step
        )
    value = json.loads(data)
    if not isinstance(value, dict):
        raise _refused(f"{what} is not an object", where, "an object", type(value).__name__, next_step)
    return value


def _member(document: dict[str, Any], name: str, kind: type, default: Any, where: str) -> Any:
    value = document.get(name)
    if value is None:
        return default
    if not isinstance(value, kind):
        wanted = "an object" if kind is dict else "a text"
        raise _refused(f"{name!r} is not {wanted}", f"{where}[{name!r}]", wanted, type(value).__name__)
    return value


def _key_for(document: dict[str, Any], registry: str, where: str) -> str | None:
    """The one key that means a registry: as docker writes it, or by its host and port."""
    exact = _HUB_KEY if registry in _HUB_HOSTS else registry
    if exact in document:
        return exact
    found = [key for key in document if _means(key, registry)]
    if len(found) > 1:
        raise _refused(f"{len(found)} entries are for {registry}", where, "one entry", ", ".join(map(repr, found[:4])))
    return found[0] if found else None


def _means(key: str, registry: str) -> bool:
    """Whether a key of the configuration, or the URL a helper answers with, means a registry.

    >>> _means("https://h:5000/v1/", "h:5000"), _means("https://h/team", "h"), _means("https://h@evil/", "h")
    (True, False, False)
    """
    try:
        parts = urlsplit(key if key.startswith(("https://", "http://")) else f"https://{key}")
    except ValueError:
        return False
    hosts = _HUB_HOSTS if registry in _HUB_HOSTS else (registry,)
    return parts.netloc in hosts and parts.path in _ROOT_PATHS and not parts.query and not parts.fragment


def _from_entry(entry: dict[str, Any], where: str, realms: Collection[str]) -> Credentials | None:
    for name in ("identitytoken", "registrytoken"):
        if _member(entry, name, str, "", where):
            raise _unsupported_token(f"{where}[{name!r}]")
    username, password = (_member(entry, name, str, "", where) for name in ("username", "password"))
    auth = _member(entry, "auth", str, "", where)
    if auth:
        try:
            text = base64.b64decode(auth, validate=True).decode("utf-8")
        except ValueError:
            text = ""
        username, colon, password = text.partition(":")
        password = password.strip("\0")
        if not colon:
            raise _refused(
                "the entry cannot be decoded", f"{where}['auth']", "base64 of user:password", f"{len(auth)} characters"
            )
    if not username and not password:
        return None
    return _pair(username, password, where, realms, _REPAIR)


def _pair(username: str, password: str, where: str, realms: Collection[str], next_step: str) -> Credentials:
    if username == _TOKEN_USER:
        raise _unsupported_token(where)
    if not username or not password:
        missing = "user name" if not username else "password"
        raise _refused(f"there is no {missing}", where, "a user name and a password", "half of it", next_step)
    if ":" in username:
        raise _refused("a user name with a colon cannot be sent", where, "a user name", "one with a colon", next_step)
    return Credentials(username, password, realms)


def _from_helper(name: str, where: str, registry: str, helpers: Collection[str], realms: Collection[str]) -> Credentials:
    shown = name if len(name) <= 64 else name[:64] + "…"
    if _HELPER.fullmatch(name) is None:
        raise _refused(f"{shown!r} is no name of a credential helper", where, "[a-z0-9-], at most 64 characters", repr(shown))
    if name not in helpers:
        raise _refused(
            f"the credential helper {name!r} is not allowed to run",
            where,
            f"one of: {', '.join(sorted(helpers)) or 'none is allowed'}",
            name,
            f"if you trust that program: --allow-cred-helper {name}",
        )
    program = _program(f"docker-credential-{name}", where)
    server = _HUB_KEY if registry in _HUB_HOSTS else registry
    answer = _strict(_run(program, server), str(program), "the helper's answer", _OTHER_HELPER)
    said, username, secret = (_member(answer, one, str, "", str(program)) for one in ("ServerURL", "Username", "Secret"))
    if said and said != server and not _means(said, registry):
        raise _refused("the helper answers for another registry", str(program), server, "another ServerURL", _OTHER_HELPER)
    return _pair(username, secret, str(program), realms, _OTHER_HELPER)


def _program(name: str, where: str) -> Path:
    """Find a program in the absolute folders of PATH; one inside the current folder is refused and not passed over."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep)]
    for folder in folders:
        found = folder / name
        if not folder.is_absolute() or not _is_program(found):
            continue
        if _is_inside_current_folder(found):
            raise _refused(
                f"{name} is inside the current folder",
                str(found),
                "a program installed elsewhere",
                "a program of this folder",
                "change to another folder, or correct PATH",
            )
        return found
    raise _refused(f"{name} is not installed", where, f"{name} in an absolute folder of PATH", "no such program", _OTHER_HELPER)


def _is_program(path: Path) -> bool:
    try:
        return path.is_file() and os.access(path, os.X_OK)
    except (OSError, ValueError):
        return False


def _is_inside_current_folder(path: Path) -> bool:
    """Whether a path is below the current folder; the root of all files has everything below it and says nothing."""
    try:
        current = Path.cwd()
    except FileNotFoundError:
        return False
    return current != Path(current.anchor) and any(one.is_relative_to(current) for one in (path, path.resolve()))


def _run(program: Path, server: str) -> bytes:
    """Ask a helper: no shell, no environment but PATH and HOME, no folder, a deadline, a limit.

    What it prints is never shown: a helper may print a secret where it should print an excuse.
    """
    deadline = SYSTEM_CLOCK.now() + SECONDS
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    try:
        process = subprocess.Popen(  # noqa: S603  # an absolute path the user allowed by name; no shell reads it
            [str(program), "get"],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=program.anchor,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        raise _refused("the helper cannot be run", str(program), "a program", type(error).__name__, _OTHER_HELPER) from error
    with process:
        try:
            output = _exchanged(process, server, lambda: deadline - SYSTEM_CLOCK.now(), str(program))
        except BaseException:
            _stop(process)
            raise
    if process.returncode != 0:
        unknown = output.strip() == _UNKNOWN
        raise _refused(
            f"the helper has no credentials for {server}" if unknown else "the helper failed",
            str(program),
            "exit status 0",
            f"exit status {process.returncode}",
            _OTHER_HELPER,
        )
    return output


def _exchanged(process: subprocess.Popen[bytes], server: str, left: Callable[[], float], where: str) -> bytes:
    """Send one line and read the answer to its end."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(f"{server}\n".encode("ascii"))
    process.stdin.close()
    data = bytearray()
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ)
        while left() > 0 and waiting.select(left()):
            chunk = process.stdout.read(ANSWER_LIMIT + 1)
            data += chunk
            if len(data) > ANSWER_LIMIT:
                raise _refused("the helper prints too much", where, f"at most {ANSWER_LIMIT} bytes", "more", _OTHER_HELPER)
            if not chunk and _ended(process, left()):
                return bytes(data)
    raise _refused("the helper takes too long", where, f"an end within {SECONDS:g} s", "none", _OTHER_HELPER)


def _ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for the end of a program that prints no more."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(max(seconds, 0.0))
    return process.returncode is not None


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a helper and what it started; it is not reaped yet, so the group is still its own."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _unsupported_token(where: str) -> CredentialHelperError:
    return _refused(
        "an identity token is not supported",
        where,
        "a user name and a password",
        "a token",
        "log in with a password or an access token of the registry",
    )


def _refused(message: str, where: str, expected: object, actual: object, next_step: str = _REPAIR) -> CredentialHelperError:
    return CredentialHelperError(message, where=where, expected=expected, actual=actual, next_step=next_step)
