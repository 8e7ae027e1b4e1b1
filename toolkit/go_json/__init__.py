"""JSON as Go 1.4's ``encoding/json`` reads and writes it.

The rule of this room: Docker's identities are hashes of what this encoder wrote, so byte order, escapes and error
texts are Go's, not Python's. Nothing here knows what an image is.
"""
