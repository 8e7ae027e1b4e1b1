"""Strong IDs: hashes of configurations, chained from the base up."""

from __future__ import annotations

import hashlib

import pytest

from toolkit.errors import ImageConfigError
from toolkit.identity.image_config import image_config
from toolkit.identity.strong_id import Link, strong_id, strong_ids


def link(position: int, text: str = '{"docker_version":"1.9.0","id":"x"}', digest: str = "sha256:ab") -> Link:
    return Link(
        position=position,
        compatibility_id=f"id {position}",
        compatibility_parent=f"parent {position}",
        layer_digest=digest,
        v1_compatibility=text.encode(),
    )


def test_an_id_is_the_hash_of_the_configuration() -> None:
    assert strong_id(b"{}") == "sha256:" + hashlib.sha256(b"{}").hexdigest()


def test_each_image_names_the_strong_id_below_it() -> None:
    base, top = strong_ids([link(0), link(3, '{"docker_version":"1.8.2"}')])
    assert base.config == image_config(base.v1_compatibility, "sha256:ab")
    assert top.config == image_config(top.v1_compatibility, "sha256:ab", base.strong_id)
    assert (base.strong_parent, top.strong_parent) == ("", base.strong_id)
    assert (base.derivation, top.derivation) == ("raw", "re-marshalled")
    assert (top.position, top.compatibility_id, top.compatibility_parent) == (3, "id 3", "parent 3")
    assert base.strong_id == f"sha256:{base.hex}"


def test_a_changed_base_changes_every_id_above() -> None:
    one = strong_ids([link(0), link(1), link(2)])
    other = strong_ids([link(0, digest="sha256:ac"), link(1), link(2)])
    assert not {image.strong_id for image in one} & {image.strong_id for image in other}


def test_no_links_have_no_ids() -> None:
    assert strong_ids([]) == ()


def test_the_first_image_that_has_no_configuration_stops_the_chain() -> None:
    with pytest.raises(ImageConfigError, match="unexpected end of JSON input"):
        strong_ids([link(0), link(1, "{"), link(2, "[")])
