"""What is inside images, as frames.

The rule of this room: it asks, reads and shows; what is found is decided in ``files`` and ``analysis``.
"""
