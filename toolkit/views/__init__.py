"""DataFrames to pictures.

The rule of this room: it draws what it is given and decides nothing; every picture has words that say the same.
"""
