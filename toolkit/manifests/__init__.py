"""Bytes to typed documents; the raw bytes are kept.

The rule of this room: every digest is taken over bytes as received, and every accessor has its raw twin.
"""
