"""Bounds of a range of time. Two bounds of a dialect are read as since <= created < until, and written so that they let such a range
through.

A bound is accurate to its grain. For a grain of one minute the seconds are ignored. So an inclusive upper bound of 10:05:30 keeps all of
10:05, and an exclusive lower one begins at 10:06. For a grain of one second, fractions decide what is inside the range.
"""

import math


def since(value: float, grain: int, *, inclusive: bool) -> int:
    """Return the first second that a lower bound lets through."""
    if grain == 1:
        return math.ceil(value) if inclusive else math.floor(value) + 1
    begins = math.floor(value) // grain * grain
    return begins if inclusive else begins + grain


def until(value: float, grain: int, *, inclusive: bool) -> int:
    """Return the first second that an upper bound no longer lets through."""
    if grain == 1:
        return math.floor(value) + 1 if inclusive else math.ceil(value)
    begins = math.floor(value) // grain * grain
    return begins + grain if inclusive else begins


def before(value: int, step: int) -> int:
    """Return the latest instant up to `value` that a form with multiples of `step` can express."""
    return value // step * step


def behind(value: int, step: int) -> int:
    """Return the earliest instant from `value` on that such a form can express. With a step of a day, it is after all fractions of that
    second."""
    return value if step == 1 else value // step * step + step


def lower(first: int, grain: int, *, inclusive: bool) -> int:
    """Return the latest lower bound that lets `first` and everything after it through."""
    begins = first // grain * grain
    return begins if inclusive else begins - grain


def upper(end: int, grain: int, *, inclusive: bool) -> int:
    """Return the earliest upper bound that lets everything before `end` through."""
    begins = -(-end // grain) * grain
    return begins - grain if inclusive else begins
