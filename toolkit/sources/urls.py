"""URLs as they are asked for, and as they are shown.

The rule of this file: what is shown or kept of a URL went through ``redacted``.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

_SHOWN_QUERY: Final = {"scope", "service", "digest", "n", "last", "mount", "from", "account"}


def redacted(url: str) -> str:
    """Hide user, password and unknown query values of a URL.

    >>> redacted("http://u:p@h/x?n=1&sig=abc")
    'http://h/x?n=1&sig=REDACTED'
    """
    if "?" not in url and "@" not in url and "#" not in url:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return f"{url.partition(':')[0][:8]}:REDACTED"
    query = urlencode(
        [(name, value if name in _SHOWN_QUERY else "REDACTED") for name, value in parse_qsl(parts.query, keep_blank_values=True)]
    )
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


def path_quoted(text: str) -> str:
    """Quote a piece of a URL's path as Go does.

    >>> path_quoted("a b")
    'a%20b'
    """
    return quote(text, safe="/:@&=+$,-_.!~*'();")


def origin(url: str) -> str:
    """Scheme, host and port of a URL: who gets what was meant for it.

    >>> origin("http://u:p@h:5/x")
    'http://h:5'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
