"""From checksums to images: whole digests, in pieces, and what is no digest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.analysis import FileIndex
from toolkit.errors import UsageError

A, B = "a" * 64, "b" * 64


def piece(*rows: tuple[str, str | None]) -> pd.DataFrame:
    """Image and checksum of each row."""
    return pd.DataFrame(rows, columns=["image", "sha256"]).astype({"image": "str", "sha256": "str"})


def test_a_checksum_leads_to_the_images_that_have_it_and_to_their_rows() -> None:
    index = FileIndex([piece(("z:1", A), ("a:1", B), ("a:1", None)), piece(("a:1", A), ("z:1", A))])
    assert index.find(A).to_dict("records") == [{"image": "a:1", "files": 1}, {"image": "z:1", "files": 2}]
    assert index.find(f"sha256:{B}").to_dict("records") == [{"image": "a:1", "files": 1}]
    assert index.places(A).tolist() == [0, 3, 4]
    assert index.places(B).tolist() == [1]
    assert (index.rows, index.dropped, index.contents, index.images) == (4, 1, 2, ["z:1", "a:1"])


def test_what_was_never_seen_is_an_empty_answer_of_the_same_types() -> None:
    index = FileIndex([piece(("a:1", A))])
    for other in ("0" * 64, "a" * 63 + "b", "b" * 63 + "a", "f" * 64):
        found = index.find(other)
        assert len(found) == 0
        assert found.dtypes.to_dict() == index.find(A).dtypes.to_dict()
        assert index.places(other).tolist() == []
    nothing = FileIndex([])
    assert (nothing.rows, nothing.contents, len(nothing.find(A))) == (0, 0, 0)
    assert FileIndex([piece(), piece(("a:1", None))]).dropped == 1


@pytest.mark.parametrize("place", [0, 15, 16, 31, 32, 47, 48, 63])
def test_digests_that_differ_in_one_digit_are_two(place: int) -> None:
    """Nobody may plant a file that begins like another and be taken for it."""
    other = A[:place] + "b" + A[place + 1 :]
    index = FileIndex([piece(("a:1", A), ("b:1", other), ("a:1", A))])
    assert index.contents == 2
    assert index.find(A).to_dict("records") == [{"image": "a:1", "files": 2}]
    assert index.find(other)["image"].tolist() == ["b:1"]


@pytest.mark.parametrize("bad", ["a" * 63, "a" * 65, "A" * 64, "g" * 64, "é" * 64, "", "sha256:" + A, A + "\n"])
def test_a_row_whose_digest_is_none_is_refused(bad: str) -> None:
    with pytest.raises(UsageError, match="a digest that is none") as caught:
        FileIndex([piece(("a:1", A), ("a:1", bad))])
    assert caught.value.actual == bad[:80]


@pytest.mark.parametrize("bad", ["", "a", "A" * 64, "sha512:" + A, A + "\n"])
def test_a_question_that_is_no_digest_is_refused(bad: str) -> None:
    with pytest.raises(UsageError, match="not the digest of a file"):
        FileIndex([]).find(bad)


def test_memory_follows_the_rows_and_not_their_text() -> None:
    many = FileIndex(piece(*((f"image {number}", f"{number:064x}") for number in range(1000))) for _ in range(3))
    assert many.nbytes <= 3000 * 12 + 1000 * 40 + 8


def test_pieces_are_let_go_one_by_one() -> None:
    asked = []

    def pieces() -> Iterator[pd.DataFrame]:
        for number in range(3):
            asked.append(number)
            yield piece((f"a:{number}", A))

    assert len(FileIndex(pieces()).find(A)) == 3
    assert asked == [0, 1, 2]


DIGESTS = st.tuples(*(st.sampled_from(["0" * 16, "f" * 16, "0123456789abcdef"]) for _ in range(4))).map("".join)
ROWS = st.lists(st.tuples(st.sampled_from(["a:1", "b:1", "c:1"]), st.none() | DIGESTS), max_size=12)


@given(st.lists(ROWS, max_size=4), DIGESTS)
@settings(max_examples=60, deadline=None)
def test_every_answer_is_that_of_brute_force(pieces: list[list[tuple[str, str | None]]], other: str) -> None:
    index = FileIndex(piece(*rows) for rows in pieces)
    rows = [row for rows in pieces for row in rows]
    for digest in {digest for _, digest in rows if digest is not None} | {other}:
        found = index.find(digest)
        assert dict(zip(found["image"], found["files"], strict=True)) == Counter(image for image, one in rows if one == digest)
        assert found["image"].is_monotonic_increasing
        assert index.places(digest).tolist() == [place for place, (_, one) in enumerate(rows) if one == digest]
