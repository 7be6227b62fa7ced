"""Every literal exchange holds, and none has been lost."""

from typing import Any

import pytest

from tests.exchanges import dialects, play, read_cases

CASES = read_cases()


def test_the_cases_are_found() -> None:
    assert len(CASES) >= 120
    names = [(case["theme"], case["name"]) for case in CASES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['theme']}: {case['name']}")
def test_an_exchange_is_as_its_case_says(case: dict[str, Any]) -> None:
    play(case, dialects())
