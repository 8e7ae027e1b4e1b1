"""The Image record of Docker 1.9: how a v1Compatibility text is read, and how it was written back.

The rule of this file: fields, their order and what is left out when empty are the seed's; a field it does not know is
dropped when the record is written back.
"""

from __future__ import annotations

from typing import Any, Final

from toolkit.errors import GoJSONError
from toolkit.go_json import decode, encode
from toolkit.go_json.decode import BOOL, EMPTY_STRUCT, INT64, STRING, STRINGS, Custom, Map, Pointer, Scalar, Struct
from toolkit.go_json.scan import parse_first
from toolkit.identity import go_time


def _command(raw: bytes) -> list[str] | None:
    """Read Cmd or Entrypoint: a list of strings, or one string."""
    try:
        words: list[str] | None = decode.unmarshal(raw, STRINGS)
    except GoJSONError:
        return [decode.unmarshal(raw, STRING)]
    return words


_COMMAND: Final = Custom(_command, None, nullable=True)
_SET: Final = Map("map[string]struct {}", EMPTY_STRUCT)
_PORTS: Final = Map("map[nat.Port]struct {}", EMPTY_STRUCT)

_CONFIG: Final = Struct(
    "runconfig.Config",
    (
        ("Hostname", STRING),
        ("Domainname", STRING),
        ("User", STRING),
        ("AttachStdin", BOOL),
        ("AttachStdout", BOOL),
        ("AttachStderr", BOOL),
        ("ExposedPorts", _PORTS),
        ("PublishService", STRING),
        ("Tty", BOOL),
        ("OpenStdin", BOOL),
        ("StdinOnce", BOOL),
        ("Env", STRINGS),
        ("Cmd", _COMMAND),
        ("Image", STRING),
        ("Volumes", _SET),
        ("WorkingDir", STRING),
        ("Entrypoint", _COMMAND),
        ("NetworkDisabled", BOOL),
        ("MacAddress", STRING),
        ("OnBuild", STRINGS),
        ("Labels", Map("map[string]string", STRING)),
        ("StopSignal", STRING),
    ),
)
_CONFIG_OMITTED_WHEN_EMPTY: Final = {"ExposedPorts", "PublishService", "NetworkDisabled", "MacAddress", "StopSignal"}

_IMAGE: Final = Struct(
    "image.Image",
    (
        ("id", STRING),
        ("parent", STRING),
        ("comment", STRING),
        ("created", Custom(go_time.parse, go_time.GoTime())),
        ("container", STRING),
        ("container_config", _CONFIG),
        ("docker_version", STRING),
        ("author", STRING),
        ("config", Pointer(_CONFIG)),
        ("architecture", STRING),
        ("os", STRING),
        ("Size", INT64),
        ("parent_id", Scalar("digest.Digest", "string")),
        ("layer_id", Scalar("digest.Digest", "string")),
    ),
)

_WRITTEN_WHEN_EMPTY: Final = {"created", "container_config"}


def read(v1_compatibility: bytes) -> dict[str, Any]:
    """Read a v1Compatibility text, or an image's ``json`` file, as Docker 1.9 did.

    Parameters
    ----------
    v1_compatibility : bytes
        The whole text.

    Returns
    -------
    dict
        Every field of the record under its JSON name; ``created`` is a ``GoTime``.

    Raises
    ------
    GoJSONError
        With Go's own text.

    Notes
    -----
    Origin: ``image.NewImgJSON``.

    >>> read(b'{"id":"x","Parent":"y"}')["parent"]
    'y'
    """
    record: dict[str, Any] = decode.unmarshal(v1_compatibility, _IMAGE)
    return record


def read_first(text: bytes) -> dict[str, Any]:
    """Read the first record of a file and ignore what follows, as Docker 1.9 read its ``json`` files."""
    record: dict[str, Any] = decode.from_node(parse_first(text), text, _IMAGE)
    return record


def write(record: dict[str, Any]) -> bytes:
    """Write the record back in the order of its fields (``json.Marshal`` of an Image).

    >>> write(read(b'{"id":"x","unknown":1}'))[:40]
    b'{"id":"x","created":"0001-01-01T00:00:00'
    """
    fields: list[tuple[str, bytes]] = []
    for name, _ in _IMAGE.fields:
        value = record[name]
        if value or name in _WRITTEN_WHEN_EMPTY:
            fields.append((name, _field(name, value)))
    return encode.struct(fields)


def _field(name: str, value: Any) -> bytes:
    if name == "created":
        written: bytes = value.marshal()
        return written
    if name in ("config", "container_config"):
        return _config(value)
    return str(value).encode() if name == "Size" else encode.string(value)


def _config(config: dict[str, Any]) -> bytes:
    return encode.struct(
        (name, _config_value(config[name]))
        for name, _ in _CONFIG.fields
        if config[name] or name not in _CONFIG_OMITTED_WHEN_EMPTY
    )


def _config_value(value: Any) -> bytes:
    if value is None:
        return b"null"
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, list):
        return encode.array(encode.string(item) for item in value)
    if isinstance(value, dict):
        return encode.mapping({key: b"{}" if item == {} else encode.string(item) for key, item in value.items()})
    return encode.string(value)
