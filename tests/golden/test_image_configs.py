"""Image configurations and strong IDs, obtained by running Docker 1.9's own code: equal to the byte."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from support.places import VECTORS, needs_vectors, oracle

import toolkit as tk

pytestmark = needs_vectors


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in oracle("make_image_config.json")])
def test_the_configuration_is_docker_s(case: dict[str, Any]) -> None:
    text = base64.b64decode(case["v1compatibility_b64"])
    if case["error"]:
        with pytest.raises(tk.errors.ImageConfigError) as caught:
            tk.image_config(text, case["layer_id"], case["parent_id"])
        assert caught.value.message == case["error"]
    else:
        config = tk.image_config(text, case["layer_id"], case["parent_id"] or None)
        assert config == base64.b64decode(case["config_b64"])
        assert tk.strong_id(config) == case["strong_id"]


@pytest.mark.parametrize("age", ["pre1.9", "post1.9"])
def test_the_upstream_fixtures_come_out(age: str) -> None:
    folder = VECTORS / "docker_image_fixtures" / age
    read = {path.name: path.read_bytes().strip() for path in folder.iterdir()}
    config = tk.image_config(read["v1compatibility"], read["layer_id"].decode(), read["parent_id"].decode())
    assert config == read["expected_config"]
    assert tk.strong_id(config).encode() == read["expected_computed_id"]


def test_the_reverted_field_order_is_not_produced() -> None:
    source = VECTORS / "docker_image_fixtures" / "pre1.9"
    reverted = VECTORS / "docker_image_fixtures" / "pre1.9_variant_ad5052df23_reverted"
    parts = [(source / name).read_bytes().strip() for name in ("v1compatibility", "layer_id", "parent_id")]
    config = tk.image_config(parts[0], parts[1].decode(), parts[2].decode())
    assert config != (reverted / "expected_config").read_bytes().strip()
