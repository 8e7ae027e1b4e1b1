"""The Image record: what is read, what is dropped, and the order and shape in which it is written back."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.errors import GoJSONError
from toolkit.identity.go_time import GoTime
from toolkit.identity.image_record import read, read_first, write

EMPTY_CONFIG = (
    '{"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":false,"AttachStderr":false,'
    '"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":null,"Cmd":null,"Image":"","Volumes":null,"WorkingDir":"",'
    '"Entrypoint":null,"OnBuild":null,"Labels":null}'
)
EMPTY = f'{{"created":"0001-01-01T00:00:00Z","container_config":{EMPTY_CONFIG}}}'


def written(text: str) -> str:
    return write(read(text.encode())).decode()


def config_of(text: str) -> dict[str, Any]:
    config: dict[str, Any] = read(f'{{"config":{text}}}'.encode())["config"]
    return config


def refusal(text: str) -> str:
    with pytest.raises(GoJSONError) as caught:
        read(text.encode())
    return caught.value.message


@pytest.mark.parametrize("text", ["{}", "null", '{"id":null,"config":null,"Size":null,"unknown":1}'])
def test_an_empty_record_still_has_a_time_and_a_container_config(text: str) -> None:
    assert written(text) == EMPTY


def test_fields_are_written_in_the_order_of_the_record() -> None:
    text = (
        '{"layer_id":"l","parent_id":"p","Size":5,"os":"linux","architecture":"amd64","config":{},"author":"a",'
        '"docker_version":"1.8.2","container_config":{},"container":"c","created":"2015-10-20T01:02:03Z","comment":"k",'
        '"parent":"q","id":"i"}'
    )
    assert written(text) == (
        '{"id":"i","parent":"q","comment":"k","created":"2015-10-20T01:02:03Z","container":"c",'
        f'"container_config":{EMPTY_CONFIG},"docker_version":"1.8.2","author":"a","config":{EMPTY_CONFIG},'
        '"architecture":"amd64","os":"linux","Size":5,"parent_id":"p","layer_id":"l"}'
    )


@pytest.mark.parametrize(
    ("config", "part"),
    [
        ('{"Tty":true}', '"Tty":true'),
        ('{"Env":[]}', '"Env":[]'),
        ('{"Env":["A=<b>",null]}', '"Env":["A=\\u003cb\\u003e",""]'),
        ('{"Cmd":"sh"}', '"Cmd":["sh"]'),
        ('{"Cmd":""}', '"Cmd":[""]'),
        ('{"Cmd":null}', '"Cmd":null'),
        ('{"Cmd":[]}', '"Cmd":[]'),
        ('{"Entrypoint":["a","b"]}', '"Entrypoint":["a","b"]'),
        ('{"Volumes":{}}', '"Volumes":{}'),
        ('{"Volumes":{"/b":{"x":1},"/a":null}}', '"Volumes":{"/a":{},"/b":{}}'),
        ('{"ExposedPorts":{"80/tcp":{}}}', '"AttachStderr":false,"ExposedPorts":{"80/tcp":{}},"Tty"'),
        ('{"Labels":{"k":null,"a":"b"}}', '"Labels":{"a":"b","k":""}'),
        ('{"PublishService":"s"}', '"PublishService":"s","Tty"'),
        ('{"NetworkDisabled":true}', '"Entrypoint":null,"NetworkDisabled":true,"OnBuild"'),
        ('{"MacAddress":"m"}', '"MacAddress":"m","OnBuild"'),
        ('{"OnBuild":["RUN x"]}', '"OnBuild":["RUN x"]'),
        ('{"StopSignal":"SIGINT"}', '"Labels":null,"StopSignal":"SIGINT"}'),
        ('{"hostNAME":"h"}', '"Hostname":"h"'),
    ],
)
def test_a_configuration_is_written_member_by_member(config: str, part: str) -> None:
    assert part in written(f'{{"config":{config}}}')


@pytest.mark.parametrize("empty", ['{"ExposedPorts":{},"NetworkDisabled":false,"StopSignal":""}', '{"Memory":5,"PortSpecs":[]}'])
def test_what_is_empty_or_unknown_is_left_out(empty: str) -> None:
    assert f'"config":{EMPTY_CONFIG}' in written(f'{{"config":{empty}}}')


def test_a_repeated_configuration_merges_and_null_takes_it_away() -> None:
    text = '{"config":{"Env":["a"],"Labels":{"x":"1"}},"config":{"User":"u","Labels":{"y":"2"}}}'
    config = read(text.encode())["config"]
    assert (config["Env"], config["User"], config["Labels"]) == (["a"], "u", {"x": "1", "y": "2"})
    assert read(b'{"config":{"User":"u"},"config":null}')["config"] is None


@pytest.mark.parametrize(("text", "words"), [('"sh -c x"', ["sh -c x"]), ('["a",null]', ["a", ""]), ("[]", []), ("null", None)])
def test_a_command_is_a_list_or_one_word(text: str, words: list[str] | None) -> None:
    assert config_of(f'{{"Cmd":{text}}}')["Cmd"] == words


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"config":{"Cmd":["a",5]}}', "json: cannot unmarshal array into Go value of type string"),
        ('{"config":{"Cmd":{}}}', "json: cannot unmarshal object into Go value of type string"),
        ('{"config":{"Entrypoint":5}}', "json: cannot unmarshal number into Go value of type string"),
        ('{"config":{"Entrypoint":true}}', "json: cannot unmarshal bool into Go value of type string"),
        ('{"config":[]}', "json: cannot unmarshal array into Go value of type runconfig.Config"),
        ('{"config":{"ExposedPorts":[]}}', "json: cannot unmarshal array into Go value of type map[nat.Port]struct {}"),
        ('{"config":{"Volumes":{"/a":"x"}}}', "json: cannot unmarshal string into Go value of type struct {}"),
        ('{"config":{"Labels":"x"}}', "json: cannot unmarshal string into Go value of type map[string]string"),
        ('{"Size":1.0}', "json: cannot unmarshal number 1.0 into Go value of type int64"),
        ('{"layer_id":[]}', "json: cannot unmarshal array into Go value of type digest.Digest"),
        ("[]", "json: cannot unmarshal array into Go value of type image.Image"),
        ('{"created":null}', 'parsing time "null" as ""2006-01-02T15:04:05Z07:00"": cannot parse "null" as """'),
        ('{"id":[],"created":5}', 'parsing time "5" as ""2006-01-02T15:04:05Z07:00"": cannot parse "5" as """'),
        ('{"id":"x"} y', "invalid character 'y' after top-level value"),
    ],
)
def test_a_text_that_is_no_record_is_refused_in_go_s_words(text: str, message: str) -> None:
    assert refusal(text) == message


def test_a_time_is_read_as_one() -> None:
    assert read(b'{"created":"2015-10-20T01:02:03Z"}')["created"] == GoTime(2015, 10, 20, 1, 2, 3)


def test_of_a_file_only_the_first_record_is_read() -> None:
    assert read_first(b' {"id":"x"}{"id":"y"} trailing')["id"] == "x"
    with pytest.raises(GoJSONError, match=r"^EOF"):
        read_first(b"\n")
