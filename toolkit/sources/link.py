"""The next page of a list.

The rule of this file: a list goes on where it began, on the same origin, or not at all.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urljoin, urlsplit

from toolkit.errors import RegistryResponseError

_LINK: Final = re.compile(r"<([^<>]*)>((?:[ \t]*;[ \t]*[A-Za-z*]+=(?:\"[^\"]*\"|[^\s;,\"]+))*)")
_NEXT: Final = re.compile(r";[ \t]*rel=(?:\"next\"|next)(?=[ \t;]|\Z)", re.IGNORECASE)
_PLAIN: Final = re.compile(r"[!-~]+")


def next_page(url: str, link: str) -> str | None:
    """Read the URL of the next page from a Link header; None on the last one.

    Raises
    ------
    RegistryResponseError
        The next page is on another host, or the header is no URL.

    Notes
    -----
    Origin: RFC 8288, and distribution-spec, "Listing Tags".

    Examples
    --------
    >>> next_page("http://h/v2/a/tags/list", '</v2/a/tags/list?last=b>; rel="next"')
    'http://h/v2/a/tags/list?last=b'
    """
    for match in _LINK.finditer(link):
        if _NEXT.search(match[2]):
            return _same_origin(url, match[1])
    return None


def _same_origin(url: str, target: str) -> str:
    following = ""
    if _PLAIN.fullmatch(target) and "\\" not in target:
        try:
            following = urljoin(url, target)
            here, there = urlsplit(url), urlsplit(following)
            if (here.scheme, here.netloc) == (there.scheme, there.netloc):
                return following.partition("#")[0]
        except ValueError:
            following = ""
    raise RegistryResponseError(
        "the next page of the list is on another host" if following else "the next page of the list is at what is no URL",
        where=url,
        expected=urlsplit(url).netloc,
        actual=ascii(urlsplit(following).netloc if following else target)[1:-1][:80],
        next_step="the registry is broken or hostile",
    )
