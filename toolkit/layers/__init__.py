"""What is inside a layer: decompress it, walk its headers.

The rule of this room: bytes stream through; memory does not grow with a layer; nothing is ever extracted. Only bytes
whose digest was verified come here.
"""
