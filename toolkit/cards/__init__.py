"""Results as something to read: text and HTML of the same facts.

The rule of this room: pure, and every text from outside passes ``escaping`` on its way.
"""
