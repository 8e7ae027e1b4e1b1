"""One layer upon the other: whiteouts, links and replacements, as the image specification has them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.planted import Planted, file, folder, hard, layer, link

from toolkit.files.layering import Layering, layer_all
from toolkit.files.leftovers import leftovers, waste
from toolkit.files.members import LayerIndex, index_layer
from toolkit.files.timeline import steps
from toolkit.files.tree import paths

Tree = dict[str, str]


def indexes(*layers: Sequence[Planted]) -> list[LayerIndex]:
    return [index_layer([layer(*members)], position=position) for position, members in enumerate(layers)]


def upon(*layers: Sequence[Planted]) -> Layering:
    return layer_all(indexes(*layers))


def names(layering: Layering) -> list[str]:
    return [row.path for row in paths(layering)]


def changes(layering: Layering, position: int = 1) -> Tree:
    return {step.path: step.change for step in steps(layering) if step.layer == position}


def notes(layering: Layering) -> list[tuple[str, int, bytes, bytes]]:
    return [(note.kind, note.layer, note.member.path, note.detail) for note in layering.notes]


LOWER = (folder("d"), file("d/a", b"1"), folder("d/e"), file("d/e/b", b"2"), file("f", b"3"))


def test_a_whiteout_deletes_a_file_and_a_directory_with_all_below() -> None:
    found = upon(LOWER, [file(".wh.d"), file(".wh.f")])
    assert names(found) == []
    assert changes(found) == {"d": "deleted", "d/a": "hidden", "d/e": "hidden", "d/e/b": "hidden", "f": "deleted"}


def test_an_opaque_directory_hides_what_was_in_it_and_stays() -> None:
    found = upon(LOWER, [file("d/.wh..wh..opq")])
    assert names(found) == ["d", "f"]
    assert changes(found) == {"d/a": "hidden", "d/e": "hidden", "d/e/b": "hidden"}


def test_an_opaque_root_hides_everything_below() -> None:
    assert names(upon(LOWER, [file(".wh..wh..opq"), file("new")])) == ["new"]


@pytest.mark.parametrize("members", [[file("f", b"4"), file(".wh.f")], [file(".wh.f"), file("f", b"4")]])
def test_a_whiteout_hides_lower_layers_only_wherever_it_stands(members: list[Planted]) -> None:
    found = upon(LOWER, members)
    assert "f" in names(found)
    assert changes(found) == {"f": "changed"}


def test_a_whiteout_of_a_directory_that_the_layer_fills_anew() -> None:
    found = upon(LOWER, [file("d/new", b"5"), file(".wh.d")])
    assert names(found) == ["d", "d/new", "f"]
    assert changes(found) == {
        "d": "attributes-changed",
        "d/a": "hidden",
        "d/e": "hidden",
        "d/e/b": "hidden",
        "d/new": "added",
    }


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        (".wh.", b"it names nothing"),
        ("d/.wh..", b"it names nothing"),
        (".wh.absent", b"no lower layer has it"),
        ("f/.wh.x", b"no lower layer has it"),
        ("absent/.wh.x", b"no lower layer has it"),
    ],
)
def test_a_whiteout_of_nothing_is_noted(name: str, detail: bytes) -> None:
    found = upon(LOWER, [file(name)])
    assert notes(found) == [("hides-nothing", 1, name.encode(), detail)]
    assert changes(found) == {}


@pytest.mark.parametrize("name", ["absent/.wh..wh..opq", "f/.wh..wh..opq", ".wh..wh.plnk"])
def test_an_opaque_marker_of_nothing_and_metadata_of_aufs_do_nothing(name: str) -> None:
    found = upon(LOWER, [file(name)])
    assert (notes(found), changes(found), names(found)) == ([], {}, names(upon(LOWER)))


def test_a_directory_becomes_a_file_and_a_file_a_directory() -> None:
    found = upon(LOWER, [file("d", b"6"), folder("f"), file("f/x", b"7")])
    assert names(found) == ["d", "f", "f/x"]
    assert changes(found) == {"d": "changed", "d/a": "hidden", "d/e": "hidden", "d/e/b": "hidden", "f": "changed", "f/x": "added"}


def test_a_directory_again_keeps_what_is_in_it() -> None:
    found = upon(LOWER, [folder("d", 0o700)])
    assert changes(found) == {"d": "attributes-changed"}
    assert names(found) == names(upon(LOWER))


def test_parents_that_no_header_names_are_directories() -> None:
    found = upon([file("a/b/c", b"1")])
    assert [(row.path, row.type, row.index) for row in paths(found)] == [
        ("a", "directory", None),
        ("a/b", "directory", None),
        ("a/b/c", "file", 0),
    ]
    assert changes(upon([file("a/b/c", b"1")], [folder("a")])) == {"a": "attributes-changed"}


def test_a_file_is_no_directory_for_others() -> None:
    found = upon([file("a", b"1")], [file("a/b", b"2")])
    assert names(found) == ["a", "a/b"]
    assert notes(found) == [("parent-is-no-directory", 1, b"a/b", b"a")]
    assert changes(found) == {"a": "changed", "a/b": "added"}


def test_the_root_is_a_path_where_a_header_names_it_and_stays_a_directory() -> None:
    found = upon([folder("./", 0o711)], [file("/", b"")], [folder("./", 0o755)])
    assert [(row.path, row.mode, row.layer) for row in paths(found)] == [(".", 0o755, 2)]
    assert [(step.layer, step.change) for step in steps(found)] == [(0, "added"), (2, "attributes-changed")]


def test_a_global_header_is_no_path() -> None:
    header = index_layer([layer(file("pax_global_header"))])
    [member] = header.members
    changed = LayerIndex(
        position=0,
        blob_digest="",
        blob_size=0,
        compression="none",
        flavour="",
        diff_id=None,
        tar_size=0,
        members=(member._replace(type="pax-global"),),
    )
    assert layer_all([changed]).entries == ()


# -- links -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "reached"),
    [("real", "real"), ("/real", "real"), ("./real/", "real"), ("../../real", "real"), ("real/../other", "other")],
)
def test_a_directory_that_is_a_link_is_followed_inside_the_root(target: str, reached: str) -> None:
    found = upon([folder("real"), folder("other"), link("l", target)], [file("l/x", b"1")])
    assert f"{reached}/x" in names(found)
    assert ("through-link", 1, b"l/x", b"l") in notes(found)


def test_a_link_to_nothing_makes_what_it_names() -> None:
    assert names(upon([link("l", "made/here")], [file("l/x", b"1")])) == ["l", "made", "made/here", "made/here/x"]


def test_a_whiteout_goes_through_links_too() -> None:
    lower = [folder("real"), file("real/x", b"1"), link("l", "real"), link("absolute", "/real"), link("up", "../real")]
    for name in ("l/.wh.x", "absolute/.wh.x", "up/.wh.x", "l/.wh..wh..opq"):
        assert "real/x" not in names(upon(lower, [file(name)])), name


def test_a_whiteout_of_a_link_leaves_what_it_leads_to() -> None:
    assert names(upon([folder("real"), link("l", "real")], [file(".wh.l")])) == ["real"]


def test_links_in_a_circle_hold_nothing() -> None:
    found = upon([link("a", "b"), link("b", "a")], [file("a/x", b"1"), file("a/.wh.y"), hard("h", "a/x")])
    assert names(found) == ["a", "b", "h"]
    assert [(kind, path) for kind, _, path, _ in notes(found) if kind != "through-link"] == [
        ("hides-nothing", b"a/.wh.y"),
        ("link-loop", b"a/x"),
        ("dangling-hard-link", b"h"),
    ]


def test_a_directory_over_a_link_replaces_it() -> None:
    found = upon([folder("real"), link("l", "real")], [folder("l"), file("l/x", b"1")])
    assert names(found) == ["l", "l/x", "real"]


def test_a_path_is_found_by_way_of_links() -> None:
    tree = upon([folder("real"), file("real/x", b"1"), link("l", "real"), link("r", "real/x")]).tree
    entry = tree.find(b"l/x")
    assert entry is not None
    assert entry.member is not None
    assert entry.member.path == b"real/x"
    last = tree.find(b"r")
    assert last is not None
    assert last.member is not None
    assert last.member.type == "symlink"
    assert tree.find(b"real/x/y") is None
    assert tree.find(b"l/absent") is None


def test_a_hard_link_has_the_content_and_the_attributes_of_what_it_leads_to() -> None:
    found = upon([file("a", b"12", 0o600), hard("b", "a"), hard("c", "./b")])
    rows = {row.path: (row.type, row.size, row.mode, row.content_index) for row in paths(found)}
    assert rows == {"a": ("file", 2, 0o600, 0), "b": ("hardlink", 2, 0o600, 0), "c": ("hardlink", 2, 0o600, 0)}


def test_a_hard_link_keeps_its_content_when_the_first_name_goes() -> None:
    layers = indexes([file("a", b"12"), hard("b", "a")], [file("a", b"new")], [file(".wh.a")])
    found = layer_all(layers)
    assert [(row.path, row.size) for row in paths(found)] == [("b", 2)]
    assert [(one.layer, one.path, one.how) for one in leftovers(layers, found)] == [(1, "a", "deleted")]


def test_a_move_by_hard_link_finds_what_its_own_layer_takes_away() -> None:
    found = upon([file("a", b"12")], [hard("b", "a"), file(".wh.a")])
    assert [(row.path, row.size, row.content_layer) for row in paths(found)] == [("b", 2, 0)]


@pytest.mark.parametrize("target", ["absent", "d", "absent/x", "f/x", "implied"])
def test_a_hard_link_to_no_file_leads_nowhere(target: str) -> None:
    found = upon([folder("d"), file("f", b"1"), file("implied/x", b"1"), hard("h", target)])
    [row] = [row for row in paths(found) if row.path == "h"]
    assert (row.type, row.size, row.sha256, row.content_layer) == ("hardlink", 0, None, None)
    assert notes(found) == [("dangling-hard-link", 0, b"h", target.encode())]
    again = upon([hard("h", "x")], [hard("h", "x")], [hard("h", "y")], [file(".wh.h")])
    assert [step.change for step in steps(again)] == ["added", "unchanged", "changed", "deleted"]


# -- the timeline ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "change", "attributes"),
    [
        (file("a", b"1"), file("a", b"1"), "unchanged", ""),
        (file("a", b"1"), file("a", b"2"), "changed", ""),
        (file("a", b"1"), file("a", b"2", 0o600), "changed", "mode"),
        (file("a", b"1"), file("a", b"1", uid=1, gid=2, mtime=3), "attributes-changed", "uid,gid,mtime"),
        (file("a", b"1"), file("a", b"1", pax_headers={"SCHILY.xattr.user.x": "1"}), "attributes-changed", "extras"),
        (link("a", "x"), link("a", "x"), "unchanged", ""),
        (link("a", "x"), link("a", "y"), "changed", ""),
        (folder("a"), folder("a", mtime=1), "attributes-changed", "mtime"),
        (file("a"), link("a", "x"), "changed", "mode"),
    ],
)
def test_content_decides_and_then_the_attributes(before: Planted, after: Planted, change: str, attributes: str) -> None:
    [step] = [step for step in steps(upon([before], [after])) if step.layer == 1]
    assert (step.change, step.attributes) == (change, attributes)


def test_a_file_that_became_another_name_of_the_same_content_is_the_same() -> None:
    assert changes(upon([file("a", b"1"), file("b", b"1")], [hard("b", "a")])) == {"b": "unchanged"}


# -- what is left over -------------------------------------------------------------------------------------------


def test_files_nobody_sees_are_listed_with_their_reason_and_summed_up() -> None:
    layers = indexes(
        [file("a", b"1"), file("b", b"22"), folder("d"), file("d/c", b"333"), link("x", "y"), link("y", "x"), file("x/z", b"0")],
        [file("a", b"4"), file(".wh.b"), file("d/.wh..wh..opq"), file("e", b"5"), file("e", b"333")],
    )
    rest = list(leftovers(layers, layer_all(layers)))
    assert [(one.layer, one.path, one.how, one.hidden_by, one.stored, one.content_seen) for one in rest] == [
        (0, "a", "replaced", 1, 1, False),
        (0, "b", "deleted", 1, 2, False),
        (0, "d/c", "hidden", 1, 3, True),
        (0, "x/z", "never-seen", None, 1, False),
        (1, "e", "repeated", 1, 1, False),
    ]
    assert [(one.layer, one.files, one.stored, one.wasted_files, one.wasted) for one in waste(layers, rest)] == [
        (0, 4, 7, 4, 7),
        (1, 3, 5, 1, 1),
    ]


def test_a_file_whose_content_is_not_known_is_left_over_all_the_same() -> None:
    [broken] = indexes([file("a", b"1" * 600)])
    cut = index_layer([layer(file("a", b"1" * 600))[:700]])
    assert broken.members[0].sha256 is not None
    [upper] = [index_layer([layer(file(".wh.a"))], position=1)]
    [one] = leftovers([cut, upper], layer_all([cut, upper]))
    assert (one.sha256, one.content_seen) == (None, False)
    assert [step.sha256_before for step in steps(layer_all([cut, upper]))] == [None, None]


def test_sparse_files_are_the_same_only_if_they_are_one() -> None:
    sparse = [index_layer([layer(file("a", b"1"))], position=position) for position in (0, 1)]
    members = [one.members[0]._replace(size=10, sha256=None) for one in sparse]
    changed = [
        LayerIndex(
            position=number,
            blob_digest="",
            blob_size=0,
            compression="none",
            flavour="",
            diff_id=None,
            tar_size=0,
            members=(member,),
        )
        for number, member in enumerate(members)
    ]
    assert [step.change for step in steps(layer_all(changed))] == ["added", "changed"]


# -- against a model ---------------------------------------------------------------------------------------------

NAMES = ["a", "b", "a/x", "a/y", "a/x/p"]
FILES = st.builds(file, st.sampled_from(NAMES), st.sampled_from([b"1", b"2"]))
FOLDERS = st.builds(folder, st.sampled_from(NAMES))
WHITEOUTS = st.sampled_from([file(".wh.a"), file(".wh.b"), file("a/.wh.x"), file("a/.wh..wh..opq"), file(".wh..wh..opq")])
LAYER = st.lists(st.one_of(FILES, FOLDERS, WHITEOUTS), max_size=5)


def model(layers: list[list[Planted]]) -> dict[str, bytes | None]:
    """The same on a dictionary of paths to contents, None for a directory: slow, and with no tree at all."""
    seen: dict[str, bytes | None] = {}
    for members in layers:
        for member, _ in members:
            where, _, base = member.name.rpartition("/")
            inside = f"{where}/" if where else ""
            gone = inside if base == ".wh..wh..opq" else f"{inside}{base.removeprefix('.wh.')}"
            if base == ".wh..wh..opq" and (inside == "" or seen.get(where, b"") is None):
                seen = {path: data for path, data in seen.items() if not path.startswith(gone)}
            elif base.startswith(".wh.") and base != ".wh..wh..opq":
                seen = {path: data for path, data in seen.items() if path != gone and not path.startswith(f"{gone}/")}
        for member, data in members:
            if ".wh." in member.name:
                continue
            parts = member.name.split("/")
            for depth in range(1, len(parts)):
                seen["/".join(parts[:depth])] = None
            if member.isdir():
                seen[member.name] = None
            else:
                seen = {path: old for path, old in seen.items() if not path.startswith(f"{member.name}/")}
                seen[member.name] = data
    return seen


@settings(deadline=None)
@given(st.lists(LAYER, max_size=4))
def test_the_tree_is_that_of_a_plain_dictionary(layers: list[list[Planted]]) -> None:
    found = {row.path: row.type == "directory" for row in paths(upon(*layers))}
    assert found == {path: data is None for path, data in model(layers).items()}


@settings(deadline=None)
@given(st.lists(LAYER, max_size=4))
def test_the_timeline_added_up_is_the_tree(layers: list[list[Planted]]) -> None:
    found = upon(*layers)
    seen: set[str] = set()
    for step in steps(found):
        if step.change == "added":
            assert step.path not in seen
            seen.add(step.path)
        else:
            assert step.path in seen
        if step.change in ("deleted", "hidden"):
            seen.remove(step.path)
    assert sorted(seen) == sorted(names(found))


@settings(deadline=None)
@given(st.lists(LAYER, max_size=4))
def test_what_is_seen_and_what_is_left_over_is_every_file(layers: list[list[Planted]]) -> None:
    indexed = indexes(*layers)
    found = layer_all(indexed)
    seen = {(row.content_layer, row.content_index) for row in paths(found) if row.type == "file"}
    rest = {(one.layer, one.index) for one in leftovers(indexed, found)}
    everything = {
        (one.position, member.number)
        for one in indexed
        for member in one.members
        if (member.type, member.whiteout) == ("file", "none")
    }
    assert not seen & rest
    assert seen | rest == everything
