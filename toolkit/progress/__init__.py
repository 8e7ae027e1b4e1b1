"""What happens during a call, told while it happens.

The rule of this room: it knows what steps are, how they are written and who hears them; it starts nothing, and who
tells waits for nobody.
"""
