"""layerproof: pull and verify container images, with every decision a row.

The door: what is named here is public and stays; everything is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from toolkit._version import VERSION as __version__  # noqa: N811  # the name Python expects

if TYPE_CHECKING:
    from toolkit import analysis, errors, simulator
    from toolkit.auditing.purging import purge
    from toolkit.auditing.recovering import recover
    from toolkit.auditing.rejudging import rejudge
    from toolkit.auditing.verifying import verify
    from toolkit.cases.check import check_case
    from toolkit.cases.export import export_case
    from toolkit.digests import Digest
    from toolkit.errors import ToolkitError, VerificationError
    from toolkit.graph.store import Graph
    from toolkit.identity.chain_id import chain_ids
    from toolkit.identity.image_config import image_config
    from toolkit.identity.strong_id import strong_id
    from toolkit.ledger.ledger import Ledger
    from toolkit.ledger.verify_ledger import verify_ledger
    from toolkit.pulling.explain import explain
    from toolkit.pulling.inspect import inspect
    from toolkit.pulling.judge import judge
    from toolkit.pulling.pull import pull
    from toolkit.pulling.report import Report
    from toolkit.pulling.start import start_pull
    from toolkit.references import Reference
    from toolkit.reuse.plan import next_id
    from toolkit.sources.opening import open_source
    from toolkit.survey.image_files import files, timeline
    from toolkit.survey.read_file import read_file
    from toolkit.verification.policy import Policy
    from toolkit.verification.rules import RULES
    from toolkit.views import plots, widgets

_WHERE = {
    "Digest": "toolkit.digests",
    "Graph": "toolkit.graph.store",
    "Ledger": "toolkit.ledger.ledger",
    "Policy": "toolkit.verification.policy",
    "RULES": "toolkit.verification.rules",
    "Reference": "toolkit.references",
    "Report": "toolkit.pulling.report",
    "ToolkitError": "toolkit.errors",
    "VerificationError": "toolkit.errors",
    "chain_ids": "toolkit.identity.chain_id",
    "check_case": "toolkit.cases.check",
    "explain": "toolkit.pulling.explain",
    "export_case": "toolkit.cases.export",
    "files": "toolkit.survey.image_files",
    "image_config": "toolkit.identity.image_config",
    "inspect": "toolkit.pulling.inspect",
    "judge": "toolkit.pulling.judge",
    "next_id": "toolkit.reuse.plan",
    "open_source": "toolkit.sources.opening",
    "pull": "toolkit.pulling.pull",
    "purge": "toolkit.auditing.purging",
    "read_file": "toolkit.survey.read_file",
    "recover": "toolkit.auditing.recovering",
    "rejudge": "toolkit.auditing.rejudging",
    "start_pull": "toolkit.pulling.start",
    "strong_id": "toolkit.identity.strong_id",
    "timeline": "toolkit.survey.image_files",
    "verify": "toolkit.auditing.verifying",
    "verify_ledger": "toolkit.ledger.verify_ledger",
}
_ROOMS = {
    "analysis": "toolkit.analysis",
    "errors": "toolkit.errors",
    "plots": "toolkit.views.plots",
    "simulator": "toolkit.simulator",
    "widgets": "toolkit.views.widgets",
}

__all__ = [
    "RULES",
    "Digest",
    "Graph",
    "Ledger",
    "Policy",
    "Reference",
    "Report",
    "ToolkitError",
    "VerificationError",
    "__version__",
    "analysis",
    "chain_ids",
    "check_case",
    "errors",
    "explain",
    "export_case",
    "files",
    "image_config",
    "inspect",
    "judge",
    "next_id",
    "open_source",
    "plots",
    "pull",
    "purge",
    "read_file",
    "recover",
    "rejudge",
    "simulator",
    "start_pull",
    "strong_id",
    "timeline",
    "verify",
    "verify_ledger",
    "widgets",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        value: Any = importlib.import_module(_ROOMS[name])
    elif name in _WHERE:
        value = getattr(importlib.import_module(_WHERE[name]), name)
    else:
        raise AttributeError(f"module 'toolkit' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
