"""References: the strict grammar, Docker 1.9's own, and the words with which either refuses."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit import references
from toolkit.errors import ReferenceSyntaxError
from toolkit.references import Reference, Repository, resolve_repository

DIGEST = "sha256:" + "ab" * 32
TAG_RULE = "only [A-Za-z0-9_.-] are allowed ('.' and '-' are NOT allowed in the initial), minimum 1, maximum 128 in length"
COMPONENT = r"[a-z0-9](?:-*[a-z0-9])*(?:[._][a-z0-9](?:-*[a-z0-9])*)*"


@pytest.mark.parametrize(
    ("text", "registry", "remote", "local", "asked"),
    [
        ("busybox", "docker.io", "library/busybox", "busybox", "latest"),
        ("busybox:1.24", "docker.io", "library/busybox", "busybox", "1.24"),
        ("library/busybox", "docker.io", "library/busybox", "busybox", "latest"),
        ("docker.io/busybox", "docker.io", "library/busybox", "busybox", "latest"),
        ("index.docker.io/library/busybox:1", "docker.io", "library/busybox", "busybox", "1"),
        ("user/app", "docker.io", "user/app", "user/app", "latest"),
        (f"user/app@{DIGEST}", "docker.io", "user/app", "user/app", DIGEST),
        (f"user/app:1@{DIGEST}", "docker.io", "user/app", "user/app", DIGEST),
        ("127.0.0.1:5000/library/busybox:1.24", "127.0.0.1:5000", "library/busybox", "127.0.0.1:5000/library/busybox", "1.24"),
        ("localhost/app", "localhost", "app", "localhost/app", "latest"),
        ("[::1]:5000/app", "[::1]:5000", "app", "[::1]:5000/app", "latest"),
        ("registry.example/a/b/c:x_y.z-1", "registry.example", "a/b/c", "registry.example/a/b/c", "x_y.z-1"),
        ("registry.example/scratch", "registry.example", "scratch", "registry.example/scratch", "latest"),
        ("host:5000", "docker.io", "library/host", "host", "5000"),
    ],
)
def test_a_reference_is_read(text: str, registry: str, remote: str, local: str, asked: str) -> None:
    reference = Reference.parse(text)
    assert reference.repository == Repository(registry=registry, remote_name=remote, local_name=local)
    assert reference.repository.canonical == f"{registry}/{remote}"
    assert reference.asked == asked
    assert str(reference) == text


def test_a_tag_beside_a_digest_is_only_recorded() -> None:
    reference = Reference.parse(f"user/app:1@{DIGEST}")
    assert (reference.tag, reference.digest, reference.asked) == ("1", DIGEST, DIGEST)


def test_without_tag_and_digest_the_tag_is_latest_and_with_a_digest_there_is_none() -> None:
    assert (Reference.parse("app").tag, Reference.parse("app").digest) == ("latest", None)
    assert (Reference.parse(f"app@{DIGEST}").tag, Reference.parse(f"app@{DIGEST}").digest) == (None, DIGEST)


@pytest.mark.parametrize(
    ("text", "named", "registry"),
    [
        ("app", False, "mirror.example:5000"),
        ("user/app", False, "mirror.example:5000"),
        ("other.example/app", True, "other.example"),
        ("docker.io/app", True, "docker.io"),
    ],
)
def test_a_name_without_a_host_lives_where_the_caller_says(text: str, registry: str, *, named: bool) -> None:
    reference = Reference.parse(text, registry="mirror.example:5000")
    assert reference.named_registry is named
    assert reference.repository.registry == registry


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("app@latest", "'app@latest': what follows the @ is not a digest"),
        ("app@", "'app@': what follows the @ is not a digest"),
        ("app@sha256:ab", "'app@sha256:ab': what follows the @ is not a digest"),
        (f"app@{DIGEST}@{DIGEST}", f"'app@{DIGEST}@{DIGEST}': what follows the @ is not a digest"),
        ("app:", "tag name can't be empty"),
        (
            "app:-1",
            f"Illegal tag name (-1): {TAG_RULE}",
        ),
        ("", "repository name must have at least one component"),
        ("a" * 256, "repository name must not be more than 255 characters"),
        ("https://registry.example/app", 'Invalid repository name (ex: "registry.domain.tld/myrepos")'),
        ("a" * 64, f"Invalid repository name ({'a' * 64}), cannot specify 64-byte hexadecimal strings"),
        ("registry.example/" + "0" * 64, f"Invalid repository name ({'0' * 64}), cannot specify 64-byte hexadecimal strings"),
        ("scratch", "'scratch' is a reserved name"),
        ("library/scratch:1", "'scratch' is a reserved name"),
        ("-registry.example/app", "Invalid index name (-registry.example). Cannot begin or end with a hyphen."),
        ("registry.example-/app", "Invalid index name (registry.example-). Cannot begin or end with a hyphen."),
        ("registry.example:port/app", "'registry.example:port' is not a registry's host name"),
        ("user:password.example/app", "'user:password.example' is not a registry's host name"),
        ("registry.example:123456/app", "'registry.example:123456' is not a registry's host name"),
    ],
)
def test_the_strict_grammar_refuses_and_shows_how_to_write_it(text: str, message: str) -> None:
    with pytest.raises(ReferenceSyntaxError) as caught:
        Reference.parse(text)
    assert caught.value.message == message
    assert caught.value.next_step.startswith("write NAME[:TAG] or NAME@sha256:<64 hex digits>")


@pytest.mark.parametrize("name", ["App", "a//b", "a/", "/a", "a..b", "a___b", "a._b", "-a", "a-", "a\n", "ä", "library/"])
def test_the_strict_grammar_refuses_a_component_and_says_what_one_is_made_of(name: str) -> None:
    with pytest.raises(ReferenceSyntaxError) as caught:
        Reference.parse(name)
    assert caught.value.message.endswith("is no repository's name: lower-case letters and digits, with . _ __ or - between them")


@pytest.mark.parametrize("name", ["a--b", "a__b", "a.b", "a_b", "0", "e/a-b.c_d"])
def test_the_strict_grammar_takes_the_separators_of_oci(name: str) -> None:
    assert Reference.parse(name).repository.local_name == name


@pytest.mark.parametrize(
    ("text", "name", "asked"),
    [
        ("app", "app", ""),
        ("app:1", "app", "1"),
        ("host:5000/app", "host:5000/app", ""),
        ("host:5000/app:1", "host:5000/app", "1"),
        ("app:", "app", ""),
        ("app@1", "app", "1"),
        ("app:1@sha256:ab", "app:1", "sha256:ab"),
        ("app@a@b", "app", "a"),
        ("@", "", ""),
    ],
)
def test_docker_1_9_split_a_name_from_its_tag_like_this(text: str, name: str, asked: str) -> None:
    assert references.seed_split(text) == (name, asked)


@pytest.mark.parametrize(
    ("text", "tag", "digest", "local"),
    [
        ("app", "latest", None, "app:latest"),
        ("app:", "latest", None, "app:latest"),
        ("app:a b", "a b", None, "app:a b"),
        ("app@1", "1", None, "app:1"),
        ("app@md5:ab", None, "md5:ab", "app@md5:ab"),
        ("app@sha256:xyz", None, "sha256:xyz", "app@sha256:xyz"),
    ],
)
def test_under_its_own_grammar_anything_may_follow(text: str, tag: str | None, digest: str | None, local: str) -> None:
    reference = Reference.parse(text, seed_grammar=True)
    assert (reference.tag, reference.digest) == (tag, digest)
    assert reference.local_text == local


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "repository name must have at least one component"),
        ("ä" * 128, "repository name must not be more than 255 characters"),
        ("\udc80", f'repository name component must match "{COMPONENT}"'),
        ("a__b", f'repository name component must match "{COMPONENT}"'),
        ("a//b", f'repository name component must match "{COMPONENT}"'),
        ("a/b--c/d.e_f", None),
    ],
)
def test_docker_1_9_s_rules_for_a_repository_name(name: str, problem: str | None) -> None:
    assert references.repository_name_error(name) == problem


def test_the_seed_s_grammar_does_not_look_at_the_host_s_port() -> None:
    assert resolve_repository("registry.example:port/app").registry == "registry.example:port"
    with pytest.raises(ReferenceSyntaxError, match="not a registry's host name"):
        resolve_repository("registry.example:port/app", seed_grammar=False)


@pytest.mark.parametrize("tag", ["9", "foo", "foo-test", "bar.baz.boo", "_", "a" * 128])
def test_a_tag_that_docker_1_9_took(tag: str) -> None:
    assert references.tag_error(tag) is None


@pytest.mark.parametrize("tag", ["-9", ".foo", "-test", ".", "-", "a" * 129, "ä", "a\n", "a/b"])
def test_a_tag_that_docker_1_9_refused(tag: str) -> None:
    assert references.tag_error(tag) == f"Illegal tag name ({tag}): {TAG_RULE}"


def test_an_empty_tag_has_words_of_its_own() -> None:
    assert references.tag_error("") == "tag name can't be empty"


def test_the_text_about_an_image_id_ends_in_a_blank() -> None:
    assert references.image_id_error("a" * 64) is None
    for text in ("", "a" * 63, "A" * 64, "a" * 64 + "\n", "sha256:" + "a" * 64):
        assert references.image_id_error(text) == f"invalidimageid: image ID '{text}' is invalid "


@pytest.mark.parametrize("asked", ["latest", "a b", "a/b", "md5:ab", "x sha256:ab", "+:ab"])
def test_a_manifest_s_url_could_be_built(asked: str) -> None:
    assert references.manifest_url_error(asked) is None


@pytest.mark.parametrize("asked", ["", "-a", " a", "@sha256:xyz", "+:ab\n"])
def test_a_manifest_s_url_could_not_be_built(asked: str) -> None:
    pattern = r"^[\\w][\\w.-]{0,127}|[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+$"
    assert references.manifest_url_error(asked) == f'mux: variable "{asked}" doesn\'t match, expected "{pattern}"'


@pytest.mark.parametrize("digest", ["sha256:ab", "md5:AB", "tarsum.v1+sha256:0", "a-b_c:0"])
def test_a_blob_s_url_could_be_built(digest: str) -> None:
    assert references.blob_url_error(digest) is None


@pytest.mark.parametrize("digest", ["", "sha256", "sha256:", "sha256:xyz", "sha256:ab\n", "xx tarsum+sha256:ab yy"])
def test_a_blob_s_url_could_not_be_built(digest: str) -> None:
    pattern = "^[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+$"
    assert references.blob_url_error(digest) == f'mux: variable "{digest}" doesn\'t match, expected "{pattern}"'


@pytest.mark.parametrize(
    "registry", ["localhost", "localhost:5000", "127.0.0.1", "127.0.0.1:5000", "127.8.9.10:1", "[::1]", "[::1]:5000"]
)
def test_a_loopback_host_is_told_by_its_spelling(registry: str) -> None:
    assert references.is_loopback(registry)


@pytest.mark.parametrize(
    "registry", ["docker.io", "192.0.2.1:5000", "[2001:db8::1]:443", "localhost.example", "127.0.0.1.example:5000", ""]
)
def test_any_other_host_is_not_loopback(registry: str) -> None:
    assert not references.is_loopback(registry)


@pytest.mark.parametrize(("asked", "tag", "digest"), [("1.24", "1.24", None), (DIGEST, None, DIGEST)])
def test_a_reference_can_be_without_a_name(asked: str, tag: str | None, digest: str | None) -> None:
    reference = Reference.bare(asked)
    assert (reference.tag, reference.digest, reference.asked) == (tag, digest, asked)
    assert (reference.has_name, reference.named_registry) == (False, False)
    assert reference.local_text == str(reference) == asked


def test_the_same_repository_with_another_tag() -> None:
    reference = Reference.parse(f"registry.example/app@{DIGEST}").with_tag("2")
    assert (reference.tag, reference.digest, reference.asked) == ("2", None, "2")
    assert str(reference) == "registry.example/app:2"
    assert reference.repository == Reference.parse("registry.example/app").repository
    assert reference.named_registry
    assert Reference.parse("library/app").with_tag("2").local_text == "app:2"


def test_the_printed_reference_joins_a_digest_with_an_at_sign() -> None:
    assert Reference.parse("library/app:1").local_text == "app:1"
    assert Reference.parse(f"library/app:1@{DIGEST}").local_text == f"app@{DIGEST}"


@given(text=st.text(alphabet="ab0.:/@_-\n[]A ", max_size=20), seed_grammar=st.booleans())
@settings(deadline=None)
def test_nothing_but_a_syntax_error_comes_out(text: str, *, seed_grammar: bool) -> None:
    with contextlib.suppress(ReferenceSyntaxError):
        reference = Reference.parse(text, seed_grammar=seed_grammar)
        assert str(reference) == text
        assert reference.asked


def test_the_same_repository_by_digest() -> None:
    digest = "sha256:" + "a" * 64
    named = Reference.parse("127.0.0.1:5000/app:1").with_digest(digest)
    assert (named.text, named.tag, named.asked) == (f"127.0.0.1:5000/app@{digest}", None, digest)
    assert Reference.parse(named.text) == named
    assert Reference.bare("1").with_digest(digest) == Reference.bare(digest)
