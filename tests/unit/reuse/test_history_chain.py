"""Missing v1Compatibility texts: made from the base up, as GenerateV1CompatibilityChain made them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from toolkit.errors import GraphError, ImageNotFoundError
from toolkit.identity import image_record
from toolkit.reuse.history_chain import missing_histories
from toolkit.reuse.stored_image import StoredImage

A, B, C = (letter * 64 for letter in "abc")


def stored(own: str, parent: str = "", *, text: bytes | None = None, **members: Any) -> StoredImage:
    record = {"id": own, **({"parent": parent} if parent else {}), **members}
    return StoredImage(json=json.dumps(record).encode(), v1_compatibility=text)


def test_an_image_that_has_its_own_text_needs_none() -> None:
    assert missing_histories({A: stored(A, B, text=b"{}")}, A) == {}


def test_texts_are_made_for_an_image_and_all_below_it_lowest_first() -> None:
    graph = {A: stored(A, comment="base"), B: stored(B, A), C: stored(C, B)}
    made = missing_histories(graph, C)
    assert list(made) == [A, B, C]
    assert image_record.read(made[A])["comment"] == "base"
    assert [image_record.read(text)["parent"] for text in made.values()] == ["", A, B]
    assert made[B].startswith(f'{{"id":"{B}","parent":"{A}","created":"0001-01-01T00:00:00Z","container_config":'.encode())


def test_the_size_is_the_layersize_file_s() -> None:
    graph = {A: StoredImage(json=f'{{"id":"{A}","Size":5}}'.encode(), layersize=b"7")}
    assert image_record.read(missing_histories(graph, A)[A])["Size"] == 7


def test_a_strong_image_without_its_text_gets_one_with_its_directory_s_name_and_its_strong_parent() -> None:
    strong = {"layer_id": f"sha256:{C}", "parent_id": f"sha256:{A}"}
    graph = {A: stored(A, text=b'{"id":"legacy"}'), B: StoredImage(json=json.dumps(strong).encode(), layersize=b"9")}
    (text,) = missing_histories(graph, B).values()
    record = image_record.read(text)
    assert (record["id"], record["parent"], record["Size"]) == (B, "legacy", 9)
    assert text.endswith(f'"Size":9,"parent_id":"sha256:{A}","layer_id":"sha256:{C}"}}'.encode())


def test_a_text_that_is_there_stays_whatever_lies_below_it() -> None:
    graph = {A: stored(A), B: stored(B, A, text=b'{"id":"kept"}'), C: stored(C, B)}
    made = missing_histories(graph, C)
    assert list(made) == [C]
    assert image_record.read(made[C])["parent"] == "kept"


def test_the_parent_is_called_by_the_id_in_its_own_text() -> None:
    """A migrated parent is known to the registry under its old ID."""
    graph = {A: stored(A, text=b'{"ID":"legacy"}'), B: stored(B, A)}
    made = missing_histories(graph, B)
    assert list(made) == [B]
    assert image_record.read(made[B])["parent"] == "legacy"


def test_a_parent_whose_text_names_no_id_leaves_none() -> None:
    made = missing_histories({A: stored(A, text=b"{}"), B: stored(B, A)}, B)
    assert b'"parent"' not in made[B]


def test_a_missing_parent_is_told_in_docker_s_words() -> None:
    with pytest.raises(ImageNotFoundError) as caught:
        missing_histories({B: stored(B, A)}, B)
    assert caught.value.message == f"could not find image: no such id: {A}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "unexpected end of JSON input"),
        (b'{"id":5}', "json: cannot unmarshal number into Go value of type string"),
        (b"[]", "json: cannot unmarshal array into Go value of type struct { ID string }"),
    ],
)
def test_a_parent_s_text_that_cannot_be_read_is_an_error_of_the_graph(text: bytes, message: str) -> None:
    with pytest.raises(GraphError) as caught:
        missing_histories({A: stored(A, text=text), B: stored(B, A)}, B)
    assert caught.value.message == message
    assert caught.value.where == "v1Compatibility of a parent in the graph"


@pytest.mark.parametrize("graph", [{A: stored(A, A)}, {A: stored(A, B), B: stored(B, A)}])
def test_parents_that_go_in_a_circle_are_told_instead_of_waited_for(graph: dict[str, StoredImage]) -> None:
    with pytest.raises(GraphError) as caught:
        missing_histories(graph, A)
    assert caught.value.code == "seed-hang"
    assert caught.value.message == f"the parents of image {A} go in a circle"
    assert caught.value.actual == f"{A} is its own ancestor"
