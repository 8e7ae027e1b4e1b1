"""py-libtrust, written by somebody else: it must agree on payloads and on which signatures verify."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from libtrust import ECPrivateKey, JSONSignature
from support.places import CORPUS, VECTORS, truth

import toolkit as tk
from toolkit.manifests.base64_text import decode_url
from toolkit.manifests.schema1 import first_value
from toolkit.manifests.signed_payload import extract
from toolkit.records import Signature
from toolkit.simulator import TAMPERINGS, SigningKey
from toolkit.simulator.teaching import clean_image, teaching_registry
from toolkit.verification.signatures import verify_signatures

DISAGREEMENTS: Final = {
    "es512.signed.json": "py-libtrust calls the algorithm of P-521 ES521; Go's libtrust, which signed it, ES512",
    "x5c.signed.json": "py-libtrust does not know the header member x5c",
    "s1-quay-unicode": "py-libtrust counts formatLength in characters, Go in bytes",
    "adv-pub-kid-mismatch": "py-libtrust does not compare the kid with the key; Go's libtrust refuses the block",
}


def documents() -> list[Any]:
    found = [pytest.param(clean_image().body, id="teaching-clean")]
    found += [
        pytest.param(teaching_registry().manifests["teach/tampered"][name].body, id=f"teaching-{name}")
        for name in TAMPERINGS
        if name not in ("signature-missing", "format-length-negative", "key-id-wrong")
    ]
    found += [
        pytest.param(path.read_bytes(), id=path.name) for path in sorted((VECTORS / "oracle" / "signed").glob("*.signed.json"))
    ]
    found += [
        pytest.param((CORPUS / item["file"]).read_bytes(), id=name)
        for name, item in truth().items()
        if item["kind"] == "schema1" and item["truth"]["signature_verdict"] == "valid" and item["truth"]["n_signatures"]
    ]
    return found


@pytest.mark.parametrize("body", documents())
def test_payload_and_verdict_agree(body: bytes, request: pytest.FixtureRequest) -> None:
    payload = extract(first_value(body))
    assert (_theirs(body) == (payload.data, verify_signatures(payload).problem is None)) is (
        request.node.callspec.id not in DISAGREEMENTS
    )


def _theirs(body: bytes) -> tuple[bytes, bool] | None:
    """py-libtrust's payload and verdict; None when it cannot read the block."""
    try:
        parsed = JSONSignature.from_pretty_signature(body.decode())
    except TypeError:
        return None
    try:
        parsed.verify()
    except Exception:  # noqa: BLE001  # py-libtrust raises whatever its parts raise
        return decode_url(parsed.payload), False
    return decode_url(parsed.payload), True


@pytest.mark.parametrize("indent", [3, None])
def test_what_py_libtrust_signs_is_accepted(indent: int | None) -> None:
    document = json.dumps(clean_image().document, indent=indent)
    signed = JSONSignature.new(document)
    key = ECPrivateKey(SigningKey("py-libtrust").private)
    signed.sign(key, datetime(2015, 10, 20, tzinfo=UTC))
    report = tk.judge(signed.to_pretty_signature().encode(), "registry.example/teach/clean:1")
    assert report.findings == []
    assert report.records(Signature)[0].key_id == key.key_id()
