"""Image configurations: the exact bytes that are hashed, kept raw or written back."""

from __future__ import annotations

import pytest

from toolkit.errors import ImageConfigError
from toolkit.identity.image_config import derive, image_config, is_older

LAYER = "sha256:" + "1" * 64
PARENT = "sha256:" + "2" * 64


def raw(members: str, parent: str | None = PARENT) -> str:
    """Make the configuration of a text that Docker 1.9.0 wrote."""
    text = f'{{"docker_version":"1.9.0"{"," if members else ""}{members}}}'
    return image_config(text.encode(), LAYER, parent).decode()


def refusal(text: str, layer: str = LAYER, parent: str = PARENT) -> ImageConfigError:
    with pytest.raises(ImageConfigError) as caught:
        image_config(text.encode(), layer, parent)
    return caught.value


def test_names_are_sorted_and_both_digests_are_set() -> None:
    assert raw('"z":1,"a":2,"Z":3') == (
        f'{{"Z":3,"a":2,"docker_version":"1.9.0","layer_id":"{LAYER}","parent_id":"{PARENT}","z":1}}'
    )


@pytest.mark.parametrize("parent", [None, ""])
def test_the_base_has_no_parent(parent: str | None) -> None:
    assert raw("", parent) == f'{{"docker_version":"1.9.0","layer_id":"{LAYER}"}}'


def test_a_parent_id_that_came_with_the_base_survives() -> None:
    """W9."""
    assert '"parent_id":"sha256:99"' in raw('"parent_id":"sha256:99"', None)
    assert '"parent_id":"sha256:99"' not in raw('"parent_id":"sha256:99"')
    assert "sha256:99" not in raw('"layer_id":"sha256:99"', None)


def test_three_names_are_taken_out_in_their_exact_spelling_only() -> None:
    config = raw('"id":"i","parent":"p","Size":5,"ID":"I","PARENT":"P","SIZE":6,"siZe":7')
    assert config == (
        f'{{"ID":"I","PARENT":"P","SIZE":6,"docker_version":"1.9.0","layer_id":"{LAYER}","parent_id":"{PARENT}","siZe":7}}'
    )


@pytest.mark.parametrize(
    ("member", "kept"),
    [
        ('"a": [ 1.0 , 1E+5 , -0 ]', '"a":[1.0,1E+5,-0]'),
        ('"a":"\\u003C\\/\\u00e9\\ud800<"', '"a":"\\u003C\\/\\u00e9\\ud800\\u003c"'),
        ('"\\u0061":1', '"a":1'),
        ('"<":1', '"\\u003c":1'),
        ('"a":{"b":1,"b":2}', '"a":{"b":1,"b":2}'),
        ('"a":1,"a":null', '"a":null'),
        ('"created":"2015-10-20T01:02:03.100Z"', '"created":"2015-10-20T01:02:03.100Z"'),
        ('"throwaway":true', '"throwaway":true'),
    ],
)
def test_raw_values_are_kept_byte_for_byte(member: str, kept: str) -> None:
    assert kept in raw(member)


@pytest.mark.parametrize("version", [None, "", "1.8.2", "1.8.3-rc1", "1.8", "0.9", "v1.9", "dev"])
def test_a_text_of_an_older_docker_is_read_and_written_back(version: str | None) -> None:
    member = "null" if version is None else f'"{version}"'
    config = derive(f'{{"id":"x","docker_version":{member},"a":1,"created":"2015-10-20T01:02:03.100Z"}}'.encode(), LAYER)
    assert config.derivation == "re-marshalled"
    assert config.data.startswith(b'{"container_config":{"Hostname":"","Domainname":""')
    assert b'"a":1' not in config.data
    assert b'"created":"2015-10-20T01:02:03.1Z"' in config.data
    assert config.source.startswith(b'{"id":"x","created":')


@pytest.mark.parametrize("version", ["1.8.3", "1.9.0-dev", "1.10", "2", "+1.9", "1.8.3.1"])
def test_a_text_of_a_newer_docker_is_kept(version: str) -> None:
    text = f'{{"docker_version":"{version}","a":1}}'.encode()
    config = derive(text, LAYER)
    assert (config.derivation, config.source) == ("raw", text)
    assert config.data == f'{{"a":1,"docker_version":"{version}","layer_id":"{LAYER}"}}'.encode()


@pytest.mark.parametrize(
    ("text", "message", "where"),
    [
        ("{", "unexpected end of JSON input", "byte 1"),
        ("[]", "json: cannot unmarshal array into Go value of type image.Image", "byte 0"),
        ('{"docker_version":"1.9.0","id":[]}', "json: cannot unmarshal array into Go value of type string", "byte 31"),
        (
            '{"docker_version":"1.9.0","created":"x"}',
            'parsing time ""x"" as ""2006-01-02T15:04:05Z07:00"": cannot parse "x"" as "2006"',
            "v1Compatibility",
        ),
        (
            '{"created":"0000-01-00T00:00:00Z"}',
            "json: error calling MarshalJSON for type time.Time: Time.MarshalJSON: year outside of range [0,9999]",
            "v1Compatibility",
        ),
    ],
)
def test_a_text_that_cannot_be_read_gives_no_configuration(text: str, message: str, where: str) -> None:
    error = refusal(text)
    assert (error.message, error.where) == (message, where)
    assert "layerproof explain" in error.next_step


@pytest.mark.parametrize(
    ("layer", "parent", "message"),
    [
        ("sha256:xyz", PARENT, "invalid layerID: invalid checksum digest format"),
        ("", PARENT, "invalid layerID: invalid checksum digest format"),
        ("md5:ab", "md5:ab", "invalid layerID: unsupported digest algorithm"),
        (LAYER, "sha256:", "invalid parentID invalid checksum digest format"),
        (LAYER, "md5:ab", "invalid parentID unsupported digest algorithm"),
    ],
)
def test_what_is_no_digest_is_refused_and_only_the_layer_s_text_has_a_colon(layer: str, parent: str, message: str) -> None:
    error = refusal('{"docker_version":"1.9.0"}', layer, parent)
    assert error.message == message
    assert error.actual == (layer if "layerID" in message else parent)


def test_a_digest_is_written_as_a_fresh_string() -> None:
    config = image_config(b'{"docker_version":"1.9.0"}', "tarsum+sha256:ab<&>")
    assert config == b'{"docker_version":"1.9.0","layer_id":"tarsum+sha256:ab\\u003c\\u0026\\u003e"}'


@pytest.mark.parametrize(
    ("left", "right", "older"),
    [
        ("1.8.3", "1.8.3", False),
        ("1.8.2", "1.8.3", True),
        ("1.8.4", "1.8.3", False),
        ("1.10", "1.9", False),
        ("1", "1.0.0", False),
        ("1.0.221.9289", "1.05.00.0156", True),
        ("1.05.00.0156", "1.0.221.9289", False),
        ("1.8.-1", "1.8", True),
        ("1.8.+3", "1.8.3", False),
        ("1.8. 3", "1.8.3", True),
        ("1.8.٣", "1.8.3", True),
        ("1.8.1_0", "1.8.3", True),
        ("-", "0", False),
        ("99999999999999999999", "9223372036854775807", False),
        ("9223372036854775807", "99999999999999999999", False),
        ("9223372036854775806", "99999999999999999999", True),
        ("-99999999999999999999", "-9223372036854775808", False),
        ("-99999999999999999999", "-9223372036854775807", True),
        ("0000000000000000000000000001", "1", False),
    ],
)
def test_versions_are_compared_component_by_component(left: str, right: str, *, older: bool) -> None:
    assert is_older(left, right) is older
