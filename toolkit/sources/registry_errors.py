"""A registry's error answers to typed errors.

The rule of this file: the message is Docker 1.9's own, so that the two can be compared; the class says what kind of
trouble it is. Pure: status and body in, error out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from toolkit.errors import (
    GoJSONError,
    NotFoundError,
    RateLimitError,
    RegistryResponseError,
    SourceError,
    UnauthorizedError,
)
from toolkit.go_json.decode import RAW, STRING, Slice, Struct, unmarshal
from toolkit.go_json.scan import decode_utf8, go_quote, parse

_STANDARD_MESSAGES: Final = {
    "UNKNOWN": "unknown error",
    "UNSUPPORTED": "The operation is unsupported.",
    "UNAUTHORIZED": "access to the requested resource is not authorized",
    "DIGEST_INVALID": "provided digest did not match uploaded content",
    "SIZE_INVALID": "provided length did not match content length",
    "NAME_INVALID": "invalid repository name",
    "TAG_INVALID": "manifest tag did not match URI",
    "NAME_UNKNOWN": "repository name not known to registry",
    "MANIFEST_UNKNOWN": "manifest unknown",
    "MANIFEST_INVALID": "manifest invalid",
    "MANIFEST_UNVERIFIED": "manifest failed signature verification",
    "MANIFEST_BLOB_UNKNOWN": "blob unknown to registry",
    "BLOB_UNKNOWN": "blob unknown to registry",
    "BLOB_UPLOAD_UNKNOWN": "blob upload unknown to registry",
    "BLOB_UPLOAD_INVALID": "blob upload invalid",
}
_BODY: Final = Struct(
    "struct { Errors []errcode.Error }",
    (("Errors", Slice("[]errcode.Error", Struct("errcode.Error", (("code", RAW), ("message", STRING), ("detail", RAW))))),),
)
_CONTINUING: Final = ("UNAUTHORIZED", "MANIFEST_UNKNOWN")


@dataclass(frozen=True, slots=True)
class RegistryErrors:
    """What Docker 1.9 made of an error answer: its text, and whether another endpoint would be tried.

    ``fallback`` is None where Docker 1.9 crashed: a list of errors with nothing in it.
    """

    text: str
    fallback: bool | None


def seed_reading(status: int, reason: str, body: bytes) -> RegistryErrors:
    """Read an error answer as Docker 1.9 did.

    Parameters
    ----------
    status : int
    reason : str
        The words after the status.
    body : bytes

    Returns
    -------
    RegistryErrors

    Notes
    -----
    Origin: ``client.handleErrorResponse`` and ``registry.ContinueOnError`` of Docker 1.9.

    >>> seed_reading(404, "Not Found", b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}').text
    'MANIFEST_UNKNOWN'
    """
    if not 400 <= status < 500:
        return RegistryErrors(f"Received unexpected HTTP status: {status} {reason}".rstrip(), True)
    try:
        document = unmarshal(body, _BODY)
        entries = [_entry(raw) for raw in document["Errors"] or ()]
    except GoJSONError as error:
        if status == 401:
            return RegistryErrors(f"unauthorized: {_STANDARD_MESSAGES['UNAUTHORIZED']}", True)
        return RegistryErrors(f"Error parsing HTTP response: {error.message}: {go_quote(decode_utf8(body))}", True)
    if not entries:
        return RegistryErrors("<nil>", None)
    texts = [text for text, _ in entries]
    text = texts[0] if len(texts) == 1 else "errors:\n" + "".join(f"{text}\n" for text in texts)
    return RegistryErrors(text, entries[0][1])


def _entry(raw: dict[str, Any]) -> tuple[str, bool]:
    code = _code(raw["code"])
    message = raw["message"]
    bare = raw["detail"] in (None, b"null") and message in ("", _STANDARD_MESSAGES[code])
    if bare:
        return code, True
    return f"{code.replace('_', ' ').lower()}: {message}", code in _CONTINUING


def _code(raw: bytes | None) -> str:
    if raw is None:
        return "UNKNOWN"
    node = parse(raw)
    if node.kind != "string":
        raise GoJSONError("JSON decoder out of sync - data changing underfoot?")
    return node.value if node.value in _STANDARD_MESSAGES else "UNKNOWN"


def error_answer(status: int, reason: str, body: bytes, *, url: str, what: str, as_seed: bool = True) -> SourceError:
    """Make the error for an answer that is none of success.

    Parameters
    ----------
    status, reason, body
        The answer.
    url : str
        What was asked, without secrets.
    what : str
        What it was asked for, e.g. ``manifest library/busybox:1.24``.
    as_seed : bool
        Say where Docker 1.9 crashed; otherwise an answer without an error in it is told by its status.
    """
    reading = seed_reading(status, reason, body)
    if reading.fallback is None and not as_seed:
        reading = RegistryErrors(f"the registry answered {status} {reason} and no reason".rstrip(), None)
    error = _error(reading, status, f"{status} {reason}".rstrip(), body, url=url, what=what, as_seed=as_seed)
    error.fallback = bool(reading.fallback)
    return error


def _error(reading: RegistryErrors, status: int, answer: str, body: bytes, *, url: str, what: str, as_seed: bool) -> SourceError:
    if reading.fallback is None and as_seed:
        return RegistryResponseError(
            f"the registry answered {answer} with an empty list of errors",
            where=url,
            expected="at least one error",
            actual=body[:200].decode("utf-8", "backslashreplace"),
            code="seed-panic",
            next_step="Docker 1.9 crashed at this answer; the registry is broken or hostile",
        )
    if status == 401:
        return UnauthorizedError(
            reading.text, where=url, actual=answer, next_step="give --username and --password-stdin, or check them"
        )
    if status == 403:
        return UnauthorizedError(
            reading.text, where=url, actual=answer, next_step=f"your account may not read this {what.partition(' ')[0]}"
        )
    if status == 404:
        return NotFoundError(
            reading.text, where=url, expected=what, actual=answer, next_step="`layerproof tags NAME` lists what is there"
        )
    if status == 429:
        return RateLimitError(
            reading.text, where=url, expected=what, actual=answer, next_step="wait; a user name may allow more requests than none"
        )
    return RegistryResponseError(
        reading.text, where=url, expected=what, actual=answer, next_step="try again later, or ask who runs the registry"
    )
