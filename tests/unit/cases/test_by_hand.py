"""Commands for an examiner: right for what is there, and none where nothing is."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.cases.by_hand import Places, of_finding, of_image, of_ledger
from toolkit.digests import sha256
from toolkit.records import Check, Layer, Manifest, Record, StrongID

LAYER, BODY, DIFF, CHAIN = (sha256(name.encode()) for name in ("layer", "body", "diff", "chain"))
HERE = Places(lambda digest: f"evidence/{digest[7:15]}", "ledger/x*.jsonl", "here")
NOWHERE = Places(lambda _: None, None, "nowhere")


def check(rule: str, subject: str) -> Check:
    return Check(rule=rule, subject=subject, outcome="failed", enforced=True, excepted=False)


def layer(**members: Any) -> Layer:
    given: dict[str, Any] = {"position": 0, "manifest_index": 0, "disposition": "failed", "blob_digest": LAYER}
    return Layer(**{**given, "evidence": LAYER, "size": 7, **members})


MANIFEST = Manifest(
    requested="1", body_digest=BODY, size=1, digest=BODY, digest_basis="body", payload_size=1, signatures=0, evidence=BODY
)


@pytest.mark.parametrize(
    ("rule", "subject", "commands"),
    [
        ("blob-size", LAYER, ["sha256sum evidence/", "wc -c < evidence/", f"grep -o '{LAYER[7:]}'"]),
        ("diff-id", LAYER, ["sha256sum evidence/", "zstd -dc evidence/", "grep -o"]),
        ("layer-readable", LAYER, ["sha256sum evidence/", "zstd -dc evidence/", "grep -o"]),
        ("manifest-digest", "1", ["sha256sum evidence/"]),
        ("parent-link", "history[2].v1Compatibility", ["jq '.history[2].v1Compatibility' evidence/"]),
        ("json-unambiguous", "some words", ["cat evidence/"]),
        ("json-unambiguous", "a' | rm -rf / #", ["cat evidence/"]),
    ],
)
def test_a_finding_has_the_commands_that_show_it(rule: str, subject: str, commands: list[str]) -> None:
    found = of_finding(check(rule, subject), [MANIFEST, layer(compression="zstd", diff_id=DIFF)], HERE)
    assert len(found) == len(commands)
    for step, command in zip(found, commands, strict=True):
        assert step.command.startswith(command)


def test_what_was_not_kept_is_seen_in_the_ledger_or_nowhere() -> None:
    (step,) = of_finding(check("blob-present", LAYER), [], HERE)
    assert '.rule == "blob-present"' in step.command
    assert of_finding(check("blob-present", LAYER), [MANIFEST, layer()], NOWHERE) == []
    assert of_finding(check('x" | rm', LAYER), [], HERE) == []


def test_names_that_are_no_digests_never_get_into_a_command() -> None:
    evil = "sha256:$(rm -rf /)"
    strong = StrongID(
        position=0, compatibility_id=evil, strong_id=evil, derivation="raw", layer_digest=evil, config=b""
    )  # fmt: skip
    poor: list[Record] = [
        layer(evidence=evil),
        layer(position=1, evidence=LAYER, compression="gzip", diff_id=evil, chain_id=evil),
        strong,
    ]
    poor.append(layer(position=2, evidence=None, diff_id=DIFF, chain_id=CHAIN))
    for step in of_image([MANIFEST, *poor], HERE):
        assert "rm -rf" not in step.command


def test_a_chain_goes_on_over_layers_without_a_name() -> None:
    top = layer(position=2, diff_id=DIFF, chain_id=CHAIN, evidence=None)
    base = layer(position=0, diff_id=DIFF, chain_id=DIFF, evidence=None)
    (step,) = of_image([top, layer(position=1, evidence=None), base], HERE)
    assert step.command == f"printf '%s %s' {DIFF} {DIFF} | sha256sum"
    assert step.prints == CHAIN[7:]


def test_the_ledger_is_checked_where_a_call_ended() -> None:
    assert [step.prints for step in of_ledger("x", "f" * 64, HERE)] == ["f" * 64, "same"]
    assert of_ledger("x", None, HERE) == of_ledger("x", "f" * 64, NOWHERE) == []
