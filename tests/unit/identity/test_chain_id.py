"""OCI chain IDs."""

from __future__ import annotations

import hashlib

from toolkit.identity.chain_id import chain_ids

ONE, TWO, THREE = ("sha256:" + digit * 64 for digit in "123")


def link(below: str, diff_id: str) -> str:
    return "sha256:" + hashlib.sha256(f"{below} {diff_id}".encode()).hexdigest()


def test_the_base_s_chain_id_is_its_diff_id_and_each_other_hashes_the_one_below() -> None:
    second = link(ONE, TWO)
    assert chain_ids([ONE, TWO, THREE]) == [ONE, second, link(second, THREE)]


def test_the_order_of_layers_matters_and_no_layers_have_no_chain() -> None:
    assert chain_ids([ONE, TWO])[-1] != chain_ids([TWO, ONE])[-1]
    assert chain_ids([]) == []
