"""Schema1: what Docker 1.9 read out of a manifest, whatever another reader would see."""

from __future__ import annotations

import pytest

from toolkit.errors import GoJSONError
from toolkit.manifests.schema1 import Schema1Manifest, first_value, read

EMPTY = Schema1Manifest(schema_version=0, name="", tag="", architecture="", blob_sums=(), history=())


def test_a_manifest_is_read_top_first() -> None:
    manifest = read(
        b'{"schemaVersion":1,"name":"library/app","tag":"1","architecture":"amd64",'
        b'"fsLayers":[{"blobSum":"sha256:aa"},{"blobSum":"sha256:bb"}],'
        b'"history":[{"v1Compatibility":"{\\"id\\":1}"},{"v1Compatibility":""}],"signatures":[],"mediaType":5}'
    )
    assert manifest == Schema1Manifest(
        schema_version=1,
        name="library/app",
        tag="1",
        architecture="amd64",
        blob_sums=("sha256:aa", "sha256:bb"),
        history=('{"id":1}', ""),
    )


@pytest.mark.parametrize("text", [b"null", b"{}", b'{"fsLayers":null,"history":null,"name":null}', b'{"fsLayers":[]}'])
def test_what_is_absent_is_zero(text: bytes) -> None:
    assert read(text) == EMPTY


@pytest.mark.parametrize(
    ("text", "blob_sums"),
    [
        (b'{"fsLayers":[{"blobSum":"a"},{"blobSum":"b"}],"fsLayers":[{"blobSum":"c"}]}', ("c",)),
        (b'{"fsLayers":[{"blobSum":"a"}],"FSLayers":[{},{"blobSum":"b"}]}', ("a", "b")),
        (b'{"fsLayers":[{"blobSum":"a"},{"blobSum":"b"}],"fsLayers":[{}],"fsLayers":[{},{}]}', ("a", "b")),
        (b'{"fsLayers":[{"blobSum":"a","BLOBSUM":"b"},null]}', ("b", "")),
    ],
)
def test_a_repeated_list_overwrites_from_index_0(text: bytes, blob_sums: tuple[str, ...]) -> None:
    assert read(text).blob_sums == blob_sums


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"[]", "json: cannot unmarshal array into Go value of type manifest.Manifest"),
        (b'{"schemaVersion":"1"}', "json: cannot unmarshal string into Go value of type int"),
        (b'{"schemaVersion":1.0}', "json: cannot unmarshal number 1.0 into Go value of type int"),
        (b'{"fsLayers":{}}', "json: cannot unmarshal object into Go value of type []manifest.FSLayer"),
        (b'{"fsLayers":["a"]}', "json: cannot unmarshal string into Go value of type manifest.FSLayer"),
        (b'{"fsLayers":[{"blobSum":1}]}', "json: cannot unmarshal number into Go value of type digest.Digest"),
        (b'{"history":true}', "json: cannot unmarshal bool into Go value of type []manifest.History"),
        (b'{"history":[[]]}', "json: cannot unmarshal array into Go value of type manifest.History"),
        (b'{"history":[{"v1Compatibility":{}}]}', "json: cannot unmarshal object into Go value of type string"),
        (b'{"name":"a"', "unexpected end of JSON input"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_refused_in_go_s_words(text: bytes, message: str) -> None:
    with pytest.raises(GoJSONError) as caught:
        read(text)
    assert caught.value.message == message


def test_of_a_body_the_first_value_is_kept_and_the_rest_ignored() -> None:
    assert first_value(b' \n{"a": 1} {"b":2}') == b'{"a": 1}'


@pytest.mark.parametrize(("body", "message"), [(b"", "EOF"), (b"\n", "EOF"), (b'{"a"', "unexpected EOF")])
def test_a_body_without_a_value(body: bytes, message: str) -> None:
    with pytest.raises(GoJSONError) as caught:
        first_value(body)
    assert caught.value.message == message
