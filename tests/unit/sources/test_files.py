"""What a user asks for finds an image only by a name the source gives it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.trees import image, layout, opened, ref_name, visit, write

import toolkit as tk
from toolkit.digests import sha256
from toolkit.records import Endpoint
from toolkit.references import Reference
from toolkit.sources.files import FileSource, tag_of

ONE, TWO, THREE = image("1"), image("2"), image("3")


@pytest.fixture
def shop(tmp_path: Path) -> FileSource:
    """Three images: two by whole names, one by a tag alone."""
    names = {"io.containerd.image.name": "docker.io/library/busybox:1.24", **ref_name("1.24")}
    return opened(write(tmp_path, layout((ONE, names), (TWO, ref_name("127.0.0.1:5000/team/app:2")), (THREE, ref_name("edge")))))


def body(source: FileSource, text: str | None) -> bytes:
    asked = source.resolve(text, seed_grammar=False)
    with source.connect(asked.repository) as connection:
        return connection.manifest(asked).body


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("docker.io/library/busybox:1.24", ONE),
        ("busybox:1.24", ONE),
        ("library/busybox:1.24", ONE),
        ("1.24", ONE),
        ("127.0.0.1:5000/team/app:2", TWO),
        ("2", TWO),
        ("edge", THREE),
        (sha256(TWO), TWO),
        (f"@{sha256(TWO)}", TWO),
        (f"busybox@{sha256(TWO)}", TWO),
    ],
)
def test_an_image_is_found_by_every_name_it_has(shop: FileSource, text: str, expected: bytes) -> None:
    assert body(shop, text) == expected


@pytest.mark.parametrize(
    "text", ["busybox", "app:2", "registry.example/busybox:1.24", "nowhere", sha256(b"nothing"), "other:edge"]
)
def test_another_name_finds_nothing_and_is_told_what_would(shop: FileSource, text: str) -> None:
    with pytest.raises(tk.errors.NotFoundError) as caught:
        body(shop, text)
    assert caught.value.next_step == "ask for one of: docker.io/library/busybox:1.24, 127.0.0.1:5000/team/app:2, edge"
    assert shop.holds() == ["docker.io/library/busybox:1.24", "127.0.0.1:5000/team/app:2", "edge"]


def test_references_keep_what_the_source_knows(shop: FileSource) -> None:
    named, tagged = shop.resolve("1.24", seed_grammar=False), shop.resolve("edge", seed_grammar=False)
    assert (named.repository.local_name, named.tag, named.has_name) == ("busybox", "1.24", True)
    assert (tagged.repository.local_name, tagged.tag, tagged.has_name) == ("", "edge", False)


@pytest.mark.parametrize("text", ["Upper:1", "a:b:c", "@sha256:abc", "name@md5:00", ""])
def test_what_is_no_name_is_refused(shop: FileSource, text: str) -> None:
    with pytest.raises(tk.errors.ReferenceSyntaxError):
        shop.resolve(text, seed_grammar=False)


def test_the_seed_s_grammar_is_read_where_it_is_asked_for(shop: FileSource) -> None:
    assert shop.resolve("app:!", seed_grammar=True).tag == "!"


def test_of_several_images_one_must_be_named(shop: FileSource) -> None:
    with pytest.raises(tk.errors.UsageError, match="several images") as caught:
        shop.resolve(None, seed_grammar=False)
    assert "edge" in caught.value.next_step


def test_a_tag_of_several_images_is_not_enough(tmp_path: Path) -> None:
    source = opened(write(tmp_path, layout((ONE, ref_name("a/b:1")), (TWO, ref_name("c/d:1")))))
    with pytest.raises(tk.errors.UsageError, match="several images have the tag '1'") as caught:
        source.resolve("1", seed_grammar=False)
    assert caught.value.actual == "a/b:1, c/d:1"


def test_an_image_with_two_names_is_one_image(tmp_path: Path) -> None:
    source = opened(write(tmp_path, layout((ONE, ref_name("1")), (ONE, ref_name("latest")))))
    assert source.holds() == ["1", "latest"]
    assert body(source, None) == ONE


def test_an_image_without_a_name_is_asked_for_by_digest(tmp_path: Path) -> None:
    source = opened(write(tmp_path, layout((ONE, {}), (TWO, ref_name("what is this?")))))
    assert source.holds() == [f"@{sha256(ONE)}", "what is this?"]
    assert source.resolve("what is this?", seed_grammar=False) == Reference.bare(sha256(TWO))
    assert body(source, f"@{sha256(ONE)}") == ONE


def test_a_name_of_two_images_names_none(tmp_path: Path) -> None:
    source = opened(write(tmp_path, layout((ONE, ref_name("same")), (TWO, ref_name("same")))))
    assert source.holds() == [f"@{sha256(ONE)}", f"@{sha256(TWO)}"]
    with pytest.raises(tk.errors.SourceError, match="'same' stands for 2 images"):
        body(source, "same")


def test_a_source_without_images_has_none_to_give(tmp_path: Path) -> None:
    source = opened(write(tmp_path, layout()))
    assert source.holds() == []
    with pytest.raises(tk.errors.NotFoundError, match="holds no image"):
        source.resolve(None, seed_grammar=False)
    with pytest.raises(tk.errors.NotFoundError) as caught:
        body(source, "x")
    assert caught.value.next_step == "the source names no image"


def test_many_names_are_not_all_shown(tmp_path: Path) -> None:
    source = opened(write(tmp_path, layout(*((image(str(n)), ref_name(f"t{n}")) for n in range(15)))))
    with pytest.raises(tk.errors.NotFoundError) as caught:
        body(source, "x")
    assert caught.value.next_step.endswith("t11 and 3 more")


def test_tags_are_those_of_the_repository(shop: FileSource) -> None:
    assert [visit(shop, name).tags() for name in ("busybox", "127.0.0.1:5000/team/app", "other", "")] == [
        ["1.24"],
        ["2"],
        [],
        ["edge"],
    ]


def test_every_tag_of_a_repository_can_be_pulled(tmp_path: Path) -> None:
    source = opened(write(tmp_path, layout((ONE, ref_name("a/b:1")), (TWO, ref_name("a/b:2")))))
    asked = source.resolve("a/b", seed_grammar=False)
    with source.connect(asked.repository) as connection:
        assert [connection.manifest(asked.with_tag(tag)).body for tag in connection.tags()] == [ONE, TWO]


def test_every_tag_of_a_layout_that_knows_no_more_can_be_pulled(tmp_path: Path) -> None:
    source = opened(write(tmp_path, layout((ONE, ref_name("1")), (TWO, ref_name("2")))))
    asked = source.resolve("1", seed_grammar=False)
    with source.connect(asked.repository) as connection:
        assert [connection.manifest(asked.with_tag(tag)).body for tag in connection.tags()] == [ONE, TWO]


def test_a_visit_is_one_row(shop: FileSource) -> None:
    with visit(shop) as connection:
        (row,) = connection.drain()
        assert isinstance(row, Endpoint)
        assert (row.url, row.version, row.tls, row.mirror, row.outcome) == (shop.name, "oci-layout", "none", False, "used")
        assert connection.drain() == ()
        assert connection.endpoint == shop.name
    assert repr(shop) == f"FileSource({shop.name!r}, 'oci-layout')"


@pytest.mark.parametrize("digest", ["sha256:../../etc/passwd", "sha256:" + "A" * 64, "md5:" + "0" * 32, "/etc/passwd", ""])
def test_what_is_no_digest_is_no_path(shop: FileSource, digest: str) -> None:
    connection = visit(shop)
    for ask in (connection.blob, connection.referrers):
        with pytest.raises(tk.errors.SourceError, match="is not a digest"):
            ask(digest)


def test_referrers_are_found_by_the_tag_that_stands_for_them(tmp_path: Path) -> None:
    tag = sha256(ONE).replace(":", "-")
    source = opened(write(tmp_path, layout((ONE, ref_name("a/b:1")), (TWO, ref_name(f"a/b:{tag}")), (THREE, ref_name("c:3")))))
    found = visit(source, "a/b").referrers(sha256(ONE))
    assert found.way == "tag"
    assert found.manifest is not None
    assert found.manifest.body == TWO
    assert visit(source, "c").referrers(sha256(ONE)).way == "none"
    assert visit(source).referrers(sha256(ONE)).way == "tag"
    assert visit(source).referrers(sha256(TWO)).reason


def test_tags_in_names() -> None:
    assert [tag_of(name) for name in ("a/b:1", "edge", "Not A Name", "a@" + sha256(b""))] == ["1", "edge", None, None]
