"""What one image is called in three ages of Docker: by a random name, by its history, by its content alone.

The rule of this file: the names are made in ``identity``; here they are put side by side, for an image of either kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from toolkit.errors import UsageError
from toolkit.identity.as_schema1 import EMPTY_LAYER, v1_chain
from toolkit.manifests.config import read_config
from toolkit.manifests.descriptor import read_object

if TYPE_CHECKING:
    from toolkit.pulling.report import Report

_COLUMNS: Final = {
    "position": "int64",
    "created_by": "str",
    "empty": "bool",
    "layer_digest": "str",
    "v1_id": "str",
    "strong_id": "str",
    "diff_id": "str",
    "chain_id": "str",
}


def identity_ages(report: Report) -> pd.DataFrame:
    """Put the names of every step of an image side by side.

    Parameters
    ----------
    report : Report
        Of one image. For a schema1 image the first two ages are what its manifest says; for today's formats they are
        what a registry would say that converts it for an old client.

    Returns
    -------
    DataFrame
        One row for each step, base first: position, created_by, empty (the step left no layer of its own),
        layer_digest, v1_id (up to Docker 1.8: taken from the manifest), strong_id (Docker 1.9), diff_id and chain_id
        (since Docker 1.10).

    Raises
    ------
    UsageError
        The report is of no image, or of several.
    ImageConfigError
        The configuration has no history that fits the layers, so nobody can convert it.

    Notes
    -----
    Origin: ``MakeImageConfig`` of Docker 1.9; distribution's schema1 config builder; OCI image-spec, config.md.
    """
    layers = report.layers.sort_values("position", ignore_index=True)
    images = set(layers["image"])
    if len(images) != 1:
        raise UsageError(
            "the ages of what?",
            expected="a report of one image with layers",
            actual=f"{len(images)} images",
            next_step="inspect one image; with an index, name one platform",
        )
    strong = report.strong_ids
    rows = _as_pulled(layers, strong) if len(strong) else _as_converted(report, layers)
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)


def _as_pulled(layers: pd.DataFrame, strong: pd.DataFrame) -> list[dict[str, Any]]:
    named = layers.merge(strong[["position", "strong_id"]], on="position")
    return [
        {
            "position": row.position,
            "created_by": row.created_by,
            "empty": row.blob_digest == EMPTY_LAYER,
            "layer_digest": row.blob_digest,
            "v1_id": row.compatibility_id,
            "strong_id": row.strong_id,
            "diff_id": row.diff_id,
            "chain_id": row.chain_id,
        }
        for row in named.itertuples(index=False)
    ]


def _as_converted(report: Report, layers: pd.DataFrame) -> list[dict[str, Any]]:
    digest = report.manifests["config_digest"].dropna().iloc[-1]
    config = report.body(digest)
    ages = v1_chain(config, layers["blob_digest"].tolist())
    commands = _commands(config)
    return [
        {
            "position": age.position,
            "created_by": commands[age.position],
            "empty": age.empty,
            "layer_digest": age.layer_digest,
            "v1_id": age.v1_id,
            "strong_id": age.strong_id,
            "diff_id": age.diff_id,
            "chain_id": age.chain_id,
        }
        for age in ages
    ]


def _commands(config: bytes) -> list[str | None]:
    return [entry.created_by for entry in read_config(read_object(config)).history or ()]
