"""What a layer is called, and from which bytes.

The rule of this room: an identity is the hash of bytes one can print; making the bytes and hashing them are separate.
"""
