"""The effort of the generated tests. Each test says how many examples it is worth; a profile multiplies all of them.

The environment variable `HYPOTHESIS_PROFILE` names the profile:

- `quick`: for `make check`;
- `person`: for a run by hand, which explores anew each time;
- `ci`: tries the same examples in each run;
- `nightly`: tries twenty times as many, and every value of a test that has more values than a quick run needs (`some`).

`HYPOTHESIS_EXAMPLES` is a number of examples for each of the tests that run, whatever each is worth: see `make compare`.
"""

import os
from collections.abc import Sequence
from typing import Final, TypeVar

from hypothesis import HealthCheck, settings

Value = TypeVar("Value")

_FACTORS: Final = {"quick": 0.1, "person": 0.25, "ci": 0.25, "nightly": 20.0}
PROFILE: Final = os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "person")
_EXACTLY: Final = int(os.environ.get("HYPOTHESIS_EXAMPLES") or 0)


def examples(worth: int) -> int:
    """The number of examples in this run for a test that is worth `worth` of them."""
    return _EXACTLY or max(3, round(worth * _FACTORS[PROFILE]))


def some(values: Sequence[Value], *few: Value) -> list[Value]:
    """The values of a parametrised test: all of them in a nightly run, else the few that differ in kind."""
    assert all(one in values for one in few)
    return list(values if PROFILE == "nightly" else few)


def load() -> None:
    """Register the profiles, and load the one of this run."""
    for name in _FACTORS:
        count = max(3, round(100 * _FACTORS[name]))
        steady = name in ("ci", "quick")
        # A machine that is busy all night draws its examples slowly, and nothing is wrong with them.
        slow = [HealthCheck.too_slow] if name == "nightly" else []
        settings.register_profile(
            name, deadline=None, max_examples=count, derandomize=steady, print_blob=steady, suppress_health_check=slow
        )
    settings.load_profile(PROFILE)
