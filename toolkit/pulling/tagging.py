"""What is said of a reference that was set.

The rule of this file: it judges the move from one image to another; who sets the reference has set it already.
"""

from __future__ import annotations

from toolkit.records import Check, Tag
from toolkit.references import Reference
from toolkit.verification.policy import Policy
from toolkit.verification.verdict import Rows


def conclude_tag(
    reference: Reference, image_id: str, old_id: str | None, policy: Policy, *, by_digest: bool, registered: bool
) -> tuple[Tag, tuple[Check, ...]]:
    """Say what setting a reference means: is the image newer, and is that said truthfully?

    Notes
    -----
    Origin: ``pullV2Tag`` of Docker 1.9: newer means that something was extracted, or that the reference was not set
    before; IDs are not compared (weakness W6).
    """
    moved = old_id is not None and old_id != image_id
    newer = registered or old_id is None or (moved and not policy.is_seed)
    rows = Rows(policy, by_digest=by_digest)
    if moved and not newer:
        text = f"the tag moved from {old_id} to {image_id}, and Docker 1.9 calls the image up to date"
        rows.failed("tag-moved", reference.asked, text, expected=old_id, actual=image_id)
    else:
        rows.passed("tag-moved", reference.asked, expected=old_id, actual=image_id)
    record = Tag(
        name=reference.repository.local_name,
        reference=reference.asked,
        kind="digest" if ":" in reference.asked else "tag",
        old_id=old_id,
        new_id=image_id,
        newer=newer,
    )
    return record, rows.checks
