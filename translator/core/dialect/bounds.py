"""Bounds of a range of time: how a dialect's two are read as since <= created < until, and which ones let such a range through.

A bound is to its grain: of one to the minute the seconds are not looked at, so that an inclusive upper bound of 10:05:30 keeps
all of 10:05, and an exclusive lower one begins at 10:06. To the second, fractions are what lies inside the range.
"""

import math


def since(value: float, grain: int, *, inclusive: bool) -> int:
    """The first second that a lower bound lets through."""
    if grain == 1:
        return math.ceil(value) if inclusive else math.floor(value) + 1
    begins = math.floor(value) // grain * grain
    return begins if inclusive else begins + grain


def until(value: float, grain: int, *, inclusive: bool) -> int:
    """The first second that an upper bound does not let through any more."""
    if grain == 1:
        return math.floor(value) + 1 if inclusive else math.ceil(value)
    begins = math.floor(value) // grain * grain
    return begins + grain if inclusive else begins


def before(value: int, step: int) -> int:
    """The latest instant up to `value` that a form can say which knows multiples of `step` alone."""
    return value // step * step


def behind(value: int, step: int) -> int:
    """The earliest instant from `value` on that such a form can say; one to the day, say, behind all fractions of the second `value`."""
    return value if step == 1 else value // step * step + step


def lower(first: int, grain: int, *, inclusive: bool) -> int:
    """The latest lower bound that lets `first` through, and all after it."""
    begins = first // grain * grain
    return begins if inclusive else begins - grain


def upper(end: int, grain: int, *, inclusive: bool) -> int:
    """The earliest upper bound that lets everything before `end` through."""
    begins = -(-end // grain) * grain
    return begins - grain if inclusive else begins
