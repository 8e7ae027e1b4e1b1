"""What is in the layers of an image: a planted one, found to the last member; and whatever an image is named by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support import planted
from support.shop import Shop
from support.trees import saved

import toolkit as tk
from toolkit import simulator
from toolkit.errors import (
    GraphError,
    ImageNotFoundError,
    LimitError,
    MemberError,
    UsageError,
    VerificationError,
)
from toolkit.ledger.frames import schema
from toolkit.records import Layer, Manifest
from toolkit.survey.image_files import ImageFiles, files, timeline
from toolkit.survey.read_file import read_file

NAME = "planted/image:1"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graph with the planted image."""
    base = tmp_path_factory.mktemp("planted")
    layout = planted.as_layout(base / "layout", *(planted.layer(*members) for members in planted.LAYERS))
    tk.pull(NAME, base / "graph", source=layout)
    return base / "graph"


@pytest.fixture(scope="module")
def image(home: Path) -> ImageFiles:
    return files(NAME, graph=home)


def column(frame: pd.DataFrame, *names: str) -> list[tuple[Any, ...]]:
    plain = frame[list(names)].astype(object)
    return list(plain.where(plain.notna(), None).itertuples(index=False, name=None))


def test_every_header_is_a_row(image: ImageFiles) -> None:
    members = image.members
    assert len(members) == image.count == sum(len(layer) for layer in planted.LAYERS)
    names = [member.name.rstrip("/") or "." for layer in planted.LAYERS for member, _ in layer]
    assert members["name"].str.rstrip("/").tolist() == names
    assert set(members["image"]) == {NAME}


def test_the_frame_of_members_has_the_declared_types_also_when_it_is_empty(image: ImageFiles, tmp_path: Path) -> None:
    declared = {name: kind for name, kind in schema("files").items() if name not in ("pull", "seq", "at")}
    empty = files(tk.pull(NAME, tmp_path / "graph", source=planted.as_layout(tmp_path / "layout", planted.layer())))
    for frame in (image.members, empty.members):
        assert dict(frame.dtypes.items()) == declared
    for name in ("tree", "timeline", "deleted", "secrets", "hazards"):
        full, none = getattr(image, name), getattr(empty, name)
        assert len(full) > len(none) == 0
        assert full.dtypes.equals(none.dtypes), name


def test_the_timeline_is_the_planted_one(image: ImageFiles, home: Path) -> None:
    rows = column(image.timeline, "layer", "path", "change")
    assert {(layer, path): change for layer, path, change in rows} == planted.TIMELINE
    assert len(rows) == len(planted.TIMELINE)
    pd.testing.assert_frame_equal(timeline(NAME, graph=home), image.timeline)


def test_what_changed_is_told(image: ImageFiles) -> None:
    names = ("layer", "path", "attributes", "type_before", "type", "size_before", "size", "before_layer")
    steps = {(layer, path): rest for layer, path, *rest in column(image.timeline, *names)}
    assert steps[1, "etc/mode"] == ["mode", "file", "file", 5, 5, 0]
    assert steps[1, "etc/app.conf"] == ["", "file", "file", 4, 12, 0]
    assert steps[1, "srv/file"] == ["mode", "file", "directory", 5, 0, 0]


def test_the_files_nobody_sees_are_the_planted_ones(image: ImageFiles) -> None:
    rows = column(image.deleted, "layer", "path", "how", "hidden_by", "stored")
    assert {(layer, path): (how, by, size) for layer, path, how, by, size in rows} == planted.DELETED
    assert len(rows) == len(planted.DELETED)


def test_a_moved_file_is_told_by_its_content(image: ImageFiles) -> None:
    seen = {path for path, seen in column(image.deleted, "path", "content_seen") if seen}
    assert seen == {"etc/again", "etc/mode", "var/old-name"}


def test_the_wasted_bytes_are_those_of_the_files_nobody_sees(image: ImageFiles) -> None:
    lost = [sum(size for (at, _), (_, _, size) in planted.DELETED.items() if at == number) for number in range(3)]
    stored = [
        sum(len(data) for member, data in layer if member.isreg() and "/.wh." not in f"/{member.name}")
        for layer in planted.LAYERS
    ]
    assert column(image.wasted, "wasted", "stored") == list(zip(lost, stored, strict=True))
    assert f"12 files stored and not seen, {sum(lost):,} of {sum(stored):,} bytes" in image.sentence


def test_the_hazards_are_the_planted_ones(image: ImageFiles) -> None:
    rows = column(image.hazards, "hazard", "layer", "path")
    assert set(rows) == planted.HAZARDS
    assert len(rows) == len(planted.HAZARDS)


def test_the_secrets_are_the_planted_ones_and_never_shown(image: ImageFiles) -> None:
    assert "not looked for yet" in repr(files(image.name, graph=image.graph))
    rows = column(image.secrets, "rule", "layer", "path", "seen", "hidden_by")
    assert set(rows) == planted.SECRETS
    assert len(rows) == len(planted.SECRETS)
    shown = repr(image) + image._repr_html_() + image.secrets.to_csv() + repr(image.layers)
    for value in (planted.NPM_TOKEN, planted.AWS_KEY, planted.PRIVATE_KEY[40:100]):
        assert value.decode() not in shown
    assert sorted(image.secrets["masked"].dropna()) == ["****", "****", "AKIA****"]


def test_the_place_of_a_secret_is_where_its_bytes_are(image: ImageFiles) -> None:
    for layer, path, offset, length in column(image.secrets.dropna(subset="offset"), "layer", "path", "offset", "length"):
        found = read_file(image, path, layer=layer)[offset : offset + length]
        assert found in (planted.NPM_TOKEN, planted.AWS_KEY, planted.PRIVATE_KEY.splitlines()[1])


def test_a_member_says_which_layer_shadows_it(image: ImageFiles) -> None:
    shadowed = image.members.dropna(subset="shadowed_by")
    expected = {(at, path): by for (at, path), (_, by, _) in planted.DELETED.items()}
    plain = shadowed[(shadowed["type"] == "file") & (shadowed["path"] != "bin/tool")]
    assert {(at, path): by for at, path, by in column(plain, "position", "path", "shadowed_by")} == expected
    assert set(shadowed["path"]) - {path for _, path in expected} == {"bin/tool", "opt", "opt/old", "srv/dir"}


def test_the_card_says_the_numbers_in_text_and_in_html(image: ImageFiles) -> None:
    text = repr(image)
    assert f"files of {NAME}: 55 members in 3 layers" in text
    assert "12 files" in text
    assert "1 setuid" in text
    assert "3 layers" in image._repr_html_()


# -- one member's bytes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "layer", "data"),
    [
        ("etc/keep", None, b"keep\n"),
        ("/etc/app.conf", None, b"two, longer\n"),
        ("etc/app.conf", 0, b"one\n"),
        ("etc/secret.key", 0, planted.PRIVATE_KEY),
        ("bin/link", None, b"tool\n"),
        ("bin/link", 0, b"tool\n"),
        ("lib/extra.so", None, b"through the link\n"),
        (b"etc/twice", 2, b"second\n"),
    ],
)
def test_a_file_is_read(image: ImageFiles, path: str | bytes, layer: int | None, data: bytes) -> None:
    assert read_file(image, path, layer=layer) == data


@pytest.mark.parametrize(
    ("path", "layer", "said"),
    [
        ("etc/nothing", None, "no path 'etc/nothing' in the image"),
        ("etc/secret.key", None, "it is in layer 0: give layer=0"),
        ("etc", None, "directory"),
        ("lib", None, "symlink to usr/lib"),
        ("etc/keep", 1, "no path 'etc/keep' in layer 1"),
        ("etc/keep", 3, "no such layer"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(image: ImageFiles, path: str, layer: int | None, said: str) -> None:
    with pytest.raises(MemberError) as caught:
        read_file(image, path, layer=layer)
    assert said in str(caught.value)
    assert caught.value.exit_status == 2


def test_a_file_larger_than_the_limit_is_never_cut(image: ImageFiles) -> None:
    assert read_file(image, "etc/keep", limit=5) == b"keep\n"
    with pytest.raises(LimitError, match="larger than the limit"):
        read_file(image, "etc/keep", limit=4)


@pytest.fixture
def odd(tmp_path: Path) -> ImageFiles:
    """A hard link into a lower layer, hard links to nothing and in a circle, and an implied directory."""
    lower = planted.layer(planted.file("a", b"lower"))
    upper = planted.layer(
        planted.hard("b", "a"),
        planted.hard("c", "nothing"),
        planted.hard("round", "round"),
        planted.file("implied/x", b"x"),
    )
    return files(tk.pull(NAME, tmp_path / "graph", source=planted.as_layout(tmp_path / "layout", lower, upper)))


def test_a_hard_link_into_a_lower_layer_is_read(odd: ImageFiles) -> None:
    assert read_file(odd, "b") == read_file(odd, "b", layer=1) == b"lower"


@pytest.mark.parametrize(
    ("path", "layer", "said"),
    [
        ("c", None, "a hard link to nothing"),
        ("c", 1, "no path 'nothing' in layer 1"),
        ("round", 1, "hardlink to round"),
        ("implied", None, "a directory no header names"),
    ],
)
def test_what_leads_nowhere_is_refused(odd: ImageFiles, path: str, layer: int | None, said: str) -> None:
    with pytest.raises(MemberError) as caught:
        read_file(odd, path, layer=layer)
    assert said in str(caught.value)


# -- what an image is named by -----------------------------------------------------------------------------------


def test_an_image_is_found_by_reference_id_digest_and_report(home: Path, image: ImageFiles) -> None:
    report = tk.pull(NAME, home, source=home)
    for named in (report, str(report.image_id), str(report.digest), NAME):
        found = files(named, graph=home)
        assert [layer.diff_id for layer in found.layers] == [layer.diff_id for layer in image.layers]
    assert files(image) is image


def test_an_image_is_pulled_into_a_graph_that_goes_away(tmp_path: Path) -> None:
    layout = planted.as_layout(tmp_path / "layout", planted.layer(planted.file("a", b"1")))
    found = files(NAME, source=layout)
    assert found.graph.is_temporary
    assert read_file(found, "a") == read_file(NAME, "a", source=layout) == b"1"
    kept = files(NAME, source=layout, graph=tmp_path / "graph")
    assert not kept.graph.is_temporary


def test_an_image_of_docker_1_9_is_read_along_its_chain(graph: tk.Graph) -> None:
    report = tk.pull("teach/clean:1", graph, source=simulator.teaching_registry())
    by_report = files(report)
    assert [layer.blob_digest for layer in by_report.layers] == [row.blob_digest for row in report.records(Layer)]
    for named in ("teach/clean:1", "teaching.example/teach/clean:1", str(report.image_id), str(report.image_id)[:12]):
        assert [layer.blob_digest for layer in files(named, graph=graph).layers] == [
            layer.blob_digest for layer in by_report.layers
        ]
    assert read_file(by_report, "etc/motd") == b"welcome\n"


def test_a_slot_that_was_removed_as_a_duplicate_is_no_layer(graph: tk.Graph) -> None:
    report = tk.pull("teach/duplicates:1", graph, source=simulator.teaching_registry())
    found = files(report)
    assert [layer.position for layer in found.layers] == list(range(4))
    assert [layer.blob_digest for layer in files(str(report.image_id), graph=graph).layers] == [
        layer.blob_digest for layer in found.layers
    ]


def test_a_short_name_that_two_registries_have_is_refused(graph: tk.Graph) -> None:
    for number, registry in enumerate(("one.example", "two.example")):
        served = simulator.teaching_registry()
        served.name = registry
        tk.pull(f"teach/clean:{number + 1}", graph, source=served)
    graph.set_reference("two.example/teach/clean", "1", graph.tags.all()["two.example/teach/clean"]["2"])
    with pytest.raises(ImageNotFoundError, match="no image") as caught:
        files("teach/clean:1", graph=graph)
    assert "one.example/teach/clean, two.example/teach/clean" in caught.value.next_step


@pytest.mark.parametrize("named", ["nothing:1", "UPPER:1", "0" * 64, "sha256:" + "0" * 64])
def test_an_image_that_is_not_there_is_an_error(home: Path, named: str) -> None:
    with pytest.raises(ImageNotFoundError):
        files(named, graph=home)


def test_a_report_without_a_graph_has_nothing_to_look_into(home: Path) -> None:
    with pytest.raises(UsageError, match="no graph"):
        files(tk.inspect(NAME, source=home))


def test_a_blob_that_changed_is_told_before_it_is_decompressed(tmp_path: Path) -> None:
    report = tk.pull(NAME, tmp_path / "graph", source=planted.as_layout(tmp_path / "layout", planted.layer(planted.file("a"))))
    found = files(report)
    path = found.graph.blobs.path(found.layers[0].blob_digest)
    assert path is not None
    path.chmod(0o644)
    saved(path, b"\x1f\x8b\x08 not what it was")
    for call in (lambda: files(report), lambda: read_file(found, "a"), lambda: found.secrets):
        with pytest.raises(VerificationError, match="not what its name says") as caught:
            call()
        assert caught.value.expected == found.layers[0].blob_digest
    path.unlink()
    with pytest.raises(GraphError, match="not in the graph"):
        files(report)


def test_one_blob_twice_is_read_once_and_is_two_layers(tmp_path: Path) -> None:
    tar = planted.layer(planted.file("a", b"1"))
    found = files(tk.pull(NAME, tmp_path / "graph", source=planted.as_layout(tmp_path / "layout", tar, tar)))
    assert [layer.position for layer in found.layers] == [0, 1]
    assert found.layers[0].members is found.layers[1].members
    assert column(found.timeline, "layer", "change") == [(0, "added"), (1, "unchanged")]


@pytest.mark.parametrize("budget", [0, 5000])
def test_an_image_that_expands_beyond_its_budget_is_given_up(home: Path, budget: int) -> None:
    with pytest.raises(LimitError, match="expand beyond the budget"):
        files(NAME, graph=home, budget=budget)


def test_a_layer_that_breaks_off_is_there_up_to_the_break(tmp_path: Path) -> None:
    whole = planted.layer(planted.file("a", b"1" * 40), planted.file("b", b"2" * 2000))
    layout = planted.as_layout(tmp_path / "layout", whole[:2000])
    report = tk.pull(NAME, tmp_path / "graph", source=layout, diff_ids=False)
    found = files(report)
    assert column(found.hazards, "hazard", "layer") == [("damaged-layer", 0)]
    assert read_file(found, "a") == b"1" * 40
    with pytest.raises(tk.ToolkitError):
        read_file(found, "b")
    assert len(found.secrets) == 0
    assert "✘" in repr(found)


def test_a_tar_that_is_not_what_the_configuration_says_is_a_hazard(tmp_path: Path) -> None:
    layout = planted.as_layout(tmp_path / "layout", planted.layer(planted.file("a")), claims=["sha256:" + "0" * 64])
    report = tk.pull(NAME, tmp_path / "graph", source=layout, diff_ids=False)
    [(hazard, detail)] = column(files(report).hazards, "hazard", "detail")
    assert hazard == "diff-id-differs"
    assert str(detail).startswith(f"sha256:{'0' * 64} is claimed, sha256:")


def test_a_report_of_several_images_asks_for_one(graph: tk.Graph) -> None:
    shop = Shop()
    shop.index(shop.image(), shop.image(architecture="arm64", salt="arm"))
    report = tk.pull("shop/app:1", graph, source=shop.transport(), platform="all")
    with pytest.raises(UsageError, match="about 2 images"):
        files(report)
    root, *below = [row for row in report.records(Manifest) if row.kind in ("index", "image")]
    with pytest.raises(ImageNotFoundError) as caught:
        files(root.digest, graph=graph)
    assert "this is an index" in caught.value.next_step
    assert [files(one.digest, graph=graph).count for one in below] == [2, 2]


@pytest.mark.parametrize("kind", ["manifest of Docker 1.9's", "neither a manifest nor a configuration"])
def test_a_digest_of_something_else_is_refused(graph: tk.Graph, kind: str) -> None:
    report = tk.pull("teach/clean:1", graph, source=simulator.teaching_registry())
    wanted = report.records(Manifest)[0].body_digest if "Docker" in kind else report.records(Layer)[0].blob_digest
    with pytest.raises(GraphError) as caught:
        files(wanted, graph=graph)
    assert kind in str(caught.value)


def test_an_image_whose_chain_or_configuration_is_lost_is_told(tmp_path: Path) -> None:
    layout = planted.as_layout(tmp_path / "layout", planted.layer(planted.file("a")))
    report = tk.pull(NAME, tmp_path / "graph", source=layout)
    graph = tk.Graph(tmp_path / "graph")
    for chain in (tmp_path / "graph" / "chains").rglob("*"):
        if chain.is_file():
            chain.unlink()
    with pytest.raises(ImageNotFoundError) as caught:
        files(str(report.image_id), graph=graph)
    assert "no blob for layer 0" in caught.value.next_step
    path = graph.blobs.path(str(report.image_id))
    assert path is not None
    path.chmod(0o644)
    saved(path, b"{}")
    with pytest.raises(ImageNotFoundError) as caught:
        files(NAME, graph=graph)
    assert "no longer what its name says" in caught.value.next_step
    path.unlink()
    with pytest.raises(ImageNotFoundError) as caught:
        files(NAME, graph=graph)
    assert "does not have it" in caught.value.next_step
