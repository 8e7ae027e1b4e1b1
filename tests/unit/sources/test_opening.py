"""Whatever images come from is opened by what it is."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from support.routes import routes_of
from support.scripted_server import ScriptedServer

import toolkit as tk
from toolkit.references import resolve_repository
from toolkit.simulator.teaching import clean_image, teaching_registry
from toolkit.sources.registry import RegistrySource


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("127.0.0.1:5000", "127.0.0.1:5000"),
        ("registry.example", "registry.example"),
        ("https://registry.example/", "registry.example"),
        ("http://registry.example:80", "registry.example:80"),
        ("[::1]:5000", "[::1]:5000"),
    ],
)
def test_a_host_or_a_url_is_a_registry(where: str, name: str) -> None:
    assert tk.open_source(where).name == name
    assert repr(tk.open_source(where)) == f"RegistrySource({name!r})"


def test_a_folder_is_a_saved_registry(tmp_path: Path) -> None:
    teaching_registry().save(tmp_path / "saved")
    for where in (tmp_path / "saved", str(tmp_path / "saved")):
        source = tk.open_source(where)
        assert source.name == "teaching.example"
        assert tk.inspect("teach/clean:1", source=source).outcome == "accepted"


def test_a_registry_in_memory_is_asked_by_its_own_name() -> None:
    source = tk.open_source(teaching_registry())
    assert source.name == "teaching.example"
    assert tk.inspect("teaching.example/teach/clean:1", source=source).outcome == "accepted"


def test_a_transport_answers_for_a_registry_of_this_machine() -> None:
    registry = teaching_registry()
    source = tk.open_source(httpx.MockTransport(registry.handle_request))
    assert source.name == "localhost"
    assert tk.inspect("localhost/teach/clean:1", source=source).outcome == "accepted"


def test_a_source_is_taken_as_it_is() -> None:
    source = RegistrySource("registry.example")
    assert tk.open_source(source) is source


def test_a_reference_to_another_host_than_the_source_is_a_mistake() -> None:
    with pytest.raises(tk.errors.UsageError) as caught:
        tk.inspect("other.example/teach/clean:1", source=teaching_registry())
    assert (caught.value.expected, caught.value.actual) == ("teaching.example", "other.example")


def test_a_folder_that_holds_no_registry_says_what_would(tmp_path: Path) -> None:
    with pytest.raises(tk.errors.SourceError) as caught:
        tk.open_source(tmp_path)
    assert "registry.json" in str(caught.value.expected)


@pytest.mark.parametrize(
    "where", [" ", "no such folder", "/no/such/folder", "ftp://h/", "http://h/path", "http://u:p@h", "h:x", "h:"]
)
def test_what_cannot_be_opened_says_what_can(where: str) -> None:
    with pytest.raises(tk.errors.UsageError) as caught:
        tk.open_source(where)
    assert "host[:port]" in str(caught.value.expected)


@pytest.mark.parametrize(
    ("where", "tls"), [("http://lab.example", ["unverified", "none"]), ("https://lab.example", ["verified"])]
)
def test_a_url_that_says_http_allows_http(where: str, tls: list[str]) -> None:
    source = tk.open_source(where)
    assert isinstance(source, RegistrySource)
    with source.connect(resolve_repository("lab.example/a/b")) as connection:
        assert [address.tls for address in connection._addresses] == tls


def test_a_source_may_be_named_beside_a_reference_without_a_host(server: ScriptedServer) -> None:
    server.routes = routes_of(clean_image())
    assert tk.inspect("teach/clean:1", source=server.host).outcome == "accepted"
    assert tk.inspect("teach/clean:1", source=f"http://{server.host}/").outcome == "accepted"
