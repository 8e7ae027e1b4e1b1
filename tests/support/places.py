"""Reference data that lies beside the project, where it does."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("LAYERPROOF_SHARED", PROJECT.parent / "shared"))
VECTORS = SHARED / "docker19" / "vectors"
CORPUS = SHARED / "corpus"

needs_vectors = pytest.mark.skipif(not VECTORS.is_dir(), reason=f"the golden vectors are not beside the project ({VECTORS.name})")
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of images is not beside the project")


def oracle(name: str) -> Any:
    """Read a file of the oracle; an empty list where there is none, so that collection works anywhere."""
    path = VECTORS / "oracle" / name
    return json.loads(path.read_bytes()) if path.is_file() else []


def truth() -> dict[str, Any]:
    """Read the corpus's expected values."""
    path = CORPUS / "truth.json"
    return json.loads(path.read_bytes()) if path.is_file() else {}
