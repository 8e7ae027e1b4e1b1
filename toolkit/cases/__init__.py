"""A case file: everything decisions rest on, in one file a stranger can check without us.

The rule of this room: it decides nothing. What it writes follows from rows and kept bytes alone, so that the same case
gives the same bytes, and can be made anew and compared.
"""
