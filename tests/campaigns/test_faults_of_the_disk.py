"""Every operation of a pull, refused in each of the six ways: by a full, a broken or a read-only disk, once or from then on."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from support.faulty_trial import WAYS, Fault, operations_of, suffer
from support.power_cut_trial import MODERN, SCHEMA1, SHARING, registry, truth_of

from toolkit.sources.protocol import Source


@pytest.fixture(scope="module")
def source() -> Source:
    return registry()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("before", "last"), [((), SCHEMA1), ((), MODERN), ((SCHEMA1,), SHARING), ((MODERN,), MODERN)])
def test_no_operation_fails_in_silence(before: Sequence[str], last: str, way: tuple[int, bool], source: Source) -> None:
    truth = truth_of((*before, last), source)
    found = [
        text
        for number in range(len(operations_of(before, last, source)))
        for text in suffer(Fault(before, last, number, *way), source, truth)
    ]
    assert found == []
