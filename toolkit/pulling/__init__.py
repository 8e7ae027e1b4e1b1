"""The story, in order: fetch, judge, name, transfer, register, tag.

The rule of this room: the only one that does I/O *and* notes rows. It decides nothing itself; what refuses is a row
that a pure room made.
"""
