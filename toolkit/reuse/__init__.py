"""Which ID each image ends up with.

The rule of this room: the graph is a Mapping of IDs to stored files, so a dict will do; nothing is written here, and
what must be written is part of the plan.
"""
