"""DataFrames to DataFrames: the questions people ask of a report.

The rule of this room: no I/O and no judgement; every function says which columns it needs and which it gives.
"""

from toolkit.analysis.config_changes import config_changes
from toolkit.analysis.digest_mismatches import digest_mismatches
from toolkit.analysis.drift import drift, drifted_blobs, explain_drift
from toolkit.analysis.duplicate_layers import duplicate_layers, sharing
from toolkit.analysis.file_copies import explain_file_copies, file_copies, file_spread, files_elsewhere
from toolkit.analysis.file_index import FileIndex
from toolkit.analysis.free_space import deletions, explain_free_space, free_space
from toolkit.analysis.identity_ages import identity_ages
from toolkit.analysis.latest import latest
from toolkit.analysis.lineage import base_candidates, explain_lineage, lineage
from toolkit.analysis.names import names, repositories
from toolkit.analysis.overlap import layer_images, overlap
from toolkit.analysis.parent_chains import parent_chain
from toolkit.analysis.reach import reach
from toolkit.analysis.readable import readable
from toolkit.analysis.savings import explain_savings, savings
from toolkit.analysis.stored_sizes import explain_stored_sizes, stored_sizes

__all__ = [
    "FileIndex",
    "base_candidates",
    "config_changes",
    "deletions",
    "digest_mismatches",
    "drift",
    "drifted_blobs",
    "duplicate_layers",
    "explain_drift",
    "explain_file_copies",
    "explain_free_space",
    "explain_lineage",
    "explain_savings",
    "explain_stored_sizes",
    "file_copies",
    "file_spread",
    "files_elsewhere",
    "free_space",
    "identity_ages",
    "latest",
    "layer_images",
    "lineage",
    "names",
    "overlap",
    "parent_chain",
    "reach",
    "readable",
    "repositories",
    "savings",
    "sharing",
    "stored_sizes",
]
