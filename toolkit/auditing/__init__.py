"""Looking again, later: at what a graph holds, and at what was decided.

The rule of this room: it asks no source and believes no earlier answer; everything is computed from the files anew.
"""
