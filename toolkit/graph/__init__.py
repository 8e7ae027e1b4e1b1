"""Where images live: Docker 1.9's own per-image files, and blobs in an OCI image layout.

The rule of this room: what is committed is never overwritten or deleted, and stands under a name computed from its
bytes. Whatever is an index can be built again from plain files.
"""
