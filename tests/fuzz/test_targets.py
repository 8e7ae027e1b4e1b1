"""A short round of fuzzing on every run: seeds changed a little, the same way each time. ``make fuzz`` goes on from there."""

from __future__ import annotations

import random

import pytest
from fuzz.targets import TARGETS, Target

ROUNDS = 400
_ODD = (b"\x00", b"\xff", b"\\u0000", b"9" * 30, b'"', b"{", b"]", b"\r\n", b" ", b"\xed\xa0\x80", b"-1", b"%00", b"\xc5\xbf")


def changed(seed: bytes, choice: random.Random) -> bytes:
    """A seed with one to four small changes."""
    data = bytearray(seed)
    for _ in range(choice.randint(1, 4)):
        place = choice.randrange(len(data) + 1)
        match choice.randrange(5):
            case 0:
                data[place:place] = choice.choice(_ODD)
            case 1:
                del data[place : place + choice.choice((1, 2, 8, 100))]
            case 2 if place < len(data):
                data[place] ^= 1 << choice.randrange(8)
            case 3 if place < len(data):
                data[place] = choice.randrange(256)
            case _:
                other = choice.randrange(len(data) + 1)
                data[place:place] = data[other : other + 16]
    return bytes(data)


def fed(target: Target, data: bytes) -> bool:
    """Whether a target took the bytes; what it must not raise is raised."""
    try:
        target.run(data)
    except target.raises:
        return False
    return True


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_but_our_own_errors_comes_out(name: str) -> None:
    target, choice = TARGETS[name], random.Random(name)  # noqa: S311  # the same bytes in every run
    taken = [fed(target, changed(choice.choice(target.seeds), choice)) for _ in range(ROUNDS)]
    assert all(taken) is not target.refuses


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_are_taken(name: str) -> None:
    """Otherwise the rounds would only ever see the first branch."""
    for seed in TARGETS[name].seeds:
        assert fed(TARGETS[name], seed) or name in ("ledger-line", "headers"), seed[:40]
