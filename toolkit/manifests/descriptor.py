"""Descriptors: what one document says of a piece of content it points at.

The rule of this file: it reads claims; whether the content fits them is asked in ``verification``. What cannot be read
is a problem with its place, and reading goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from toolkit.go_json.clear import clear_object
from toolkit.go_json.decode import plain
from toolkit.go_json.scan import Node, parse

PLATFORM: Final = "linux/amd64"
"""What is asked of an index when the user does not say; the same on every machine."""

_REFERENCE_TYPE: Final = "vnd.docker.reference.type"
_REFERENCE_DIGEST: Final = "vnd.docker.reference.digest"
_LONGEST_EXPONENT: Final = 3
_BARE: Final = 3
"""Members of a descriptor that has no more than it must."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that cannot be read: where, what was expected, what stands there."""

    where: str
    expected: str
    actual: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """For which machine a manifest is meant."""

    os: str = ""
    architecture: str = ""
    variant: str = ""
    os_version: str = ""

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read ``os/architecture[/variant]``.

        >>> Platform.parse("linux/arm64/v8").variant
        'v8'
        """
        os, _, rest = text.partition("/")
        architecture, _, variant = rest.partition("/")
        return cls(os=os, architecture=architecture, variant=variant)

    @property
    def is_known(self) -> bool:
        """Whether it names a machine at all; attestations say ``unknown/unknown``."""
        return bool(self.os and self.architecture) and "unknown" not in (self.os, self.architecture)

    def serves(self, asked: Platform) -> bool:
        """Whether content for this platform answers what was asked; a variant counts only where both name one."""
        if (self.os, self.architecture) != (asked.os, asked.architecture):
            return False
        return not asked.variant or asked.variant == self.variant or (not self.variant and asked.variant == "v8")

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """One piece of content: its type, digest and size, and what else is said of it."""

    where: str
    media_type: str
    digest: str
    size: int
    urls: tuple[str, ...] = ()
    annotations: dict[str, str] = field(default_factory=dict)
    data: str | None = None
    artifact_type: str | None = None
    platform: Platform | None = None

    @property
    def attests(self) -> str | None:
        """The digest of the image this manifest is an attestation of, as BuildKit marks it."""
        if self.annotations.get(_REFERENCE_TYPE) != "attestation-manifest":
            return None
        return self.annotations.get(_REFERENCE_DIGEST, "")


def read_object(text: bytes) -> dict[str, Any]:
    """Read a text that must be one JSON object; whole numbers stay whole, of repeated names the last counts.

    Nobody may change what is returned: it is remembered.

    Raises
    ------
    GoJSONError
        It is not one JSON value; Go's text.
    ValueError
        It is another kind of value.

    >>> read_object(b'{"size": 9007199254740993}')
    {'size': 9007199254740993}
    """
    if (clear := clear_object(text)) is not None:
        return clear
    node = parse(text)
    if node.kind != "object":
        raise ValueError(node.kind)
    value: dict[str, Any] = plain(node, number=_number)
    return value


def _number(node: Node) -> int | float:
    literal: str = node.value
    if literal.lstrip("-").isdigit() and len(literal) <= len(str(2**64)):
        return int(literal)
    return float("inf") if len(literal.partition("e")[2]) > _LONGEST_EXPONENT else float(literal)


class Fields:
    """Reads the members of one JSON object; what does not fit is a problem and reads as absent.

    >>> fields = Fields({"size": "3"}, "config")
    >>> fields.integer("size", required=True), [str(one.where) for one in fields.problems]
    (None, ['config.size'])
    """

    def __init__(self, value: dict[str, Any], place: str, problems: list[Problem] | None = None) -> None:
        self.value = value
        self.place = place
        self.problems: list[Problem] = [] if problems is None else problems

    def where(self, name: str) -> str:
        """The place of a member."""
        return f"{self.place}.{name}" if self.place else name

    def text(self, name: str, *, required: bool = False) -> str | None:
        """A member that is a text."""
        value: str | None = self._of(str, "a text", name, required=required)
        return value

    def integer(self, name: str, *, required: bool = False) -> int | None:
        """A member that is a whole number and not negative."""
        value: int | None = self._of(int, "a whole number, 0 or more", name, required=required)
        if value is not None and value < 0:
            self.complain(name, "a whole number, 0 or more", value)
            return None
        return value

    def nested(self, name: str, *, required: bool = False) -> Fields | None:
        """A member that is an object."""
        value = self._of(dict, "an object", name, required=required)
        return None if value is None else Fields(value, self.where(name), self.problems)

    def each(self, name: str, *, required: bool = False) -> Iterator[Fields]:
        """The objects of a member that is a list of them."""
        for index, value in enumerate(self._of(list, "a list", name, required=required) or ()):
            if isinstance(value, dict):
                yield Fields(value, f"{self.where(name)}[{index}]", self.problems)
            else:
                self.complain(f"{name}[{index}]", "an object", value)

    def texts(self, name: str, *, required: bool = False) -> tuple[str, ...] | None:
        """A member that is a list of texts."""
        value = self._of(list, "a list of texts", name, required=required)
        if value is None:
            return None
        if not all(isinstance(one, str) for one in value):
            self.complain(name, "a list of texts", value)
            return None
        return tuple(value)

    def annotations(self) -> dict[str, str]:
        """The member ``annotations``: texts by name."""
        value = self._of(dict, "texts by name", "annotations", required=False) or {}
        for name, one in value.items():
            if not isinstance(one, str):
                self.complain(f"annotations.{name}", "a text", one)
        return {name: one for name, one in value.items() if isinstance(one, str)}

    def complain(self, name: str, expected: str, actual: object) -> None:
        """Note a problem."""
        self.problems.append(Problem(self.where(name), expected, _kind(actual)))

    def _of(self, kind: type, expected: str, name: str, *, required: bool) -> Any:
        value = self.value.get(name)
        if value is None:
            if required:
                self.problems.append(Problem(self.where(name), expected, "nothing"))
            return None
        if not isinstance(value, kind) or isinstance(value, bool):
            self.complain(name, expected, value)
            return None
        return value


def read_descriptor(fields: Fields) -> Descriptor | None:
    """Read one descriptor; None when it lacks what makes it one, with the problems noted.

    Notes
    -----
    Origin: OCI image-spec, descriptor.md; the Docker formats have the same members.
    """
    value = fields.value
    if len(value) == _BARE and _is_bare(value):
        return Descriptor(where=fields.place, media_type=value["mediaType"], digest=value["digest"], size=value["size"])
    media_type = fields.text("mediaType", required=True)
    digest = fields.text("digest", required=True)
    size = fields.integer("size", required=True)
    platform = fields.nested("platform")
    urls = fields.texts("urls") or ()
    annotations, data, artifact_type = fields.annotations(), fields.text("data"), fields.text("artifactType")
    read = None if platform is None else read_platform(platform)
    if media_type is None or digest is None or size is None:
        return None
    return Descriptor(
        where=fields.place,
        media_type=media_type,
        digest=digest,
        size=size,
        urls=urls,
        annotations=annotations,
        data=data,
        artifact_type=artifact_type,
        platform=read,
    )


def _is_bare(value: dict[str, Any]) -> bool:
    """Whether three members are those that make a descriptor, and fit: then there is nothing to ask of each."""
    media_type, digest, size = value.get("mediaType"), value.get("digest"), value.get("size")
    return isinstance(media_type, str) and isinstance(digest, str) and type(size) is int and size >= 0


def read_platform(fields: Fields) -> Platform:
    """Read a platform; the members of an image's configuration have the same names."""
    return Platform(
        os=fields.text("os") or "",
        architecture=fields.text("architecture") or "",
        variant=fields.text("variant") or "",
        os_version=fields.text("os.version") or "",
    )


def _kind(value: object) -> str:
    if isinstance(value, bool | int | float):
        return str(value).lower()
    names: dict[type, str] = {str: "a text", dict: "an object", list: "a list"}
    return names.get(type(value), "null")
