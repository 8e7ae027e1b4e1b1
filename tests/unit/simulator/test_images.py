"""Simulated images: the same bytes everywhere, honest unless somebody lies on purpose."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile

import pytest
from support.places import PROJECT

import toolkit as tk
from toolkit.digests import sha256
from toolkit.simulator.images import LayerRecipe, SimulatedImage, build_image, edit_history, layer_blob, stored_gzip
from toolkit.simulator.signing import SigningKey, sign_manifest
from toolkit.simulator.tampering import TAMPERINGS, honest

FILES = {"etc/": b"", "etc/motd": b"welcome\n", "bin/sh": b"#!\n" * 40}
RECIPES = [LayerRecipe("ADD", FILES), LayerRecipe("RUN", {"a": b"1"}), LayerRecipe("CMD")]


def image() -> SimulatedImage:
    return build_image("story/made", "1", RECIPES)


# -- layers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 200_000])
def test_a_stored_gzip_is_a_gzip_that_hides_nothing(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    packed = stored_gzip(data)
    assert gzip.decompress(packed) == data
    assert data[:100] in packed
    assert packed == stored_gzip(data)


@pytest.mark.parametrize("packed", [True, False])
def test_a_layer_is_a_tar_of_the_files_that_were_named(packed: bool) -> None:  # noqa: FBT001
    with tarfile.open(fileobj=io.BytesIO(layer_blob(FILES, gzip=packed))) as archive:
        members = {member.name: member for member in archive.getmembers()}
        assert list(members) == ["etc", "etc/motd", "bin/sh"]
        assert members["etc"].isdir()
        stored = archive.extractfile("etc/motd")
        assert stored is not None
        assert stored.read() == b"welcome\n"


# -- images ------------------------------------------------------------------------------------------------------


def test_an_image_holds_together() -> None:
    made = image()
    assert [sha256(blob) for blob in made.blobs.values()] == list(made.blobs)
    history = [json.loads(entry["v1Compatibility"]) for entry in made.document["history"]]
    assert [record.get("parent") for record in history] == [history[1]["id"], history[2]["id"], None]
    assert made.digest == "sha256:" + hashlib.sha256(made.payload).hexdigest()
    assert tk.judge(made.body, "story.example/story/made:1").findings == []


def test_an_image_without_keys_is_not_signed() -> None:
    unsigned = SimulatedImage(repository="a/b", tag="1", document=image().document, blobs={}, keys=())
    assert unsigned.body == unsigned.payload
    assert b"signatures" not in unsigned.body


def test_a_changed_image_is_signed_anew_and_the_first_stays() -> None:
    made = image()
    before = made.body
    changed = made.changed(tag="2")
    assert changed.document["tag"] == "2"
    assert made.body == before
    assert tk.judge(changed.body, "story.example/story/made:2").findings == []


def test_a_history_entry_is_edited_in_place() -> None:
    made = image()
    edited = edit_history(made, 0, os=None, author="somebody", absent=None)
    record = json.loads(edited.document["history"][0]["v1Compatibility"])
    assert "os" not in record
    assert record["author"] == "somebody"
    assert edited.document["history"][1:] == made.document["history"][1:]
    assert "author" not in made.document["history"][0]["v1Compatibility"]


MADE = """
from toolkit.digests import sha256
from toolkit.simulator.teaching import teaching_registry

registry = teaching_registry()
parts = [manifest.body for tags in registry.manifests.values() for manifest in tags.values()]
print(sha256(b"".join([*parts, *(registry.blobs[name] for name in sorted(registry.blobs))])))
"""


def test_two_processes_make_the_same_bytes() -> None:
    said = {
        subprocess.run(
            [sys.executable, "-c", MADE], cwd=PROJECT, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1


# -- signatures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("curve", ["P-256", "P-384", "P-521"])
def test_every_curve_signs_what_our_verifier_accepts(curve: str) -> None:
    made = image()
    body = sign_manifest(made.payload, [SigningKey("a word", curve)])
    report = tk.judge(body, "story.example/story/made:1")
    assert report.findings == []
    assert report.signatures["algorithm"].tolist() == [{"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}[curve]]
    assert report.signatures["key_id"].tolist() == [SigningKey("a word", curve).public.key_id]


def test_several_keys_sign_one_manifest() -> None:
    keys = [SigningKey("one"), SigningKey("two", "P-384")]
    report = tk.judge(sign_manifest(image().payload, keys), "story.example/story/made:1")
    assert report.signatures["status"].tolist() == ["valid-self-asserted"] * 2
    assert report.signatures["key_id"].tolist() == [key.public.key_id for key in keys]


def test_a_signature_is_the_same_each_time_and_each_key_is_its_own() -> None:
    assert sign_manifest(image().payload, [SigningKey("one")]) == sign_manifest(image().payload, [SigningKey("one")])
    assert SigningKey("one").public.key_id != SigningKey("two").public.key_id


# -- lies --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_lie_is_told_about_an_honest_image(name: str) -> None:
    case = TAMPERINGS[name]
    made = image()
    before = honest(made)
    told = case.tamper(made)
    assert told != before
    assert honest(made) == before
    assert case.tamper(made) == told
    assert case.name == name
    assert case.about.endswith(".") or "(" in case.about or case.about
    assert case.rule in tk.RULES


def test_an_honest_image_is_served_as_it_is() -> None:
    made = image()
    served = honest(made)
    assert (served.body, served.digest, served.blobs) == (made.body, made.digest, made.blobs)
    assert served.blobs is not made.blobs
