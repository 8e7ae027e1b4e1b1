"""Rows of the frames ``layers`` and ``strong_ids``: n slots in, n rows out.

The rule of this file: pure. Every slot of a manifest becomes a row whatever happened, also when the manifest was
refused before anybody looked at its layers.
"""

from __future__ import annotations

from collections.abc import Mapping

from toolkit.identity.chain_id import chain_ids
from toolkit.identity.strong_id import StrongImage
from toolkit.records import Disposition, Layer, StrongID
from toolkit.reuse.plan import PlannedImage
from toolkit.verification.blob import BlobFacts
from toolkit.verification.judgement import Judgement


def layer_rows(
    judgement: Judgement,
    planned: Mapping[int, PlannedImage],
    fates: Mapping[int, Disposition],
    facts: Mapping[str, BlobFacts],
) -> tuple[Layer, ...]:
    """Make the rows of ``layers``, base first.

    Parameters
    ----------
    judgement : Judgement
    planned : mapping of int to PlannedImage
        Position to the image with its ID; empty when no IDs were chosen.
    fates : mapping of int to str
        Position to disposition; what is not named was not needed.
    facts : mapping of str to BlobFacts
        What is known of each blob, by the digest in the manifest.
    """
    top = len(judgement.blob_sums) - 1
    slots = {} if judgement.chain is None else {slot.position: slot for slot in judgement.chain.slots}
    chains = _chain_ids(judgement, facts)
    rows = []
    for index in range(top, -1, -1):
        position, claimed = top - index, judgement.blob_sums[index]
        slot, blob = slots.get(position), facts.get(claimed)
        dropped = slot is not None and not slot.kept
        known = None if dropped else blob
        layer = None if known is None else known.measure
        readable = layer is not None and layer.problem is None
        rows.append(
            Layer(
                position=position,
                manifest_index=index,
                disposition="duplicate-removed" if dropped else fates.get(position, "not-needed"),
                blob_digest=claimed,
                actual_digest=None if known is None else known.actual,
                claimed_size=None if known is None else known.announced,
                size=None if known is None else known.size,
                compression=None if layer is None else layer.compression,
                diff_id=None if layer is None else layer.diff_id,
                chain_id=chains.get(position),
                layer_size=layer.layer_size if layer is not None and readable else None,
                compatibility_id=None if slot is None else slot.compatibility_id,
                image_id=planned[position].id if position in planned else None,
                evidence=None if known is None else known.evidence,
                created_by=None if slot is None else slot.created_by,
            )
        )
    return tuple(rows)


def strong_id_rows(images: tuple[StrongImage, ...], planned: Mapping[int, PlannedImage]) -> tuple[StrongID, ...]:
    """Make the rows of ``strong_ids``, base first."""
    return tuple(
        StrongID(
            position=image.position,
            compatibility_id=image.compatibility_id,
            compatibility_parent=image.compatibility_parent or None,
            strong_id=image.strong_id,
            strong_parent=image.strong_parent or None,
            final_id=planned[image.position].id if image.position in planned else None,
            final_parent=planned[image.position].parent if image.position in planned else None,
            derivation=image.derivation,
            layer_digest=image.layer_digest,
            config=image.config,
        )
        for image in images
    )


def _chain_ids(judgement: Judgement, facts: Mapping[str, BlobFacts]) -> dict[int, str]:
    """Chain the diff IDs of the kept layers, as far up as they are known."""
    positions: list[int] = []
    diff_ids: list[str] = []
    for slot in () if judgement.chain is None else judgement.chain.kept:
        blob = facts.get(slot.blob_digest)
        if blob is None or blob.measure is None or blob.measure.diff_id is None:
            break
        positions.append(slot.position)
        diff_ids.append(blob.measure.diff_id)
    return dict(zip(positions, chain_ids(diff_ids), strict=True))
