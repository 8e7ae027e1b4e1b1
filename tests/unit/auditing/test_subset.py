"""Parts of everything: disjoint, and together everything."""

from __future__ import annotations

import pytest

from toolkit.auditing.subset import Subset
from toolkit.digests import sha256
from toolkit.errors import UsageError


@pytest.mark.parametrize("text", ["", "1", "0/7", "8/7", "1/0", "a/b", "1/7/9", "-1/7", "1.5/7", "1/9999999", " 1/7"])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="names no part") as caught:
        Subset.parse(text)
    assert caught.value.actual == text


@pytest.mark.parametrize("parts", [1, 2, 7, 1000])
def test_every_thing_is_in_exactly_one_part(parts: int) -> None:
    every = [Subset.parse(f"{number}/{parts}") for number in range(1, parts + 1)]
    for word in ("a", "b", "index.json"):
        digits = sha256(word.encode())[7:]
        assert sum(part.takes(digits) for part in every) == 1
        assert sum(part.takes_name(word) for part in every) == 1


def test_no_part_is_everything() -> None:
    assert Subset.parse(None).is_all
    assert Subset.parse("1/1").is_all
    assert not Subset.parse("1/2").is_all
