"""The next page of a list.

The rule of this file: a list goes on where it began, on the same origin and for the same repository, or not at all; what
cannot be read is an error, never the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urljoin, urlsplit

from toolkit.errors import RegistryResponseError

_TARGET: Final = re.compile(r"[ \t,]*<([^<>]*)>")
_PARAMETER: Final = re.compile(r"[ \t]*;[ \t]*([^\s=;,\"<>]*)[ \t]*(?:=[ \t]*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;,\"<>]*)))?")
_PLAIN: Final = re.compile(r"[!-~]+")


def next_page(url: str, link: str) -> str | None:
    """Read the URL of the next page from a Link header; None on the last one.

    Raises
    ------
    RegistryResponseError
        The next page is on another host or of another repository, or the header is no URL.

    Notes
    -----
    Origin: RFC 8288, and distribution-spec, "Listing Tags".

    Examples
    --------
    >>> next_page("http://h/v2/a/tags/list", '</v2/a/tags/list?last=b>; rel="next"')
    'http://h/v2/a/tags/list?last=b'
    """
    for target, relations in _links(link):
        if "next" in relations:
            return _same_list(url, target)
    return None


def _links(text: str) -> Iterator[tuple[str, list[str]]]:
    """The links of a header, each with what it is to this page; of a repeated ``rel`` the first counts."""
    position = 0
    while (match := _TARGET.match(text, position)) is not None:
        position = match.end()
        relations: list[str] | None = None
        while (parameter := _PARAMETER.match(text, position)) is not None:
            position = parameter.end()
            if parameter[1].lower() == "rel" and relations is None:
                relations = (parameter[2] or parameter[3] or "").lower().split()
        yield match[1], relations or []
    if "next" in text[position:].lower():
        yield "", ["next"]  # it goes on, and nobody can tell where


def _same_list(url: str, target: str) -> str:
    following = ""
    if _PLAIN.fullmatch(target) and "\\" not in target:
        try:
            following = urljoin(url, target).partition("#")[0]
            here, there = urlsplit(url), urlsplit(following)
            if (here.scheme, here.netloc, here.path) == (there.scheme, there.netloc, there.path):
                return following
        except ValueError:
            following = ""
    elsewhere = following and urlsplit(following).netloc != urlsplit(url).netloc
    raise RegistryResponseError(
        "the next page of the list is on another host" if elsewhere else "the next page of the list is not of this list",
        where=url,
        expected=urlsplit(url).netloc if elsewhere else urlsplit(url).path,
        actual=ascii(urlsplit(following).netloc if elsewhere else target)[1:-1][:80] or "a header that cannot be read",
        next_step="the registry is broken or hostile",
    )
