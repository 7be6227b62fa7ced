"""The core: from the bytes of a request to the bytes of its response. It is pure: no I/O, no clock, no randomness, and no dialect's name.

Start at `exchange.py`.
"""
