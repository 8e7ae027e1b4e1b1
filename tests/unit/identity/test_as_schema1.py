"""The ages of image identity: the schema1 a registry would make of a newer image. Expected texts are docker-registry 2.8.2's."""

from __future__ import annotations

import gzip
import json
from typing import Any, Final

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.places import CORPUS, needs_corpus

import toolkit as tk
from toolkit.digests import sha256
from toolkit.errors import DigestSyntaxError, ImageConfigError
from toolkit.identity.as_schema1 import EMPTY_LAYER, schema1_entries, strong_ids_as_schema1, v1_chain
from toolkit.identity.chain_id import chain_ids
from toolkit.records import StrongID
from toolkit.simulator.images import LayerRecipe, build_image

A: Final = "sha256:deb230b21e0d7ef6a0a2d65a19599d4251b5f08888a5155882fbef2ef71e1e11"
B: Final = "sha256:67160fc46a1f66d98d857e8fad4ac1f7b10fc491bf741ee9878070dfd3af634d"
DIFF_A: Final = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
DIFF_B: Final = "sha256:4fd49f9bdb750657b15e232707d8a60711b26d00a9875aa77faf67a6480fa8ea"
ID_OF_A: Final = "19367937cc184ab3dd46c48da4c0d4ae07b3ecc51936b624c58b21cb6c3d4266"
ID_OF_EMPTY: Final = "3690474eb5b4b26fdfbd89c6e159e8cc376ca76ef48032a30fa6aafd56337880"


def texts(config: bytes, *layers: str) -> list[str]:
    """The v1Compatibility texts, base first."""
    return [entry.v1_compatibility.decode() for entry in schema1_entries(config, layers)]


def two(history: str, more: str = "") -> bytes:
    """A config of two layers."""
    return f'{{"rootfs":{{"diff_ids":["x","y"]}},"history":[{history}]{more}}}'.encode()


def refusal(config: bytes, *layers: str) -> ImageConfigError:
    with pytest.raises(ImageConfigError) as caught:
        schema1_entries(config, layers)
    return caught.value


def test_an_empty_step_is_thrown_away_and_the_top_is_the_config_made_over() -> None:
    config = (
        b'{"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": ['
        b'"' + DIFF_A.encode() + b'"]}, "history": [{"created": "2020-01-02T03:04:05Z", "created_by": "a"}, '
        b'{"created": "2020-01-02T03:04:05Z", "created_by": "b", "empty_layer": true}]}'
    )
    base, top = schema1_entries(config, [A])
    assert base.v1_compatibility.decode() == (
        f'{{"id":"{ID_OF_A}","created":"2020-01-02T03:04:05Z","container_config":{{"Cmd":["a"]}}}}'
    )
    top_id = "badec206da04fa209a5ea760b6c16b149110d4cc61c8e522fdc1054a289a7abd"
    assert top.v1_compatibility.decode() == (
        f'{{"architecture":"amd64","config":{{}},"id":"{top_id}","os":"linux","parent":"{ID_OF_A}","throwaway":true}}'
    )
    assert (base.position, base.layer_digest, base.v1_id, base.parent, base.empty) == (0, A, ID_OF_A, "", False)
    assert (top.position, top.layer_digest, top.v1_id, top.parent, top.empty) == (1, EMPTY_LAYER, top_id, ID_OF_A, True)


def test_strings_are_written_anew_below_the_top_and_kept_at_the_top() -> None:
    config = (
        r'{"rootfs":{"diff_ids":["x","y"]},"history":[{"created_by":"\u0000\u0001\b\f\t\n\r\u007f\u2028<>& é 😀 \ud800 \/",'
        '"comment":"c","author":"é<"},{"created":null,"created_by":"t"}],'
        '"zz":"é<\\u2028\u2028 1\\/", "a" : [1.0, 1e5 ,null]}'
    ).encode()
    base, top = texts(config, A, B)
    assert base == (
        f'{{"id":"{ID_OF_A}","comment":"c","created":"0001-01-01T00:00:00Z","container_config":{{"Cmd":['
        r'"\u0000\u0001\u0008\u000c\t\n\r' + "\x7f" + r"\u2028\u003c\u003e\u0026 é 😀 "
        '\ufffd /"]},"author":"é\\u003c"}'
    )
    assert top == (
        f'{{"a":[1.0,1e5,null],"id":"29a79a7360580d5f93078dfde4597d42b4e6ebc84dd5e9c1534f0a2285380108","parent":"{ID_OF_A}",'
        r'"zz":"é\u003c\u2028\u2028 1\/"}'
    )


def test_bytes_that_are_no_text_are_replaced_but_hashed_as_they_were() -> None:
    config = (
        b'{"rootfs":{"diff_ids":["x","y"]},"history":[{"created_by":"\xff\xc3("},{"created_by":"t"}],'
        b'"z":"\xff\xe2\x82", "\xff":1}'
    )
    base, top = texts(config, A, B)
    assert '"Cmd":["\ufffd\ufffd("]' in base
    assert top == (
        '{"id":"fa07a8216fc7652f3b5037f3fb018830e6df3baba1227a11f90bdf91c3d51846",'
        f'"parent":"{ID_OF_A}","z":"\ufffd\ufffd\ufffd","\ufffd":1}}'
    )


def test_names_are_sorted_as_bytes_and_null_stays() -> None:
    config = two("{},{}", r',"n":null,"":1,"\ud83d\ude00":1,"\uffff":2,"<":3')
    assert texts(config, A, B)[1] == (
        r'{"":1,"\u003c":3,"id":"3f623ea6ba3664c09ec09574b1047337bba3eb63ab457eb92a25fb7b0360fa44","n":null,'
        f'"parent":"{ID_OF_A}","\uffff":2,"😀":1}}'
    )


def test_names_in_other_capitals_are_read_yet_not_taken_out() -> None:
    config = (
        b'{"RootFS":{"DIFF_IDS":["x"]},"History":[{"Created_By":"x","empty_layer":true},{"created_by":"t"}],'
        b'"ID":"q","id":"w","parent":"zz","throwaway":false}'
    )
    base, top = texts(config, A)
    assert base == (
        f'{{"id":"{ID_OF_EMPTY}","created":"0001-01-01T00:00:00Z","container_config":{{"Cmd":["x"]}},"throwaway":true}}'
    )
    assert top == (
        '{"History":[{"Created_By":"x","empty_layer":true},{"created_by":"t"}],"ID":"q","RootFS":{"DIFF_IDS":["x"]},'
        f'"id":"4e6aba649dbba0c66c11a50e2d0491867d38c7ceb2e56ccc4430de27054a83f4","parent":"{ID_OF_EMPTY}","throwaway":false}}'
    )


def test_a_single_step_keeps_the_parent_its_config_brought_along() -> None:
    config = b'{"rootfs":{"diff_ids":["x"]},"history":[{"created_by":"x"}],"parent":"zz","throwaway":false,"id":3}'
    (only,) = schema1_entries(config, [A])
    assert only.parent == ""
    assert only.v1_compatibility == (
        b'{"id":"0864699e33cda2eaef91c386cac00b1dcf23d4cc0f7714b9d9f3b33e96f36baf","parent":"zz","throwaway":false}'
    )


def test_of_repeated_names_the_later_is_decoded_over_the_earlier() -> None:
    config = (
        b'{"rootfs":{"diff_ids":[]},"history":[{"created_by":"x","empty_layer":true,"author":"A"},{"created_by":"t"}],'
        b'"history":[{"created_by":"y"},{"empty_layer":true}],"k":1,"k":2}'
    )
    base, top = texts(config)
    assert base == (
        f'{{"id":"{ID_OF_EMPTY}","created":"0001-01-01T00:00:00Z","container_config":{{"Cmd":["y"]}},'
        '"author":"A","throwaway":true}'
    )
    assert '"k":2' in top


@pytest.mark.parametrize(
    ("history", "base_id", "base_parent", "top_id"),
    [
        pytest.param(
            '{"created_by": "a"}, {"created_by": "b"}',
            ID_OF_A,
            "f9b92467f97d67816dcea00db4b2d86f6b8904d568f3bae80afdabdc1701f476",
            "1cda2b53e1d7f42f007db91fab70da9e5d4a76ed5319a9048baccff8b4422236",
            id="two steps",
        ),
        pytest.param(
            '{"created_by": "a"}',
            "6c1edfd3c9c374767bb5b025357f666ee749a164d47cec1cbc0ba57aa7e0be03",
            "",
            "6c1edfd3c9c374767bb5b025357f666ee749a164d47cec1cbc0ba57aa7e0be03",
            id="one step: nothing below it",
        ),
    ],
)
def test_a_windows_base_names_what_lies_below_it(history: str, base_id: str, base_parent: str, top_id: str) -> None:
    count = history.count("created_by")
    diff_ids = ", ".join(f'"{diff_id}"' for diff_id in (DIFF_A, DIFF_B)[:count])
    config = (
        f'{{"rootfs": {{"type": "layers+base", "base_layer": "win", "diff_ids": [{diff_ids}]}}, "history": [{history}]}}'
    ).encode()
    entries = schema1_entries(config, [A, B][:count])
    assert (entries[0].v1_id, entries[0].parent) == (base_id, base_parent)
    assert entries[-1].v1_id == top_id


@pytest.mark.parametrize(
    ("created", "written"),
    [
        ('"2020-02-03T04:05:06.120000+02:00"', '"2020-02-03T04:05:06.12+02:00"'),
        ('"2015-02-21T1:00:00Z"', '"2015-02-21T01:00:00Z"'),
        ('"2015-02-21T01:00:00+00:00"', '"2015-02-21T01:00:00Z"'),
        ('"2015-02-21T01:00:00+99:00"', '"2015-02-21T01:00:00+99:00"'),
        ('"2015-02-21T01:00:00+-1:00"', '"2015-02-21T01:00:00-01:00"'),
        ('"2015-02-21T01:00:00,5Z"', '"2015-02-21T01:00:00.5Z"'),
        ('"2015-02-21T01:00:00.12345678999999999999999999999999Z"', '"2015-02-21T01:00:00.123456789Z"'),
        ('"0000-02-29T01:00:00.1200Z"', '"0000-02-29T01:00:00.12Z"'),
        ('"9999-12-31T23:59:59.999999999-00:30"', '"9999-12-31T23:59:59.999999999-00:30"'),
        ("null", '"0001-01-01T00:00:00Z"'),
    ],
)
def test_times_are_read_as_the_registry_does(created: str, written: str) -> None:
    assert texts(two(f'{{"created":{created}}},{{}}'), A, B)[0] == (
        f'{{"id":"{ID_OF_A}","created":{written},"container_config":{{"Cmd":[""]}}}}'
    )


@pytest.mark.parametrize(
    ("created", "message"),
    [
        ('"2015-02-31T00:00:00Z"', 'parsing time ""2015-02-31T00:00:00Z"": day out of range'),
        ('"2015-02-00T01:00:00Z"', 'parsing time ""2015-02-00T01:00:00Z"": day out of range'),
        ("5", 'parsing time "5" as ""2006-01-02T15:04:05Z07:00"": cannot parse "5" as """'),
    ],
)
def test_times_the_registry_refuses_are_refused(created: str, message: str) -> None:
    error = refusal(two(f'{{"created":{created}}},{{}}'), A, B)
    assert (error.message, error.where) == (message, "config")
    assert "registry cannot convert" in error.next_step


@pytest.mark.parametrize(
    ("config", "layers", "message", "where", "expected", "actual"),
    [
        (two(""), [A, B], "the config has no history", "history", "at least one entry", "none"),
        (b"null", [], "the config has no history", "history", "at least one entry", "none"),
        (b'{"history":[{"empty_layer":true}]}', [], "the config has no rootfs", "rootfs", "the diff ID of each layer", "none"),
        (two("{},{}"), [A], "the config has another number of diff IDs than the manifest has layers", "rootfs.diff_ids", 1, 2),
        (b'{"rootfs":{},"history":[{}]}', [], "the history tells of more layers than there are", "history", 0, 1),
        (
            two("{}"),
            [A, B],
            "the history tells of fewer layers than there are, and a registry would serve the image without the ones above",
            "history",
            2,
            1,
        ),
    ],
)
def test_a_history_that_does_not_fit_is_refused(
    config: bytes, layers: list[str], message: str, where: str, expected: object, actual: object
) -> None:
    error = refusal(config, *layers)
    assert (error.message, error.where, error.expected, error.actual) == (message, where, expected, actual)
    assert "chain_ids" in error.next_step


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (b"{", "unexpected end of JSON input"),
        (b"[]", "json: cannot unmarshal array into Go value of type schema1.imageConfig"),
        (two('{"created_by":3},{}'), "json: cannot unmarshal number into Go value of type string"),
        (two("{},{}", ',"architecture":3'), "json: cannot unmarshal number into Go value of type string"),
        (
            b'{"rootfs":{"diff_ids":["x"],"base_layer":4},"history":[{}]}',
            "json: cannot unmarshal number into Go value of type string",
        ),
    ],
)
def test_a_config_that_cannot_be_read_is_refused(config: bytes, message: str) -> None:
    error = refusal(config, A, B)
    assert error.message == message
    assert error.where


def test_a_layer_without_a_digest_is_refused() -> None:
    with pytest.raises(DigestSyntaxError, match="'sha256:b' is not a digest"):
        schema1_entries(two("{},{}"), [A, "sha256:b"])


def test_a_config_docker_1_9_cannot_read_has_entries_but_no_strong_ids() -> None:
    config = two("{},{}", ',"config":[]')
    assert len(schema1_entries(config, [A, B])) == 2
    with pytest.raises(ImageConfigError, match="json: cannot unmarshal array") as caught:
        strong_ids_as_schema1(config, [A, B])
    assert caught.value.where.startswith("position 1")


def test_the_three_ages_side_by_side() -> None:
    config = two('{"empty_layer":true},{},{"empty_layer":true},{"created_by":"b"}')
    rows = v1_chain(config, [A, B])
    assert [row.empty for row in rows] == [True, False, True, False]
    assert [row.layer_digest for row in rows] == [EMPTY_LAYER, A, EMPTY_LAYER, B]
    assert [row.diff_id for row in rows] == [None, "x", None, "y"]
    assert [row.chain_id for row in rows] == [None, "x", None, chain_ids(["x", "y"])[1]]
    assert [row.v1_id for row in rows] == [entry.v1_id for entry in schema1_entries(config, [A, B])]
    assert [row.strong_id for row in rows] == [image.strong_id for image in strong_ids_as_schema1(config, [A, B])]
    frame = pd.DataFrame(rows)
    assert frame.columns.tolist() == ["position", "layer_digest", "empty", "v1_id", "strong_id", "diff_id", "chain_id"]
    assert frame["position"].tolist() == [0, 1, 2, 3]


def test_an_image_of_empty_steps_only_has_two_ages() -> None:
    rows = v1_chain(b'{"rootfs":{},"history":[{"empty_layer":true},{"empty_layer":true}]}', [])
    assert [row.chain_id for row in rows] == [None, None]
    assert rows[1].v1_id == "d5b44b53bc2e036fe66902217cb97c2d59aa98fc1cd256b92943f5cb3d3c69af"


def test_the_well_known_empty_layer_is_a_tar_without_files() -> None:
    tar = bytes(1024)
    assert sha256(tar) == "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
    well_known = bytes.fromhex("1f8b080000096e8800ff621805a360148c5800080000ffff2eafb5ef00040000")
    assert gzip.decompress(well_known) == tar
    assert sha256(well_known) == EMPTY_LAYER


@needs_corpus
def test_the_corpus_s_pair() -> None:
    """A schema2 image, and what docker-registry made of it."""
    image = CORPUS / "recipe" / "rc-pub-dir-v2s2"
    manifest = json.loads((CORPUS / "recipe" / "rc-pub-served-schema2.json").read_bytes())
    config = (image / manifest["config"]["digest"].partition(":")[2]).read_bytes()
    layers = [layer["digest"] for layer in manifest["layers"]]
    converted = (CORPUS / "recipe" / "rc-pub-schema2-converted-to-schema1.json").read_bytes()
    document = json.loads(converted)
    entries = schema1_entries(config, layers)
    assert [entry.v1_compatibility.decode() for entry in reversed(entries)] == [
        event["v1Compatibility"] for event in document["history"]
    ]
    assert [entry.layer_digest for entry in reversed(entries)] == [layer["blobSum"] for layer in document["fsLayers"]]
    judged: list[StrongID] = tk.judge(converted, "corpus/app:v2s2", "docker-1.9").records(StrongID)
    assert [row.strong_id for row in judged] == [image.strong_id for image in strong_ids_as_schema1(config, layers)]


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
events = st.fixed_dictionaries(
    {},
    optional={
        "created": st.sampled_from(["2015-10-20T01:02:03Z", "2020-02-29T23:59:59.000000001+05:30", None]),
        "created_by": words,
        "author": words,
        "comment": words,
        "empty_layer": st.booleans(),
    },
)


@given(history=st.lists(events, min_size=1, max_size=8), author=words, odd=st.dictionaries(words, words, max_size=3))
@settings(max_examples=150, deadline=None)
def test_n_entries_in_n_out_and_docker_1_9_takes_them(history: list[dict[str, Any]], author: str, odd: dict[str, str]) -> None:
    """Each history entry becomes one entry, linked to the one below; a manifest of them is accepted under the same names."""
    layers = [sha256(bytes((n,))) for n in range(sum(not event.get("empty_layer", False) for event in history))]
    known = {"author": author, "os": "linux", "rootfs": {"type": "layers", "diff_ids": layers}, "history": history}
    config = json.dumps({f"x-{name}": value for name, value in odd.items()} | known).encode()
    entries = schema1_entries(config, layers)
    assert len(entries) == len(history)
    assert [entry.layer_digest for entry in entries if not entry.empty] == layers
    assert [entry.parent for entry in entries] == ["", *(entry.v1_id for entry in entries[:-1])]
    assert [json.loads(entry.v1_compatibility)["id"] for entry in entries] == [entry.v1_id for entry in entries]
    image = build_image("ages/image", "1", [LayerRecipe("ADD a", {"a": b"1"})]).changed(
        fsLayers=[{"blobSum": entry.layer_digest} for entry in reversed(entries)],
        history=[{"v1Compatibility": entry.v1_compatibility.decode()} for entry in reversed(entries)],
    )
    report = tk.judge(image.body, "ages/image:1", "docker-1.9")
    assert report.outcome == "accepted"
    rows: list[StrongID] = report.records(StrongID)
    assert [row.strong_id for row in rows] == [row.strong_id for row in v1_chain(config, layers)]
