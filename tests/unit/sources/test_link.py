"""The next page of a list: read in every spelling of RFC 8288, and never on another origin."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.errors import RegistryResponseError
from toolkit.sources.link import next_page

HERE: Final = "https://h.example:5000/v2/a/tags/list?n=2"
LIST: Final = "https://h.example:5000/v2/a/tags/list"

GOOD: Final = [
    ('<?n=2&last=b>; rel="next"', f"{LIST}?n=2&last=b"),
    ("<?n=2>; rel=next", f"{LIST}?n=2"),
    ("<?n=2>;rel=next", f"{LIST}?n=2"),
    ("<?n=2> ; rel=next", f"{LIST}?n=2"),
    ("<?n=2>\t;\trel=next", f"{LIST}?n=2"),
    ("<?n=2>; REL=NEXT", f"{LIST}?n=2"),
    ('<?n=2>; Rel="Next"', f"{LIST}?n=2"),
    ('<?n=2>; rel = "next"', f"{LIST}?n=2"),
    ('<?n=2>; rel="next last"', f"{LIST}?n=2"),
    ('<?n=2>; rel="prev next"', f"{LIST}?n=2"),
    ('<?n=2>; rel="prev  next  last"', f"{LIST}?n=2"),
    ('<?n=2>; title="x"; rel="next"', f"{LIST}?n=2"),
    ('<?n=2>; title="a; b, c"; rel="next"', f"{LIST}?n=2"),
    ("<?n=2>; title*=UTF-8''x; rel=next", f"{LIST}?n=2"),
    ("<?n=2>; rel=next; title=x", f"{LIST}?n=2"),
    ("<?n=2>; crossorigin; rel=next", f"{LIST}?n=2"),
    ('<?n=2>; x-y=1; rel="next"', f"{LIST}?n=2"),
    ('</v2/a/tags/list?last=b>; rel="next"', f"{LIST}?last=b"),
    ('<//h.example:5000/v2/a/tags/list?last=b>; rel="next"', f"{LIST}?last=b"),
    ('<https://h.example:5000/v2/a/tags/list?last=b>; rel="next"', f"{LIST}?last=b"),
    ("<list?last=b>; rel=next", f"{LIST}?last=b"),
    ("<./list?last=b>; rel=next", f"{LIST}?last=b"),
    ("<../tags/list?last=b>; rel=next", f"{LIST}?last=b"),
    ("<?last=b#part>; rel=next", f"{LIST}?last=b"),
    ("<?last=a%2Fb%0d%0a>; rel=next", f"{LIST}?last=a%2Fb%0d%0a"),
    ("<?last=http://evil/>; rel=next", f"{LIST}?last=http://evil/"),
    ('<?p=1>; rel="prev", <?p=3>; rel="next"', f"{LIST}?p=3"),
    ('<?p=3>; rel="next", <?p=1>; rel="prev"', f"{LIST}?p=3"),
    ("<?p=1>; rel=first,<?p=3>; rel=next,<?p=9>; rel=last", f"{LIST}?p=3"),
    ("<?p=3>; rel=next, <?p=4>; rel=next", f"{LIST}?p=3"),
    ("<?p=1>, <?p=3>; rel=next", f"{LIST}?p=3"),
    (", <?p=3>; rel=next ,", f"{LIST}?p=3"),
    (' <?p=3>;rel="next" ', f"{LIST}?p=3"),
]

LAST: Final = [
    "",
    " ",
    ",",
    ";",
    "<?p=2>",
    "<?p=2>; rel",
    "<?p=2>; rel=",
    '<?p=2>; rel=""',
    "<?p=2>; rel=prev",
    "<?p=2>; rel=nextpage",
    '<?p=2>; rel="next-page"',
    '<?p=2>; rel="xnext"',
    "<?p=2>; rev=next",
    "<?p=2>; xrel=next",
    "<?p=2>; title=next",
    '<?p=2>; title="rel=next"',
    '<?p=2>; title="; rel=next ;"',
    '<?p=2>; title="x\\"; rel=next"',
    "<?p=2>; rel=prev; rel=next",
    "\x00",
    "\xff\xfe",
    "<" * 1_000,
    ">;" * 1_000,
]

UNREADABLE: Final = [
    "next",
    "rel=next",
    "; rel=next",
    "?p=2; rel=next",
    "<?p=2>, rel=next",
    '<?p=1>; rel="prev", ?p=2; rel="next"',
    "<?p=2; rel=next",
    "?p=2>; rel=next",
    "<<?p=2; rel=next",
]
"""It goes on, and nobody can tell where."""

ELSEWHERE: Final = [
    "https://evil.example/v2/a/tags/list",
    "https://evil.example:5000/v2/a/tags/list",
    "http://h.example:5000/v2/a/tags/list",
    "https://h.example/v2/a/tags/list",
    "https://h.example:443/v2/a/tags/list",
    "https://h.example:50001/",
    "https://h.example.evil:5000/",
    "https://h.example:5000.evil/",
    "https://x.h.example:5000/",
    "//evil.example/v2/a/tags/list",
    "//evil.example:5000/",
    "///evil.example/",
    "////evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "\\/evil.example/",
    "https:\\\\evil.example/",
    "https:/\\evil.example/",
    "https:evil.example",
    "https://h.example:5000\\@evil.example/",
    "https://h.example:5000@evil.example/",
    "https://h.example:5000%40evil.example/",
    "https://ada@h.example:5000/v2/a/tags/list",
    "https://ada:pw@h.example:5000/v2/a/tags/list",
    "https://@h.example:5000/",
    "https://h.example:5000:443/",
    "https://h.example:x/",
    "https://[::1]/",
    "https://[::1",
    "https://[h.example]:5000/",
    "https://h.example:5000[/",
    "https://169.254.169.254/latest/meta-data",
    "file:///etc/passwd",
    "ftp://h.example:5000/",
    "data:text/plain,x",
    "javascript:alert(1)",
    "mailto:ada@h.example",
    "unix:/run/docker.sock",
    "",
    " ",
    " /v2/a/tags/list",
    "/v2/a/tags/list ",
    "/v2/a b",
    "\thttps://evil.example/",
    "ht\ttps://evil.example/",
    "/v2/\r\nX-Evil: 1",
    "/v2/\nX-Evil: 1",
    "?last=\r\n\r\nGET /",
    "?last=\x00",
    "?last=\x7f",
    "?last=\x1b[31m",
    "?last=\xfc",
    "?last=\u202e",
    "https://h\u200b.example:5000/",
    "https://h.ex\xe4mple:5000/",
    "https://\uff48.example:5000/",
    "https://h\u2100.example:5000/",
]


@pytest.mark.parametrize(("link", "following"), GOOD)
def test_the_next_page_is_read(link: str, following: str) -> None:
    assert next_page(HERE, link) == following


@pytest.mark.parametrize("link", LAST)
def test_a_header_that_names_no_next_page_names_none(link: str) -> None:
    assert next_page(HERE, link) is None


@pytest.mark.parametrize("link", UNREADABLE)
def test_a_header_that_cannot_be_read_is_not_the_end(link: str) -> None:
    with pytest.raises(RegistryResponseError) as caught:
        next_page(HERE, link)
    assert caught.value.actual == "a header that cannot be read"


@pytest.mark.parametrize("target", ELSEWHERE)
def test_a_list_does_not_go_on_elsewhere(target: str) -> None:
    with pytest.raises(RegistryResponseError) as caught:
        next_page(HERE, f'<{target}>; rel="next"')
    assert caught.value.message in (
        "the next page of the list is on another host",
        "the next page of the list is not of this list",
    )
    assert caught.value.where == HERE
    assert caught.value.expected in ("h.example:5000", "/v2/a/tags/list")
    shown = str(caught.value.actual)
    assert shown.isascii()
    assert shown.isprintable()
    assert len(shown) <= 80


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/v2/",
        "/v2/other/tags/list",
        "/v2/a/tags/list/",
        "/v2/a/tags/LIST",
        "/v2/a/tags/list;x",
        "/v2/a/tags/%6cist",
        "/v2/a//tags/list",
        "/v2/a/tags/list/../../../b/tags/list",
        "../../b/tags/list",
        "/v2/a/manifests/latest?last=b",
        "https://h.example:5000",
    ],
)
def test_a_list_does_not_go_on_as_another(target: str) -> None:
    with pytest.raises(RegistryResponseError) as caught:
        next_page(HERE, f"<{target}>; rel=next")
    assert caught.value.message == "the next page of the list is not of this list"
    assert (caught.value.expected, caught.value.actual) == ("/v2/a/tags/list", target)


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/"])
def test_a_bad_page_counts_wherever_it_stands(target: str) -> None:
    with pytest.raises(RegistryResponseError, match="on another host") as caught:
        next_page(HERE, f"<?p=1>; rel=prev, <{target}>; rel=next, <?p=3>; rel=next")
    assert caught.value.actual == "evil.example"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:5000/v2/a/tags/list", "http://[::1]:5000/v2/a/tags/list", "https://h/v2/x/y/tags/list"]
)
def test_a_list_goes_on_wherever_it_began(url: str) -> None:
    assert next_page(url, "<?last=b>; rel=next") == f"{url}?last=b"


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from('</?:@[]\\#%&=;, "rel=next.h5\t\r\n\xfc'), max_size=60))
def test_any_target_stays_here_or_is_refused(target: str) -> None:
    try:
        found = next_page(HERE, f"<{target}>; rel=next")
    except RegistryResponseError:
        return
    if found is not None:
        assert found.partition("?")[0] == LIST
        assert found.isascii()
        assert found.isprintable()
        assert " " not in found


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80))
def test_any_header_is_a_page_or_none_or_refused(link: str) -> None:
    try:
        found = next_page(HERE, link)
    except RegistryResponseError:
        return
    assert found is None or found.partition("?")[0] == LIST
