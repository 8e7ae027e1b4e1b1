"""Do the layers of a manifest form one chain of images?

The rule of this file: it drops what Docker 1.9 dropped, keeps what it kept, and gives every slot of the manifest a
place in the result. Positions count from the base; the manifest's own order is top first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from toolkit.errors import GoJSONError
from toolkit.go_json.decode import fold, members
from toolkit.identity import image_record
from toolkit.manifests import strict_json
from toolkit.references import image_id_error
from toolkit.verification.manifest import VerifiedManifest, names_digest
from toolkit.verification.policy import Policy
from toolkit.verification.verdict import Rows, Verdict

_IDENTITY_NAMES: Final = {"id", "parent", "parent_id", "layer_id"}
_KNOWN_NAMES: Final = {
    fold(name): name
    for name in (
        *_IDENTITY_NAMES, "comment", "created", "container", "container_config", "docker_version", "author",
        "config", "architecture", "os", "Size", "throwaway",
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSlot:
    """One layer of the manifest: its place, its blob, its history entry and what that says."""

    position: int
    manifest_index: int
    blob_digest: str
    v1_compatibility: bytes
    compatibility_id: str
    compatibility_parent: str
    created_by: str
    kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerChain:
    """Every slot, base first; ``kept`` are the images of the chain. Made only here."""

    slots: tuple[LayerSlot, ...]

    @property
    def kept(self) -> tuple[LayerSlot, ...]:
        """The slots that are images of the chain, base first."""
        return tuple(slot for slot in self.slots if slot.kept)


@dataclass(frozen=True, slots=True)
class _Entry:
    index: int
    text: bytes
    record: dict[str, Any]

    @property
    def place(self) -> str:
        return f"history[{self.index}].v1Compatibility"


def verify_layer_chain(verified: VerifiedManifest, policy: Policy) -> Verdict[LayerChain]:
    """Judge the chain of a manifest's layers and remove duplicates.

    Parameters
    ----------
    verified : VerifiedManifest
        What ``verify_manifest`` made.
    policy : Policy

    Returns
    -------
    Verdict of LayerChain
        Rows of the stage ``chain``. ``value`` is None when a history entry cannot be read.

    Notes
    -----
    Origin: ``fixManifestLayers`` of Docker 1.9's ``graph/pull_v2.go``: of entries with the same ID that follow each
    other the lowest survives, with its blob and history.
    """
    manifest = verified.manifest
    rows = Rows(policy, by_digest=names_digest(verified.reference.asked))
    entries = _read_entries(manifest.history, rows)
    chain: LayerChain | None = None
    if entries is not None and len(entries) == len(manifest.blob_sums) and entries:
        _ambiguity_rules(entries, rows)
        _base_rules(entries[-1], rows)
        _repeat_rule(entries, rows)
        kept = _drop_and_link(entries, manifest.blob_sums, rows)
        chain = _chain(entries, manifest.blob_sums, kept)
    rows.skip_rest("chain", "history", "the history does not give one image for each layer")
    return Verdict(chain, rows.checks)


def _read_entries(history: tuple[str, ...], rows: Rows) -> list[_Entry] | None:
    """Read top to base and stop at the first entry that is none, as the seed does."""
    entries: list[_Entry] = []
    for index, text in enumerate(history):
        data = text.encode("utf-8")
        place = f"history[{index}].v1Compatibility"
        try:
            record = image_record.read(data)
        except GoJSONError as error:
            rows.failed("history-json", place, error.message, expected=error.expected, actual=error.actual)
            return None
        problem = image_id_error(record["id"])
        if problem is not None:
            if index:
                rows.passed("history-json", "history", actual=index)
            rows.failed("image-id-syntax", place, problem, expected="64 lower-case hex digits", actual=record["id"])
            return None
        entries.append(_Entry(index, data, record))
    if entries:
        rows.passed("history-json", "history", actual=len(entries))
        rows.passed("image-id-syntax", "history", actual=len(entries))
    return entries


def _ambiguity_rules(entries: list[_Entry], rows: Rows) -> None:
    for entry in entries:
        found = list(strict_json.complaints(entry.text))
        if found:
            rows.failed("history-unambiguous", entry.place, found[0], expected="one reading", actual="; ".join(found))
        for name, meant in _misspelt(entry.text):
            message = f"{name!r} is read as {meant!r} but hashed as it stands"
            if meant in _IDENTITY_NAMES:
                rows.failed("history-identity-names", entry.place, message, expected=meant, actual=name)
            else:
                rows.failed("history-key-case", entry.place, message, expected=meant, actual=name)
    for rule in ("history-unambiguous", "history-identity-names", "history-key-case"):
        if not rows.asked(rule):
            rows.passed(rule, "history", actual=len(entries))


def _misspelt(text: bytes) -> list[tuple[str, str]]:
    """Names of a history entry that Docker reads as another name, with that name."""
    return [
        (name, _KNOWN_NAMES[fold(name)])
        for name in members(text, "object")
        if fold(name) in _KNOWN_NAMES and name != _KNOWN_NAMES[fold(name)]
    ]


def _base_rules(base: _Entry, rows: Rows) -> None:
    parent = base.record["parent"]
    if parent:
        text = "Invalid parent ID in the base layer of the image."
        rows.failed("base-without-parent", base.place, text, expected="no parent", actual=parent)
    else:
        rows.passed("base-without-parent", base.place)
    if any(fold(name) == "parent_id" for name in members(base.text, "object")):
        rows.failed(
            "base-without-parent-id",
            base.place,
            "the base image's history entry brings a parent_id of its own",
            expected="no parent_id",
            actual=base.record["parent_id"],
        )
    else:
        rows.passed("base-without-parent-id", base.place)


def _repeat_rule(entries: list[_Entry], rows: Rows) -> None:
    seen: set[str] = set()
    previous = ""
    for entry in entries:
        image_id = entry.record["id"]
        if image_id in seen and image_id != previous:
            text = f"ID {image_id} appears multiple times in manifest"
            rows.failed("image-id-unique", entry.place, text, expected="an ID not seen higher up", actual=image_id)
            return
        seen.add(image_id)
        previous = image_id
    rows.passed("image-id-unique", "history", actual=len(seen))


def _drop_and_link(entries: list[_Entry], blob_sums: tuple[str, ...], rows: Rows) -> set[int]:
    """Walk from the base up: drop an entry with the ID of the one below, else ask for the link to it."""
    kept = {len(entries) - 1}
    below = entries[-1]
    linked = dropped = 0
    for entry in reversed(entries[:-1]):
        if entry.record["id"] == below.record["id"]:
            dropped += 1
            _duplicate_rules(entry, below, blob_sums, rows)
            continue
        kept.add(entry.index)
        parent, wanted = entry.record["parent"], below.record["id"]
        if parent == wanted:
            linked += 1
        else:
            text = f"Invalid parent ID. Expected {wanted}, got {parent}."
            rows.failed("parent-link", entry.place, text, expected=wanted, actual=parent)
        below = entry
    if linked == len(kept) - 1:
        rows.passed("parent-link", "history", actual=linked)
    if not dropped:
        for rule in ("duplicate-same-layer", "duplicate-same-history"):
            rows.skipped(rule, "history", "no layer is dropped")
    return kept


def _duplicate_rules(dropped: _Entry, kept: _Entry, blob_sums: tuple[str, ...], rows: Rows) -> None:
    blob, kept_blob = blob_sums[dropped.index], blob_sums[kept.index]
    place = f"fsLayers[{dropped.index}]"
    if blob == kept_blob:
        rows.passed("duplicate-same-layer", place, expected=kept_blob, actual=blob)
    else:
        rows.failed(
            "duplicate-same-layer",
            place,
            f"the layer is dropped as a duplicate of fsLayers[{kept.index}], but its blob is another",
            expected=kept_blob,
            actual=blob,
        )
    if dropped.text == kept.text:
        rows.passed("duplicate-same-history", dropped.place)
    else:
        rows.failed(
            "duplicate-same-history",
            dropped.place,
            f"the history entry differs from the one that is kept, history[{kept.index}]",
            expected=kept.text.decode("utf-8"),
            actual=dropped.text.decode("utf-8"),
        )


def _chain(entries: list[_Entry], blob_sums: tuple[str, ...], kept: set[int]) -> LayerChain:
    top = len(entries) - 1
    return LayerChain(
        slots=tuple(
            LayerSlot(
                position=top - entry.index,
                manifest_index=entry.index,
                blob_digest=blob_sums[entry.index],
                v1_compatibility=entry.text,
                compatibility_id=entry.record["id"],
                compatibility_parent=entry.record["parent"],
                created_by=" ".join(entry.record["container_config"]["Cmd"] or ()),
                kept=entry.index in kept,
            )
            for entry in reversed(entries)
        )
    )
