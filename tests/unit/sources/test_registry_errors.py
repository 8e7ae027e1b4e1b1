"""Error answers: Docker's words, and the class that says what kind of trouble it is."""

from __future__ import annotations

import pytest

from toolkit.errors import NotFoundError, RateLimitError, RegistryResponseError, SourceError, UnauthorizedError
from toolkit.sources.registry_errors import error_answer, seed_reading

UNKNOWN = b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"Tag":"1"}}]}'


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (401, "Unauthorized", UnauthorizedError),
        (403, "Forbidden", UnauthorizedError),
        (404, "Not Found", NotFoundError),
        (400, "Bad Request", RegistryResponseError),
        (429, "Too Many Requests", RateLimitError),
        (500, "Internal Server Error", RegistryResponseError),
    ],
)
def test_the_status_gives_the_class(status: int, reason: str, kind: type[SourceError]) -> None:
    error = error_answer(status, reason, UNKNOWN, url="http://h/x", what="manifest a:1")
    assert type(error) is kind
    assert error.actual == f"{status} {reason}"
    assert error.where == "http://h/x"
    assert error.next_step
    assert error.exit_status == 3


@pytest.mark.parametrize(
    ("status", "body", "text", "fallback"),
    [
        (404, UNKNOWN, "manifest unknown: manifest unknown", True),
        (404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}', "MANIFEST_UNKNOWN", True),
        (404, b'{"errors":[{"code":"NAME_UNKNOWN","message":"who?"}]}', "name unknown: who?", False),
        (404, b'{"errors":[{"code":"DENIED","message":"no"}]}', "unknown: no", False),
        (404, b'{"errors":[{}]}', "UNKNOWN", True),
        (
            404,
            b'{"errors":[{"code":"NAME_UNKNOWN"},{"code":"TAG_INVALID","message":"x"}]}',
            "errors:\nNAME_UNKNOWN\ntag invalid: x\n",
            True,
        ),
        (401, b"nonsense", "unauthorized: access to the requested resource is not authorized", True),
        (
            404,
            b"nonsense",
            "Error parsing HTTP response: invalid character 'o' in literal null (expecting 'u'): \"nonsense\"",
            True,
        ),
        (404, b"", 'Error parsing HTTP response: unexpected end of JSON input: ""', True),
        (503, UNKNOWN, "Received unexpected HTTP status: 503 Busy", True),
        (302, b"", "Received unexpected HTTP status: 302 Busy", True),
    ],
)
def test_the_text_is_the_one_docker_printed(status: int, body: bytes, text: str, fallback: bool) -> None:  # noqa: FBT001
    reading = seed_reading(status, "Busy", body)
    assert (reading.text, reading.fallback) == (text, fallback)


@pytest.mark.parametrize("body", [b"{}", b"null", b'{"errors":[]}', b'{"errors":null}', b'{"details":1}'])
def test_an_empty_list_of_errors_is_said_to_have_crashed_docker(body: bytes) -> None:
    assert seed_reading(404, "Not Found", body).fallback is None
    error = error_answer(404, "Not Found", body, url="http://h/x", what="manifest a:1")
    assert type(error) is RegistryResponseError
    assert error.code == "seed-panic"
    assert error.actual == body.decode()
