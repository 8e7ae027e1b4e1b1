"""Where bytes come from.

The rule of this room: a source hands over bytes and what was claimed about them; it believes nothing and decides
nothing about content. httpx is imported here only.
"""
