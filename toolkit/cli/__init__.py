"""The command: the same verbs from a shell.

The rule of this room: it reads arguments, calls the library and prints; a file adds its verbs to the parser with ``add``.
Exit status 0 accepted, 1 a finding rejects it, 2 usage, 3 it could not be decided. With ``--json`` standard output holds one
JSON document and nothing else.
"""
