"""What layers hold, header by header, and what becomes of it when one lies on the other.

The rule of this room: pure. Bytes stream through, nothing is extracted, no header is dropped; only blobs whose digest was
verified come here.
"""
