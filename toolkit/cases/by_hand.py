"""How to repeat a check without this package: a few commands every examiner has.

The rule of this file: nothing a source said gets into a command, but digests, numbers and paths made of plain names. What a
command must print stands beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from toolkit.digests import Digest
from toolkit.records import Check, Layer, Manifest, Record, StrongID

_MEMBER: Final = re.compile(
    r"(?:[A-Za-z][A-Za-z0-9]{0,39}(?:\[[0-9]{1,5}\])?)(?:\.[A-Za-z][A-Za-z0-9]{0,39}(?:\[[0-9]{1,5}\])?){0,6}"
)
_PROTECTED: Final = '.signatures[0].protected | gsub("-";"+") | gsub("_";"/") | @base64d | fromjson'
_UNPACK: Final = {"gzip": "gzip -dc", "zstd": "zstd -dc", "bzip2": "bzip2 -dc", "xz": "xz -dc", "none": "cat"}
_SIZES: Final = frozenset({"blob-size", "descriptor-size"})
_WHOLE_BODY: Final = frozenset({"manifest-digest", "header-digest"})


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: what it shows, the command, and what it must print; nothing when it prints something to read."""

    about: str
    command: str
    prints: str = ""


@dataclass(frozen=True, slots=True)
class Places:
    """Where things lie, as seen from the folder in which the commands are run.

    ``evidence`` gives the file of kept bytes, or nothing; ``ledger`` is the file of the call's rows, if there is one; ``folder``
    says in words which folder that is.
    """

    evidence: Callable[[str], str | None]
    ledger: str | None
    folder: str

    def file(self, digest: str | None) -> str | None:
        """Where kept bytes lie; nothing when they are not kept, or the digest is none."""
        return self.evidence(digest) if digest is not None and Digest.is_exact(digest) else None


def of_finding(check: Check, mine: Sequence[Record], places: Places) -> list[Step]:
    """Say how to see a finding in the bytes themselves.

    Parameters
    ----------
    check : Check
        A row that failed.
    mine : sequence of Record
        What was noted of the same image.
    places : Places

    Returns
    -------
    list of Step
        Empty when the bytes were not kept.
    """
    found = [*_of_bytes(check, mine, places), *_of_document(check, mine, places)]
    if not found and places.ledger is not None:
        rule = f'select(.table == "checks" and .rule == "{check.rule}" and .outcome == "failed")'
        found = [Step("What was noted, as it was noted:", f"jq '{rule}' {places.ledger}")] if _is_slug(check.rule) else []
    return found


def of_image(mine: Sequence[Record], places: Places) -> list[Step]:
    """Say how to check a whole image: its manifest, its layers, and every ID made of them."""
    manifests = [row for row in mine if isinstance(row, Manifest)]
    layers = sorted((row for row in mine if isinstance(row, Layer)), key=lambda row: row.position)
    steps = [step for manifest in manifests for step in _manifest(manifest, places)]
    steps += [step for layer in _once(layers) for step in _layer(layer, places)]
    steps += _chain(layers)
    return steps + [step for row in mine if isinstance(row, StrongID) for step in _strong(row, places)]


def of_ledger(call: str, head: str | None, places: Places) -> list[Step]:
    """Say how to see that the rows of a call are the ones that were written when it ended.

    Parameters
    ----------
    call : str
    head : str, optional
        The hash of the line of HEADS about it; none when the call did not end.
    places : Places
    """
    if places.ledger is None or head is None:
        return []
    entry = f'grep \'"name":"{call}[".]\' ledger/HEADS | tail -n 1'
    last = f"ls {places.ledger} | tail -n 1 | xargs tail -n 1 | sha256sum | cut -c 1-64"
    return [
        Step(
            "What was noted about the call when it ended; its hash is the head of the ledger then:", f"{entry} | sha256sum", head
        ),
        Step(
            "The last line of the call has the hash noted there, and every line holds the hash of the one before:",
            f'test "$({last})" = "$({entry} | jq -r .head)" && echo same',
            "same",
        ),
    ]


def _of_bytes(check: Check, mine: Sequence[Record], places: Places) -> Iterator[Step]:
    for layer in mine:
        if not isinstance(layer, Layer) or layer.blob_digest != check.subject:
            continue
        path = places.file(layer.evidence)
        if path is None or layer.evidence is None:
            continue
        yield Step("The bytes that came, hashed again:", f"{_sum(layer.evidence)} {path}", _hex(layer.evidence))
        if check.rule in _SIZES:
            yield Step("How many there are:", f"wc -c < {path}", "" if layer.size is None else str(layer.size))
        if check.rule == "diff-id" and layer.diff_id is not None:
            yield from _diff_id(layer, path)
        if check.rule == "layer-readable":
            yield Step(
                "Read to the end, they stop with an error:", f"{_UNPACK.get(layer.compression or '', 'gzip -dc')} {path} | wc -c"
            )
        return


def _of_document(check: Check, mine: Sequence[Record], places: Places) -> Iterator[Step]:
    manifests = [row for row in mine if isinstance(row, Manifest)]
    if not manifests:
        return
    manifest = next((one for one in reversed(manifests) if check.subject in (one.digest, one.requested)), manifests[-1])
    path = places.file(manifest.evidence)
    if path is None:
        return
    if check.rule in _WHOLE_BODY:
        yield from _manifest(manifest, places)
    elif Digest.is_exact(check.subject) and check.subject != manifest.digest:
        yield Step("How often the manifest names it:", f"grep -o '{_hex(check.subject)}' {path} | wc -l")
    elif _MEMBER.fullmatch(check.subject):
        yield Step("What the manifest says there:", f"jq '.{check.subject}' {path}")
    else:
        yield Step("The document, as it was received:", f"cat {path}")


def _manifest(manifest: Manifest, places: Places) -> Iterator[Step]:
    path = places.file(manifest.evidence)
    if path is None:
        return
    yield Step("The manifest as it was received:", f"{_sum(manifest.evidence)} {path}", _hex(manifest.evidence))
    if manifest.digest_basis == "payload" and manifest.digest != manifest.body_digest:
        head = f"head -c \"$(jq '{_PROTECTED} | .formatLength' {path})\" {path}"
        tail = f'jq -j \'{_PROTECTED} | .formatTail | gsub("-";"+") | gsub("_";"/") | @base64d\' {path}'
        yield Step(
            "Its own digest is taken over what is signed, the body without its signatures:",
            f"{{ {head}; {tail}; }} | {_sum(manifest.digest)}",
            _hex(manifest.digest),
        )
    config = places.file(manifest.config_digest)
    if config is not None and manifest.config_digest is not None:
        yield Step(
            "The configuration; its digest is the image ID:",
            f"{_sum(manifest.config_digest)} {config}",
            _hex(manifest.config_digest),
        )


def _layer(layer: Layer, places: Places) -> Iterator[Step]:
    path = places.file(layer.evidence)
    if path is None or layer.evidence is None:
        return
    yield Step(f"Layer {layer.position}, as it was received:", f"{_sum(layer.evidence)} {path}", _hex(layer.evidence))
    yield from _diff_id(layer, path)


def _diff_id(layer: Layer, path: str) -> Iterator[Step]:
    unpack = _UNPACK.get(layer.compression or "")
    if unpack is None or layer.diff_id is None or not Digest.is_exact(layer.diff_id):
        return
    yield Step(
        f"Layer {layer.position} without its compression: the diff ID",
        f"{unpack} {path} | {_sum(layer.diff_id)}",
        _hex(layer.diff_id),
    )


def _chain(layers: list[Layer]) -> Iterator[Step]:
    below: Layer | None = None
    for layer in layers:
        if layer.chain_id is None or layer.diff_id is None:
            continue
        if (
            below is not None
            and below.chain_id is not None
            and Digest.is_exact(layer.diff_id)
            and Digest.is_exact(below.chain_id)
        ):
            yield Step(
                f"The chain ID up to layer {layer.position}: the one below and this diff ID",
                f"printf '%s %s' {below.chain_id} {layer.diff_id} | {_sum(layer.chain_id)}",
                _hex(layer.chain_id),
            )
        below = layer


def _strong(row: StrongID, places: Places) -> Iterator[Step]:
    if places.ledger is None or row.strong_id is None or not Digest.is_exact(row.strong_id):
        return
    which = f'.table == "strong_ids" and .strong_id == "{row.strong_id}"'
    yield Step(
        f"The strong ID of image {row.position}: the configuration bytes noted in the ledger, hashed",
        f"jq -r 'select({which}) | .config' {places.ledger} | head -n 1 | base64 -d | sha256sum",
        _hex(row.strong_id),
    )


def _once(layers: list[Layer]) -> list[Layer]:
    return list({layer.evidence: layer for layer in reversed(layers)}.values())[::-1]


def _sum(digest: str) -> str:
    return "sha512sum" if digest.startswith("sha512:") else "sha256sum"


def _hex(digest: str) -> str:
    return digest.partition(":")[2]


def _is_slug(rule: str) -> bool:
    return re.fullmatch(r"[a-z0-9-]+", rule) is not None
