"""Policies: which rules refuse, and which exceptions can be made."""

from __future__ import annotations

import pytest

from toolkit.errors import PolicyError
from toolkit.verification.policy import NAMES, Policy
from toolkit.verification.rules import RULES

EXCEPTABLE = [rule.slug for rule in RULES.values() if rule.exceptable]
FIRM = [rule.slug for rule in RULES.values() if not rule.exceptable]


def test_there_are_two_policies_and_strict_is_the_one_without_a_name() -> None:
    assert NAMES == ("strict", "docker-1.9")
    assert Policy().name == "strict"
    assert [Policy.of(name).is_seed for name in NAMES] == [False, True]


def test_a_policy_is_taken_as_it_is_and_a_name_makes_one() -> None:
    policy = Policy("docker-1.9", accept=["parent-link"])
    assert Policy.of(policy) is policy
    assert Policy.of("strict") == Policy("strict")


@pytest.mark.parametrize(("name", "hint"), [("stric", "did you mean 'strict'?"), ("nonsense", "see the list of names")])
def test_an_unknown_policy_is_refused_with_a_hint(name: str, hint: str) -> None:
    with pytest.raises(PolicyError) as caught:
        Policy.of(name)
    error = caught.value
    assert (error.message, error.actual) == (f"there is no policy {name!r}", name)
    assert (error.expected, error.next_step) == ("strict or docker-1.9", hint)


@pytest.mark.parametrize(("slug", "hint"), [("manifest-nam", "did you mean 'manifest-name'?"), ("zzz", "see the list of names")])
def test_an_unknown_rule_is_refused_with_a_hint(slug: str, hint: str) -> None:
    with pytest.raises(PolicyError) as caught:
        Policy("strict", accept=["manifest-tag", slug])
    assert caught.value.message == f"there is no rule {slug!r}"
    assert caught.value.next_step == f"{hint}; `layerproof rules` lists them"


@pytest.mark.parametrize("slug", FIRM)
def test_a_rule_without_which_the_rest_has_no_meaning_cannot_be_excepted(slug: str) -> None:
    with pytest.raises(PolicyError) as caught:
        Policy("docker-1.9", accept=[slug])
    assert caught.value.message == f"the rule {slug!r} cannot be excepted: {RULES[slug].sentence}"


@pytest.mark.parametrize("slug", EXCEPTABLE)
def test_an_excepted_rule_refuses_nobody_and_is_called_excepted_where_it_would_have(slug: str) -> None:
    for name in NAMES:
        for by_digest in (False, True):
            plain, excepting = Policy.of(name), Policy(Policy.of(name).name, accept=[slug])
            assert not excepting.enforces(slug, by_digest=by_digest)
            assert excepting.excepts(slug, by_digest=by_digest) is plain.enforces(slug, by_digest=by_digest)
            assert not plain.excepts(slug, by_digest=by_digest)


@pytest.mark.parametrize("slug", RULES)
def test_the_seed_s_policy_enforces_exactly_what_docker_1_9_did(slug: str) -> None:
    for by_digest in (False, True):
        assert Policy("docker-1.9").enforces(slug, by_digest=by_digest) is RULES[slug].seed


@pytest.mark.parametrize(
    ("slug", "by_tag", "by_digest"),
    [
        ("blob-digest", True, True),
        ("signature-valid", True, True),
        ("signature-present", True, False),
        ("manifest-name", True, False),
        ("header-digest", True, False),
        ("tag-moved", False, False),
    ],
)
def test_strict_refuses_always_or_by_tag_or_never(slug: str, *, by_tag: bool, by_digest: bool) -> None:
    policy = Policy("strict")
    assert policy.enforces(slug, by_digest=False) is by_tag
    assert policy.enforces(slug, by_digest=True) is by_digest


def test_strict_is_never_softer_than_the_seed_for_an_image_asked_by_tag() -> None:
    for slug, rule in RULES.items():
        if rule.seed:
            assert Policy("strict").enforces(slug, by_digest=False)
