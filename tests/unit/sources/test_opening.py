"""Whatever images come from is opened by what it is."""

from __future__ import annotations

import gzip
import lzma
import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.routes import routes_of
from support.scripted_server import ScriptedServer
from support.trees import as_json, image, layout, ref_name, saved, tar_of, write

import toolkit as tk
from toolkit.pulling.pull import resolve
from toolkit.references import resolve_repository
from toolkit.simulator.teaching import clean_image, teaching_registry
from toolkit.sources.files import FileSource
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


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        (layout((image(), {})), "oci-layout"),
        (layout((image(), {})) | {"manifest.json": b"[]", "repositories": b"{}"}, "oci-layout"),
        ({"manifest.json": b"{}", "version": b""}, "dir"),
        ({"manifest.json": b"{}"}, "dir"),
        ({"manifest.json": b"[]"}, "docker-archive"),
        ({"repositories": b"{}"}, "docker-archive"),
        ({"docker/registry/v2/x": b""}, "registry-tree"),
        ({"repositories/x": b"", "blobs/x": b""}, "registry-tree"),
        ({"graph/x": b"", "repositories-aufs": b"{}"}, "docker-root"),
        ({"image/overlay2/imagedb/x": b""}, "docker-root"),
    ],
)
def test_files_are_told_by_what_they_are(tmp_path: Path, files: dict[str, bytes], kind: str) -> None:
    tarred = tar_of(files)
    places = [
        write(tmp_path / "folder", files),
        saved(tmp_path / "plain.zip", tarred),
        saved(tmp_path / "host.example", gzip.compress(tarred)),
        saved(tmp_path / "xz", lzma.compress(tarred)),
        saved(tmp_path / "within", tar_of({f"outer/{name}": data for name, data in files.items()})),
    ]
    for place in places:
        for where in (place, str(place)):
            source = tk.open_source(where)
            assert isinstance(source, FileSource)
            assert (source.kind, source.name) == (kind, str(place))


@pytest.mark.parametrize("data", [b"", b"x", b"no tar", b"PK\x03\x04" + bytes(2000), bytes(2000), tar_of({"notes.txt": b""})])
def test_a_file_that_holds_no_image_is_a_typed_error(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(tk.errors.SourceError) as caught:
        tk.open_source(saved(tmp_path / "x", data))
    assert str(tmp_path / "x") in caught.value.where


def test_pipes_and_devices_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(tk.errors.SourceError, match="no regular file"):
            tk.open_source(path)


def test_a_path_nobody_may_read_says_so(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    locked = write(tmp_path / "locked", {"inner/x": b""})
    locked.chmod(0)
    try:
        with pytest.raises(tk.errors.SourceError, match="cannot read"):
            tk.open_source(locked / "inner")
    finally:
        locked.chmod(0o700)


def test_a_reference_without_a_source_opens_no_folder_of_its_host_s_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "registry.example", layout((image(), ref_name("1"))))
    monkeypatch.chdir(tmp_path)
    where, asked = resolve(
        "registry.example/a/b:1",
        None,
        tk.Policy.of("strict"),
        username=None,
        password=None,
        realms=(),
        insecure=(),
    )
    assert repr(where) == "RegistrySource('registry.example')"
    assert asked.repository.remote_name == "a/b"


def test_without_a_reference_the_source_gives_its_only_image(tmp_path: Path) -> None:
    options: dict[str, Any] = {"username": None, "password": None, "realms": (), "insecure": ()}
    path = write(tmp_path, layout((image(), ref_name("1"))))
    assert resolve(None, path, tk.Policy.of("strict"), **options)[1].asked == "1"
    with pytest.raises(tk.errors.UsageError, match="neither a reference nor a source"):
        resolve(None, None, tk.Policy.of("strict"), **options)
    with pytest.raises(tk.errors.UsageError, match="a name is needed"):
        resolve(None, "127.0.0.1:5000", tk.Policy.of("strict"), **options)


def test_an_image_is_inspected_and_pulled_from_a_file(tmp_path: Path, graph: tk.Graph) -> None:
    files = {"config": b'{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}'}
    entries = [{"Config": "config", "RepoTags": ["a/b:1"], "Layers": []}]
    path = saved(tmp_path / "x", tar_of(files | {"manifest.json": as_json(entries)}))
    for report in (tk.inspect("a/b:1", source=path), tk.pull("a/b:1", graph, source=path)):
        assert report.frame("endpoints")[["url", "version"]].to_numpy().tolist() == [[str(path), "docker-archive"]]
    with pytest.raises(tk.errors.NotFoundError) as caught:
        tk.pull("a/c:1", graph, source=path)
    assert caught.value.next_step == "ask for one of: a/b:1"
    assert caught.value.report.outcome == "undecided"


def test_a_folder_that_holds_no_registry_says_what_would(tmp_path: Path) -> None:
    with pytest.raises(tk.errors.SourceError) as caught:
        tk.open_source(tmp_path)
    assert "registry.json" in str(caught.value.expected)


@pytest.mark.parametrize(
    "where",
    [
        " ",
        "no such folder",
        "/no/such/folder",
        "ftp://h/",
        "http://h/path",
        "http://u:p@h",
        "h:x",
        "h:",
        "/" + "x" * 5000,
        "a\0b",
    ],
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
        assert [address.tls for address in connection._attempts._addresses] == tls


def test_a_source_may_be_named_beside_a_reference_without_a_host(server: ScriptedServer) -> None:
    server.routes = routes_of(clean_image())
    assert tk.inspect("teach/clean:1", source=server.host).outcome == "accepted"
    assert tk.inspect("teach/clean:1", source=f"http://{server.host}/").outcome == "accepted"
