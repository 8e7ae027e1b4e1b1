"""Tags and digest references: the file is Docker's to the byte, and so are the refusals."""

from __future__ import annotations

import pytest

import toolkit as tk

ID, OTHER, MISSING = "a" * 64, "b" * 64, "c" * 64
DIGEST = "sha256:" + "1" * 64


@pytest.fixture
def graph(graph: tk.Graph) -> tk.Graph:
    """A graph with two images."""
    for image_id in (ID, OTHER):
        graph.register_legacy(b'{"id":"' + image_id.encode() + b'"}')
    return graph


def written(graph: tk.Graph) -> bytes:
    return graph.layout.repositories.read_bytes()


def refusal(graph: tk.Graph, name: str, reference: str, image_id: str, *, force: bool = True) -> str:
    before = written(graph)
    with pytest.raises(tk.errors.TagError) as caught:
        graph.tags.set(name, reference, image_id, force=force)
    assert written(graph) == before
    assert caught.value.exit_status == 1
    return caught.value.message


def test_a_new_store_is_empty(graph: tk.Graph) -> None:
    assert written(graph) == b'{"Repositories":{}}'
    assert graph.tags.all() == {}
    assert graph.tags.get("a/b", "1") is None


def test_the_file_is_docker_s_to_the_byte(graph: tk.Graph) -> None:
    for name, reference, image_id in (
        ("z", "1", ID),
        ("h:5000/a&b<c>", "2", ID),
        ("z", "1.10", OTHER),
        ("z", DIGEST, ID),
        ("Z", "latest", ID),
        ("ü", "_x-.y", ID),
    ):
        graph.tags.set(name, reference, image_id)
    assert (
        written(graph)
        == (
            '{"Repositories":{'
            f'"Z":{{"latest":"{ID}"}},'
            f'"h:5000/a\\u0026b\\u003cc\\u003e":{{"2":"{ID}"}},'
            f'"z":{{"1":"{ID}","1.10":"{OTHER}","{DIGEST}":"{ID}"}},'
            f'"ü":{{"_x-.y":"{ID}"}}'
            "}}"
        ).encode()
    )
    assert graph.layout.repositories.stat().st_mode & 0o7777 == 0o600


def test_what_is_written_is_read_back(graph: tk.Graph) -> None:
    graph.tags.set("a<b>&/c", "1", ID)
    graph.tags.set("a<b>&/c", DIGEST, OTHER)
    assert tk.Graph(graph.layout.root).tags.all() == {"a<b>&/c": {"1": ID, DIGEST: OTHER}}


def test_a_tag_moves_and_says_where_from(graph: tk.Graph) -> None:
    assert graph.tags.set("a/b", "1", ID) is None
    assert graph.tags.set("a/b", "1", OTHER) == ID
    assert graph.tags.set("a/b", "1", OTHER) == OTHER
    assert graph.tags.get("a/b", "1") == OTHER


def test_an_empty_tag_is_latest(graph: tk.Graph) -> None:
    graph.tags.set("a/b", "", ID)
    assert graph.tags.all() == {"a/b": {"latest": ID}}


def test_a_reference_that_changes_nothing_writes_nothing(graph: tk.Graph) -> None:
    graph.tags.set("a/b", "1", ID)
    before = graph.layout.repositories.stat()
    graph.tags.set("a/b", "1", ID)
    graph.tags.set("a/b", DIGEST, ID)
    after = graph.layout.repositories.stat()
    graph.tags.set("a/b", DIGEST, ID)
    assert graph.layout.repositories.stat() == after
    assert before.st_ino != after.st_ino


def test_the_file_is_read_anew_before_each_operation(graph: tk.Graph) -> None:
    graph.tags.set("a/b", "1", ID)
    graph.layout.repositories.write_text(f'{{"Repositories":{{"a/b":{{"2":"{OTHER}"}}}}}}')
    assert graph.tags.get("a/b", "2") == OTHER
    graph.tags.set("a/b", "3", ID)
    assert graph.tags.all() == {"a/b": {"2": OTHER, "3": ID}}


def test_the_references_of_an_image_are_listed_in_order(graph: tk.Graph) -> None:
    for name, reference, image_id in (("z", "1", ID), ("a", "2", ID), ("a", DIGEST, ID), ("a", "3", OTHER)):
        graph.tags.set(name, reference, image_id)
    assert graph.tags.references(ID) == ["a:2", f"a@{DIGEST}", "z:1"]
    assert graph.tags.references(MISSING) == []


# -- refusals ----------------------------------------------------------------------------------------------------


def test_an_image_that_is_not_there_cannot_be_tagged(graph: tk.Graph) -> None:
    assert refusal(graph, "a/b", "1", MISSING) == f"could not find image: no such id: {MISSING}"


def test_a_missing_image_is_said_before_anything_else(graph: tk.Graph) -> None:
    assert refusal(graph, "", ".bad", MISSING) == f"could not find image: no such id: {MISSING}"


@pytest.mark.parametrize("reference", ["1", DIGEST])
@pytest.mark.parametrize(("name", "words"), [("", "Repository name can't be empty"), ("scratch", "'scratch' is a reserved name")])
def test_a_name_that_cannot_be_is_refused(graph: tk.Graph, reference: str, name: str, words: str) -> None:
    assert refusal(graph, name, reference, ID) == words


@pytest.mark.parametrize("tag", [".", "-9", ".foo", "-test", "a b", "a/b", "ü", "a\n", "x" * 129, "<script>"])
def test_a_tag_that_is_none_is_refused(graph: tk.Graph, tag: str) -> None:
    assert refusal(graph, "a/b", tag, ID) == (
        f"Illegal tag name ({tag}): only [A-Za-z0-9_.-] are allowed ('.' and '-' are NOT allowed in the initial), "
        "minimum 1, maximum 128 in length"
    )


@pytest.mark.parametrize("tag", ["9", "foo", "foo-test", "bar.baz.boo", "_", "x" * 128, "1.10"])
def test_a_tag_that_is_one_is_set(graph: tk.Graph, tag: str) -> None:
    graph.tags.set("a/b", tag, ID)
    assert graph.tags.get("a/b", tag) == ID


@pytest.mark.parametrize("image_id", [ID, OTHER])
def test_without_force_a_tag_is_set_once(graph: tk.Graph, image_id: str) -> None:
    assert graph.tags.set("h:5000/a/b", "1", ID, force=False) is None
    assert refusal(graph, "h:5000/a/b", "1", image_id, force=False) == (
        f"Conflict: Tag h:5000/a/b:1 is already set to image {ID[:12]}, if you want to replace it, please use -f option"
    )


def test_a_digest_is_set_to_one_image_for_ever(graph: tk.Graph) -> None:
    assert graph.tags.set("a/b", DIGEST, ID) is None
    assert graph.tags.set("a/b", DIGEST, ID) == ID
    assert refusal(graph, "a/b", DIGEST, OTHER) == f"Conflict: Digest {DIGEST} is already set to image {ID}"


@pytest.mark.parametrize(
    ("digest", "words"),
    [
        ("sha256:xyz", "invalid checksum digest format"),
        (":", "invalid checksum digest format"),
        ("sha256:", "invalid checksum digest format"),
        ("md5:ab", "unsupported digest algorithm"),
    ],
)
def test_a_colon_that_makes_no_digest_is_refused(graph: tk.Graph, digest: str, words: str) -> None:
    assert refusal(graph, "a/b", digest, ID) == words


# -- a file that cannot be read ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"nonsense",
        b"[]",
        b"null",
        b"1",
        b"{}",
        b'{"repositories":{}}',
        b'{"Repositories":[1]}',
        b'{"Repositories":{"a":[]}}',
        b'{"Repositories":{"a":null}}',
        b'{"Repositories":{"a":"b"}}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_left_alone(graph: tk.Graph, content: bytes) -> None:
    graph.layout.repositories.write_bytes(content)
    for attempt in (graph.tags.all, lambda: graph.tags.get("a/b", "1"), lambda: graph.tags.set("a/b", "1", ID)):
        with pytest.raises(tk.errors.GraphError) as caught:
            attempt()
        assert caught.value.message == "the file of tags cannot be read"
        assert caught.value.where == str(graph.layout.repositories)
        assert "mend the file" in caught.value.next_step
    assert written(graph) == content


@pytest.mark.parametrize("content", [b"", b'{"Repositories":null}', b'{"Repositories":{}}', b'{"Repositories":{},"More":1}'])
def test_an_empty_file_has_no_tags(graph: tk.Graph, content: bytes) -> None:
    graph.layout.repositories.write_bytes(content)
    assert graph.tags.all() == {}


def test_a_directory_in_the_place_of_the_file_is_a_typed_error(graph: tk.Graph) -> None:
    graph.layout.repositories.unlink()
    graph.layout.repositories.mkdir()
    with pytest.raises(tk.errors.GraphIOError) as caught:
        graph.tags.all()
    assert caught.value.actual == "EISDIR"
