"""A registry you can lie with: for notebooks, for tests, for whoever wants to see what a tamper looks like.

The rule of this room: everything is made from fixed seeds, so that two machines make the same bytes. No other room
uses it, except the command's ``lab``.
"""

from toolkit.simulator.catalogue import CASES, combined, serve
from toolkit.simulator.images import LayerRecipe, SimulatedImage, build_image, layer_blob
from toolkit.simulator.server import LoopbackServer
from toolkit.simulator.signing import SigningKey
from toolkit.simulator.tampering import TAMPERINGS, Served, honest
from toolkit.simulator.teaching import GRAPHS, prepare_graph, teaching_registry

__all__ = [
    "CASES",
    "GRAPHS",
    "TAMPERINGS",
    "LayerRecipe",
    "LoopbackServer",
    "Served",
    "SigningKey",
    "SimulatedImage",
    "build_image",
    "combined",
    "honest",
    "layer_blob",
    "prepare_graph",
    "serve",
    "teaching_registry",
]
