"""A registry's storage folder, without the registry."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.trees import LAYER, image, opened, read, saved, tar_of, visit, write

import toolkit as tk
from toolkit.digests import sha256
from toolkit.references import Reference
from toolkit.sources import registry_tree

ONE, TWO = image("1"), image("2")


def storage(**tags: bytes) -> dict[str, bytes]:
    """A storage with manifests by repository and tag: ``team__app__1`` is team/app:1."""
    files = {}
    for name, body in {**tags, "": LAYER}.items():
        hexadecimal = sha256(body)[7:]
        files[f"blobs/sha256/{hexadecimal[:2]}/{hexadecimal}/data"] = body
        repository, _, tag = name.replace("__", "/").rpartition("/")
        if name:
            files[f"repositories/{repository}/_manifests/tags/{tag}/current/link"] = f"sha256:{hexadecimal}".encode()
            files[f"repositories/{repository}/_manifests/revisions/sha256/{hexadecimal}/link"] = b""
    return files


TAGS = storage(team__app__1=ONE, team__app__2=TWO, team__app__tools__1=TWO, single__latest=ONE)


@pytest.mark.parametrize("root", ["docker/registry/v2", "registry/v2", "v2", ""])
def test_it_is_found_where_a_registry_puts_it(tmp_path: Path, root: str) -> None:
    source = opened(write(tmp_path, {f"{root}/{name}".removeprefix("/"): data for name, data in TAGS.items()}))
    assert source.kind == "registry-tree"
    assert source.holds() == ["single:latest", "team/app:1", "team/app:2", "team/app/tools:1"]
    assert source.name == str(tmp_path)


def test_manifests_and_blobs_are_those_of_the_tag(tmp_path: Path) -> None:
    source = opened(saved(tmp_path / "x", tar_of({f"docker/registry/v2/{name}": data for name, data in TAGS.items()})))
    asked = source.resolve("team/app:2", seed_grammar=False)
    with source.connect(asked.repository) as connection:
        raw = connection.manifest(asked)
        assert (raw.body, raw.content_type, raw.made_from) == (TWO, None, None)
        assert connection.tags() == ["1", "2"]
        assert connection.manifest(Reference.bare(sha256(ONE))).body == ONE
        assert read(connection, sha256(LAYER)) == LAYER
        with pytest.raises(tk.errors.NotFoundError):
            connection.manifest(Reference.bare(sha256(b"elsewhere")))
        with pytest.raises(tk.errors.NotFoundError):
            connection.blob(sha256(b"elsewhere"))


def test_referrers_are_found_by_tag_in_their_repository(tmp_path: Path) -> None:
    tag = sha256(ONE).replace(":", "-")
    source = opened(write(tmp_path, storage(**{"team__app__1": ONE, f"team__app__{tag}": TWO})))
    found = visit(source, "team/app").referrers(sha256(ONE))
    assert found.way == "tag"
    assert found.manifest is not None
    assert found.manifest.body == TWO
    assert visit(source, "other/app").referrers(sha256(ONE)).way == "none"


def test_a_tag_without_a_link_is_none(tmp_path: Path) -> None:
    write(tmp_path, TAGS)
    (tmp_path / "repositories" / "team" / "app" / "_manifests" / "tags" / "1" / "current" / "link").unlink()
    assert "team/app:1" not in opened(tmp_path).holds()


@pytest.mark.parametrize("link", [b"", b"sha256:../../../etc/passwd", b"\xff", b"sha256:" + b"A" * 64, b"x" * 2000])
def test_a_link_that_is_no_digest_is_a_typed_error(tmp_path: Path, link: bytes) -> None:
    source = opened(write(tmp_path, TAGS | {"repositories/team/app/_manifests/tags/1/current/link": link}))
    assert source.holds() == []
    with pytest.raises(tk.errors.SourceError) as caught:
        source.resolve("team/app:1", seed_grammar=False)
    assert "repositories/team/app" in caught.value.where


def test_repositories_without_end_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_tree, "_MOST", 3)
    with pytest.raises(tk.errors.LimitError, match="too many repositories"):
        opened(write(tmp_path, TAGS)).resolve(None, seed_grammar=False)


def test_a_repository_that_is_a_link_out_of_the_storage_is_not_read(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", storage(a__1=ONE))
    root = write(tmp_path / "root", TAGS)
    (root / "repositories" / "link").symlink_to(tmp_path / "elsewhere" / "repositories" / "a")
    with pytest.raises(tk.errors.SourceError, match="leads out of the source"):
        opened(root).resolve(None, seed_grammar=False)
