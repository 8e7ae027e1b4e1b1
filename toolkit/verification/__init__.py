"""Evidence to verdict.

The rule of this room: a rule has one slug, one sentence, one origin and one place where it is checked. Functions here
take bytes and values and return a verdict that carries its rows; they refuse nothing by themselves.
"""
