"""DataFrames to DataFrames: the questions people ask of a report.

The rule of this room: no I/O and no judgement; every function says which columns it needs and which it gives.
"""

from toolkit.analysis.digest_mismatches import digest_mismatches
from toolkit.analysis.duplicate_layers import duplicate_layers, sharing
from toolkit.analysis.identity_ages import identity_ages
from toolkit.analysis.parent_chains import parent_chain
from toolkit.analysis.readable import readable

__all__ = ["digest_mismatches", "duplicate_layers", "identity_ages", "parent_chain", "readable", "sharing"]
