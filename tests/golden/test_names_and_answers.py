"""Names, tags, digests, error answers and challenges, as Docker 1.9's own code read them."""

from __future__ import annotations

import base64
import http
from typing import Any

import pytest
from support.places import needs_vectors, oracle

from toolkit import references
from toolkit.digests import hash_matches, seed_algorithm, seed_digest_error
from toolkit.errors import ReferenceSyntaxError
from toolkit.sources.challenges import parse_challenges
from toolkit.sources.endpoints import endpoints
from toolkit.sources.registry_errors import seed_reading

pytestmark = needs_vectors


def cases(name: str) -> list[Any]:
    return [pytest.param(case, id=f"{case['name'][:40]!r}-{number}") for number, case in enumerate(oracle(name))]


@pytest.mark.parametrize("case", cases("repository_names.json"))
def test_repository_names(case: dict[str, Any]) -> None:
    text, expected = case["s"], case["result"]
    name, asked = references.seed_split(text)
    assert (name, asked) == (expected["parse_repo"], expected["parse_ref"])
    problem = expected["resolve_error"] or expected["validate_repo_name_error"]
    if problem:
        with pytest.raises(ReferenceSyntaxError) as caught:
            references.resolve_repository(name)
        assert caught.value.message == problem
        return
    repository = references.resolve_repository(name)
    assert repository.registry == expected["index_name"]
    assert repository.remote_name == expected["remote_name"]
    assert repository.local_name == expected["local_name"]
    assert repository.canonical == expected["canonical_name"]
    assert references.is_loopback(repository.registry) is not expected["index_secure"]
    urls = [endpoint["url"] for endpoint in expected["endpoints"] if endpoint["version"] == "v2" and not endpoint["mirror"]]
    assert [endpoint.url for endpoint in endpoints(repository.registry)] == urls


@pytest.mark.parametrize("case", cases("tag_and_id_validation.json"))
def test_tags_and_ids(case: dict[str, Any]) -> None:
    text, expected = case["s"], case["result"]
    assert references.tag_error(text) == expected["validate_tag_error"]
    assert references.image_id_error(text) == expected["validate_id_error"]
    assert references.repository_name_error(text) == expected["validate_repository_name_error"]
    assert references.manifest_url_error(text) == expected["manifest_url_error"]


@pytest.mark.parametrize("case", cases("digest.json"))
def test_digests(case: dict[str, Any]) -> None:
    text, expected = case["s"], case["result"]
    assert seed_digest_error(text) == expected["parse_error"]
    if "algorithm" in expected:
        assert seed_algorithm(text) == expected["algorithm"]
    if "verified" in expected:
        assert hash_matches(text, base64.b64decode(case["content_b64"])) is expected["verified"]


@pytest.mark.parametrize("case", cases("http_error_mapping.json"))
def test_error_answers(case: dict[str, Any]) -> None:
    expected = case["result"]
    reading = seed_reading(case["status"], http.HTTPStatus(case["status"]).phrase, base64.b64decode(case["body_b64"]))
    assert reading.text == expected["error"]
    panicked = isinstance(expected["continue_on_error"], str)
    assert reading.fallback == (None if panicked else expected["continue_on_error"])


@pytest.mark.parametrize("case", [case for case in cases("auth_challenges.json") if "status-200" not in str(case.id)])
def test_challenges(case: dict[str, Any]) -> None:
    found = [{"parameters": one.parameters, "scheme": one.scheme} for one in parse_challenges(case["headers"])]
    assert found == (case["result"]["challenges"] or [])
