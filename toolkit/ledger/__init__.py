"""What was decided: rows that are only ever added, and frames made from them.

The rule of this room: a ledger cannot influence a result. It stamps rows, keeps them in memory and, given a place, on
disk as JSON Lines; frames are derived and can be made again.
"""
