"""URLs and headers as everybody reads them: the quick way and httpx's agree."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from toolkit.sources import foreign
from toolkit.sources.exchange import Headers, NotURLError, Target, target_of

HOSTS: Final = (
    *("h", "localhost", "a.b-c.example", "127.0.0.1", "1.2.3", "999.1.1.1", "01.2.3.4"),
    *("H", "xn--nxasmq6b", "xn--0", "é", "[::1]", ""),
)
PORTS: Final = ("", ":80", ":443", ":5000", ":65535", ":65536", ":99999", ":123456", ":0", ":080", ":", ":x")
PIECES: Final = (
    *("/", "/v2/", "a", "sha256:ab", "..", ".", "%20", "%2f", "%2", "é", " ", "?", "n=1&x"),
    *("#", "'", "{", "[", "\\", "//", "\x7f", "@"),
)
URLS: Final = st.builds(
    lambda scheme, host, port, path: f"{scheme}://{host}{port}{''.join(path)}",
    st.sampled_from(("http", "https", "ftp", "HTTP", "")),
    st.sampled_from(HOSTS),
    st.sampled_from(PORTS),
    st.lists(st.sampled_from(PIECES), max_size=6),
)


def read_by(read: object, url: str) -> Target | str:
    assert callable(read)
    try:
        target: Target = read(url)
    except NotURLError as error:
        return str(error)
    return target


@given(URLS)
@example("http://h/a/../b")
@example("http://h/.a")
@example("http://h:80/")
@example("http://user:pass@h/")
@settings(max_examples=600, deadline=None)
def test_a_url_is_read_as_httpx_reads_it(url: str) -> None:
    assert read_by(target_of, url) == read_by(foreign.read_url, url)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://127.0.0.1:5000/v2/", Target("http", "127.0.0.1", 5000, "127.0.0.1:5000", "/v2/")),
        (
            "https://h.example/a/sha256:b?x=%2F",
            Target("https", "h.example", 443, "h.example", "/a/sha256:b?x=%2F"),
        ),
        ("http://[::1]:5000/", Target("http", "::1", 5000, "[::1]:5000", "/")),
        ("https://h:443/", Target("https", "h", 443, "h", "/")),
        ("http://h", Target("http", "h", 80, "h", "/")),
    ],
)
def test_a_url_is_taken_apart(url: str, target: Target) -> None:
    assert target_of(url) == target


@pytest.mark.parametrize(
    "url",
    ["http://h:port/", "http://[::1", "http://999.1.1.1/", "http://h/\x7f", "http://xn--0/", f"http://h/{'a' * 70_000}"],
    ids=["port", "bracket", "address", "control", "coding", "length"],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(NotURLError):
        target_of(url)


NAMES: Final = st.sampled_from([b"Link", b"link", b"WWW-Authenticate", b"X"])
VALUES: Final = st.sampled_from([b"", b"a", b"a, b", "é".encode(), b"\xe9", b"\xff"])


@given(st.lists(st.tuples(NAMES, VALUES), max_size=5))
def test_headers_are_read_as_httpx_reads_them(raw: list[tuple[bytes, bytes]]) -> None:
    ours, theirs = Headers(raw), httpx.Headers(raw)
    assert dict(ours) == dict(theirs)
    assert len(ours) == len(dict(theirs))
    for name in ("Link", "LINK", "www-authenticate", "absent"):
        assert ours.get(name) == theirs.get(name)
        assert ours.get_list(name) == theirs.get_list(name)


def test_whoever_asks_a_registry_by_its_name_does_without_httpx() -> None:
    code = (
        "import sys, toolkit as tk, toolkit.pulling.pull\n"
        "source = tk.open_source('127.0.0.1:5000')\n"
        "assert tk.open_source(source) is source\n"
        "print('httpx' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
