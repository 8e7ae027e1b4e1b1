"""A manifest as received: bytes and claims, nothing looked into."""

from __future__ import annotations

from toolkit.manifests.raw import RawManifest


def test_the_digest_is_taken_over_the_body_as_received() -> None:
    raw = RawManifest(body=b"{}")
    assert raw.body_digest == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert RawManifest(body=b"{}\n").body_digest != raw.body_digest
    assert (raw.accept, raw.content_type, raw.header_digest) == (None, None, None)


def test_a_claim_of_the_source_changes_nothing() -> None:
    assert RawManifest(body=b"", header_digest="sha256:ab").body_digest.startswith("sha256:e3b0c442")
