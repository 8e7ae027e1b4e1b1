"""Typed decoding: how Go 1.4 filled a value, and the first thing it complained about."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.errors import GoJSONError
from toolkit.go_json.decode import (
    BOOL,
    EMPTY_STRUCT,
    INT,
    INT64,
    RAW,
    STRING,
    STRINGS,
    Custom,
    GoType,
    Map,
    Pointer,
    Scalar,
    Slice,
    Struct,
    fold,
    from_node,
    members,
    plain,
    unmarshal,
)
from toolkit.go_json.scan import parse

ITEM = Struct("item", (("a", INT), ("b", STRING)))
ITEMS = Struct("box", (("items", Slice("[]item", ITEM)),))
LABELS = Map("map[string]string", STRING)
SET = Map("map[string]struct {}", EMPTY_STRUCT)
BOX = Struct("box", (("name", STRING), ("size", INT64), ("inner", ITEM), ("link", Pointer(ITEM)), ("labels", LABELS)))


def refusal(text: bytes, go_type: GoType) -> GoJSONError:
    with pytest.raises(GoJSONError) as caught:
        unmarshal(text, go_type)
    return caught.value


@pytest.mark.parametrize(
    ("text", "go_type", "value"),
    [
        (b'"x"', STRING, "x"),
        (b"true", BOOL, True),
        (b"-7", INT, -7),
        (b"-0", INT64, 0),
        (b"9223372036854775807", INT64, 2**63 - 1),
        (b"-9223372036854775808", INT64, -(2**63)),
        (b"null", STRING, ""),
        (b"null", INT, 0),
        (b"null", BOOL, False),
        (b"null", STRINGS, None),
        (b"null", LABELS, None),
        (b"null", Pointer(ITEM), None),
        (b"null", ITEM, {"a": 0, "b": ""}),
        (b"[]", STRINGS, []),
        (b'["a",null]', STRINGS, ["a", ""]),
        (b"{}", LABELS, {}),
        (b'{"k":"v","n":null}', LABELS, {"k": "v", "n": ""}),
        (b'{"k":{"x":1},"n":null}', SET, {"k": {}, "n": {}}),
        (b"{}", ITEM, {"a": 0, "b": ""}),
        (b'{"b":"y","unknown":[1,{"a":5}]}', ITEM, {"a": 0, "b": "y"}),
        (b"{}", Pointer(ITEM), {"a": 0, "b": ""}),
        (b' {"q": 1.0} ', RAW, b'{"q": 1.0}'),
    ],
)
def test_a_value_is_filled(text: bytes, go_type: GoType, value: Any) -> None:
    assert unmarshal(text, go_type) == value


@pytest.mark.parametrize(
    ("text", "go_type", "what", "into"),
    [
        (b"[]", STRING, "array", "string"),
        (b"{}", STRING, "object", "string"),
        (b"true", STRING, "bool", "string"),
        (b"5", STRING, "number", "string"),
        (b'"x"', INT64, "string", "int64"),
        (b"1.0", INT64, "number 1.0", "int64"),
        (b"1e3", INT64, "number 1e3", "int64"),
        (b"9223372036854775808", INT64, "number 9223372036854775808", "int64"),
        (b"-9223372036854775809", INT64, "number -9223372036854775809", "int64"),
        (b"1" + b"0" * 5000, INT64, "number 1" + "0" * 5000, "int64"),
        (b'"true"', BOOL, "string", "bool"),
        (b"0", BOOL, "number", "bool"),
        (b'"x"', STRINGS, "string", "[]string"),
        (b"{}", STRINGS, "object", "[]string"),
        (b"1", STRINGS, "number", "[]string"),
        (b"[]", LABELS, "array", "map[string]string"),
        (b'{"a":"x"}', SET, "string", "struct {}"),
        (b"[]", ITEM, "array", "item"),
        (b'"x"', Pointer(ITEM), "string", "item"),
        (b"[]", Scalar("digest.Digest", "string"), "array", "digest.Digest"),
    ],
)
def test_a_wrong_type_is_named_as_go_names_it(text: bytes, go_type: GoType, what: str, into: str) -> None:
    error = refusal(text, go_type)
    assert error.message == f"json: cannot unmarshal {what} into Go value of type {into}"
    assert (error.expected, error.actual) == (into, what)


def test_a_syntax_error_comes_before_any_wrong_type() -> None:
    assert refusal(b'{"a":"x",}', ITEM).message == "invalid character '}' looking for beginning of object key string"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"a":"x","b":[]}', "json: cannot unmarshal string into Go value of type int"),
        (b'{"a":1.5,"b":[]}', "json: cannot unmarshal number 1.5 into Go value of type int"),
        (b'{"b":[],"a":1.5}', "json: cannot unmarshal array into Go value of type string"),
        (b'{"a":"x","b":5}', "json: cannot unmarshal number into Go value of type string"),
    ],
)
def test_the_first_wrong_type_counts_unless_a_number_ends_it_all(text: bytes, message: str) -> None:
    assert refusal(text, ITEM).message == message


def test_a_refusal_tells_where_the_value_stood() -> None:
    assert refusal(b'{"a": "x"}', ITEM).where == "byte 6"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (b'{"size":1}', 1),
        (b'{"SIZE":2}', 2),
        (b'{"Size":2,"size":1}', 1),
        (b'{"size":1,"sIzE":2}', 2),
        ('{"\u017fize":3}'.encode(), 3),
        (b'{"\\u017fize":3}', 3),
        (b'{"siz\xc3\xa9":4}', 0),
    ],
)
def test_a_key_meets_a_field_in_any_case_and_the_last_one_counts(text: bytes, size: int) -> None:
    assert unmarshal(text, BOX)["size"] == size


def test_of_two_fields_that_fold_alike_the_exact_one_is_meant() -> None:
    both = Struct("both", (("id", STRING), ("ID", STRING)))
    assert unmarshal(b'{"ID":"upper","id":"lower"}', both) == {"id": "lower", "ID": "upper"}


@pytest.mark.parametrize(
    ("name", "folded"), [("Size", "size"), ("\u017fi\u212aE", "sike"), ("É", "É"), ("v1Compatibility", "v1compatibility")]
)
def test_folding_knows_ascii_the_long_s_and_the_kelvin_sign(name: str, folded: str) -> None:
    assert fold(name) == folded


def test_a_repeated_key_merges_structs_and_maps_and_overwrites_scalars() -> None:
    text = b'{"inner":{"a":1,"b":"x"},"inner":{"b":"y"},"labels":{"k":"1","l":"2"},"labels":{"k":"3"},"name":"p","name":"q"}'
    value = unmarshal(text, BOX)
    assert value["inner"] == {"a": 1, "b": "y"}
    assert value["labels"] == {"k": "3", "l": "2"}
    assert value["name"] == "q"


@pytest.mark.parametrize(
    ("text", "link"),
    [
        (b'{"link":{"a":1},"link":{"b":"x"}}', {"a": 1, "b": "x"}),
        (b'{"link":{"a":1},"link":null}', None),
        (b'{"link":{"a":1},"link":null,"link":{"b":"x"}}', {"a": 0, "b": "x"}),
        (b'{"link":{"a":1},"link":{"a":null}}', {"a": 1, "b": ""}),
    ],
)
def test_null_forgets_a_pointer_and_leaves_a_scalar(text: bytes, link: Any) -> None:
    assert unmarshal(text, BOX)["link"] == link


def test_null_forgets_a_map() -> None:
    assert unmarshal(b'{"labels":{"k":"1"},"labels":null}', BOX)["labels"] is None


@pytest.mark.parametrize(
    ("texts", "items"),
    [
        (["[{1}]", "[{}]"], [1]),
        (["[{1},{2}]", "[{}]"], [1]),
        (["[{1},{2},{3}]", "[{}]", "[{},{}]"], [1, 2]),
        (["[{1},{2},{3}]", "[{9}]", "[{},{},{},{}]"], [9, 2, 3, 0]),
        (["[{1},{2},{3},{4},{5},{6}]", "[{}]", "[{},{},{},{},{},{},{}]"], [1, 2, 3, 4, 5, 6, 0]),
        (["[{1}]", "[null]"], [1]),
        (["[{1},{2}]", "[]", "[{},{}]"], [0, 0]),
        (["[{1}]", "null", "[{}]"], [0]),
    ],
)
def test_a_repeated_list_is_overwritten_from_its_start_and_keeps_what_is_not_mentioned(
    texts: list[str], items: list[int]
) -> None:
    lists = [text.translate({ord(digit): f'"a":{digit}' for digit in "123456789"}) for text in texts]
    document = "{" + ",".join(f'"items":{one}' for one in lists) + "}"
    assert [item["a"] for item in unmarshal(document.encode(), ITEMS)["items"]] == items


def test_an_empty_list_is_not_nil() -> None:
    assert unmarshal(b'{"items":[]}', ITEMS)["items"] == []
    assert unmarshal(b'{"items":[1],"items":null}'.replace(b"1", b"{}"), ITEMS)["items"] is None


def test_a_type_with_a_reader_of_its_own_gets_the_raw_text() -> None:
    def shout(raw: bytes) -> bytes:
        return raw.upper()

    box = Struct("box", (("must", Custom(shout, b"zero")), ("may", Custom(shout, None, nullable=True))))
    assert unmarshal(b'{"must": [ "a" ] ,"may":"b"}', box) == {"must": b'[ "A" ]', "may": b'"B"'}
    assert unmarshal(b'{"must":null,"may":null}', box) == {"must": b"NULL", "may": None}
    assert unmarshal(b"{}", box) == {"must": b"zero", "may": None}


def test_an_error_of_such_a_reader_ends_it_all() -> None:
    def fail(raw: bytes) -> None:
        raise GoJSONError("its own words")

    box = Struct("box", (("name", STRING), ("own", Custom(fail, None))))
    assert refusal(b'{"name":[],"own":1}', box).message == "its own words"


def test_a_value_can_be_decoded_out_of_a_larger_text() -> None:
    text = b'{"x": {"a": 7}}'
    assert from_node(dict(parse(text).value)["x"], text, ITEM) == {"a": 7, "b": ""}


def test_members_are_the_last_of_each_name_and_null_has_none() -> None:
    text = b'{"a":1,"b":2,"a":3}'
    assert {name: node.value for name, node in members(text, "map").items()} == {"a": "3", "b": "2"}
    assert members(b"null", "map") == {}


@pytest.mark.parametrize(("text", "what"), [(b"[]", "array"), (b"5", "number"), (b'"x"', "string"), (b"true", "bool")])
def test_members_of_anything_else_are_refused(text: bytes, what: str) -> None:
    with pytest.raises(GoJSONError) as caught:
        members(text, "map[string]json.RawMessage")
    assert caught.value.message == f"json: cannot unmarshal {what} into Go value of type map[string]json.RawMessage"


def test_an_untyped_value_has_floats_only_and_the_last_of_repeated_names() -> None:
    value = plain(parse(b'{"a":[1,-2.5e1,"x",true,null,{}],"b":1,"b":2}'))
    assert value == {"a": [1.0, -25.0, "x", True, None, {}], "b": 2.0}
    assert isinstance(value["b"], float)


@pytest.mark.parametrize("literal", ["1e400", "-1e400"])
def test_an_untyped_number_must_fit_a_float(literal: str) -> None:
    with pytest.raises(GoJSONError) as caught:
        plain(parse(f"[{literal}]".encode()))
    assert caught.value.message == f"json: cannot unmarshal number {literal} into Go value of type float64"
