"""Can every image of the chain be named by its content?

The rule of this file: the names are made in ``identity``; here is only asked whether they can be made, and whether
the layer digests they rest on are of a kind anybody can verify.
"""

from __future__ import annotations

from toolkit.digests import Digest
from toolkit.errors import ImageConfigError
from toolkit.identity.strong_id import Link, StrongImage, strong_ids
from toolkit.verification.layer_chain import LayerChain
from toolkit.verification.policy import Policy
from toolkit.verification.verdict import Rows, Verdict


def verify_image_chain(chain: LayerChain, policy: Policy, *, by_digest: bool) -> Verdict[tuple[StrongImage, ...]]:
    """Name the images of a chain, base first.

    Parameters
    ----------
    chain : LayerChain
    policy : Policy
    by_digest : bool
        Whether the image was asked for by digest.

    Returns
    -------
    Verdict of tuple of StrongImage
        Rows of the stage ``identity``.

    Notes
    -----
    Origin: ``getImageInfos`` of Docker 1.9's ``graph/pull_v2.go``, without the reuse of IDs.
    """
    rows = Rows(policy, by_digest=by_digest)
    images: tuple[StrongImage, ...] | None = None
    try:
        images = strong_ids(
            Link(
                position=slot.position,
                compatibility_id=slot.compatibility_id,
                compatibility_parent=slot.compatibility_parent,
                layer_digest=slot.blob_digest,
                v1_compatibility=slot.v1_compatibility,
            )
            for slot in chain.kept
        )
    except ImageConfigError as error:
        rows.failed("image-config", error.where, error.message, expected=error.expected, actual=error.actual)
    else:
        rows.passed("image-config", "fsLayers", actual=len(images))
    odd = [slot for slot in chain.slots if not Digest.is_exact(slot.blob_digest)]
    for slot in odd:
        rows.failed(
            "layer-digest-supported",
            f"fsLayers[{slot.manifest_index}]",
            "nobody can verify a layer named like this",
            expected="sha256:<64 lower-case hex digits> or sha512:<128>",
            actual=slot.blob_digest,
            undecided=True,
        )
    if not odd:
        rows.passed("layer-digest-supported", "fsLayers", actual=len(chain.slots))
    return Verdict(images, rows.checks)
