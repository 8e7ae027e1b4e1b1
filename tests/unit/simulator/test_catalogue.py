"""The catalogue: every case is faultless but for what it says, and the rule it names tells."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.real import need

import toolkit as tk
from toolkit.simulator.catalogue import CASES, FORMATS, Case, combined, serve
from toolkit.simulator.modern import DIALECTS, LINUX, TAG, Stored, StoredDocument
from toolkit.simulator.server import LoopbackServer
from toolkit.verification.rules import DOCUMENT_STAGES, RULES, of_stage

CLASSIC = {
    "manifest-digest",
    "header-digest",
    "json-unambiguous",
    "media-type-agrees",
    "platform-agrees",
    "blob-digest",
    "blob-present",
    "blob-size",
    "descriptor-size",
    "diff-id",
    "diff-id-order",
    "diff-id-count",
    "layer-compression",
    "layer-readable",
}
UNREAD_BY_SKOPEO = {
    "schema2-header-says-json": "takes application/json for schema1",
    "oci-header-says-json": "takes application/json for schema1",
    "schema2-foreign-layer": "asks the registry for a foreign layer",
    "oci-foreign-layer": "asks the registry for a foreign layer",
    "oci-sha512-content": "compares with sha256 only",
    "oci-by-sha512": "compares with sha256 only",
    "oci-index-in-index": "follows one index only",
}
"""Valid images that skopeo 1.9.3 does not copy, and why; a later one may."""


def judged(case: Case) -> tuple[str, set[str]]:
    report = tk.inspect(f"localhost/{case.asked(case.build())}", source=serve([case]))
    return report.outcome, {check.rule for check in report.findings}


@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.slug)
def test_a_case_fails_its_rule_and_no_other(case: Case) -> None:
    outcome, failed = judged(case)
    assert failed == case.rules
    assert (outcome == "accepted") == (case.kind == "valid")


@pytest.mark.parametrize("slug", ["schema1-layer-breaks-off", "oci-layer-breaks-off", "oci-no-length-header", "oci-index"])
def test_a_real_connection_makes_no_difference(slug: str) -> None:
    with LoopbackServer(serve([CASES[slug]]).answer) as server:
        report = tk.inspect(f"{server.host}/{CASES[slug].asked(CASES[slug].build())}")
    assert {check.rule for check in report.findings} == CASES[slug].rules


@pytest.mark.parametrize("seed", range(200))
def test_faults_that_are_combined_are_told_each(seed: int) -> None:
    case = combined(seed)
    outcome, failed = judged(case)
    assert failed == case.rules
    assert len(failed) > 1
    assert outcome != "accepted"


def test_the_same_seed_makes_the_same_image() -> None:
    assert combined(3).build() == combined(3).build()
    assert len({combined(seed).rules for seed in range(40)}) > 20


def test_the_catalogue_is_as_large_as_promised() -> None:
    count = Counter((case.format, case.kind) for case in CASES.values())
    assert set(count) == {(form, kind) for form in FORMATS for kind in ("valid", "tampered")}
    assert sum(number for (_, kind), number in count.items() if kind == "tampered") >= 44
    assert sum(number for (_, kind), number in count.items() if kind == "valid") >= 27
    for form in ("schema2", "oci"):
        rules = {case.rule for case in CASES.values() if case.format == form}
        assert rules >= CLASSIC
    assert {case.reference for case in CASES.values()} == {"tag", "digest"}


def test_every_rule_of_today_s_formats_has_a_case_but_those_that_cannot() -> None:
    rules = {rule.slug for rule in of_stage(*DOCUMENT_STAGES)}
    told = {case.rule for case in CASES.values() if case.format != "schema1"}
    # An index cannot hold its own digest; a digest asked for is checked before anything is fetched; a tag moves in time.
    assert rules - told == {"index-acyclic", "reference-digest", "tag-moved"}


@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.slug)
def test_a_case_says_what_it_is(case: Case) -> None:
    assert re.fullmatch(r"(schema1|schema2|oci)(-[a-z0-9]+)+", case.slug)
    assert case.slug.startswith(case.format)
    assert re.fullmatch(r"[A-Z][^\n]*\.", case.about)
    assert case.rules <= set(RULES)
    assert (case.rule is None) == (case.kind == "valid")


# -- without our own verifier ------------------------------------------------------------------------------------


def fits(digest: str, data: bytes) -> bool:
    algorithm = digest.partition(":")[0]
    return digest == f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def broken(stored: Stored, document: StoredDocument) -> list[str]:
    """What does not fit below a document, by hashes alone."""
    value = json.loads(document.body)
    found = []
    for row in [value.get("config"), *value.get("layers", [])]:
        data = None if row is None else stored.blobs.get(row["digest"])
        if row is not None and (data is None or len(data) != row["size"] or not fits(row["digest"], data)):
            found.append(row["mediaType"])
    for row in value.get("manifests", []):
        child = stored.documents.get(row["digest"])
        if child is None or len(child.body) != row["size"] or not fits(row["digest"], child.body):
            found.append(str(row.get("platform")))
        else:
            found += broken(stored, child)
    return found


@pytest.mark.parametrize(
    "case",
    [case for case in CASES.values() if case.kind == "valid" and case.format in DIALECTS],
    ids=lambda case: case.slug,
)
def test_what_a_valid_image_names_is_served(case: Case) -> None:
    stored = case.build()
    root = stored.documents[stored.root if case.reference == "digest" else TAG]
    assert fits(stored.root, root.body)
    found = broken(stored, root)
    if case.slug.endswith("foreign-layer"):
        assert [one for one in found if "foreign" not in one and "nondistributable" not in one] == []
        assert len(found) == 1
    elif case.slug.endswith("absent-platform"):
        assert found == [str({"architecture": "arm64", "os": "linux"})]
    else:
        assert found == []


@pytest.mark.parametrize("rule", ["manifest-digest", "blob-digest", "blob-present", "descriptor-size"], ids=str)
@pytest.mark.parametrize("form", DIALECTS)
def test_what_does_not_fit_is_one_thing(rule: str, form: str) -> None:
    chosen = [case for case in CASES.values() if (case.rule, case.format) == (rule, form)]
    assert chosen
    for case in chosen:
        stored = case.build()
        root = stored.documents[stored.root if case.reference == "digest" else TAG]
        found = broken(stored, root) + ([] if fits(stored.root, root.body) else ["root"])
        assert len(found) == 1, case.slug


def test_a_fault_above_the_bytes_leaves_the_bytes_alone() -> None:
    for rule in ("diff-id", "diff-id-order", "platform-agrees", "layer-compression", "history-aligned", "header-digest"):
        for case in CASES.values():
            if case.rule == rule and case.format in DIALECTS:
                stored = case.build()
                assert broken(stored, stored.documents[TAG]) == [], case.slug


@pytest.mark.real
def test_skopeo_copies_every_valid_image_it_can(tmp_path: Path) -> None:
    need("skopeo")
    valid = [case for case in CASES.values() if case.kind == "valid"]
    refused: dict[str, Any] = {}
    with LoopbackServer(serve(valid).answer) as server:
        for case in valid:
            target = tmp_path / case.slug
            asked = f"docker://{server.host}/{case.asked(case.build())}"
            chosen = ["--override-os", LINUX["os"], "--override-arch", LINUX["architecture"]]
            command = ["skopeo", *chosen, "copy", "--quiet", "--src-tls-verify=false", asked, f"dir:{target}"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            if done.returncode:
                refused[case.slug] = done.stderr
            shutil.rmtree(target, ignore_errors=True)
    assert refused.keys() <= UNREAD_BY_SKOPEO.keys(), refused
