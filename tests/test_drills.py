"""The checks that the drills use. The drills themselves are run by `make drill`: each takes longer than a test may."""

from tools.drills import clock
from tools.drills.receiver import Call


def test_a_gap_is_from_the_first_call_of_what_was_refused_to_the_second() -> None:
    calls = [Call(1.0, "text 12", "sent", 500), Call(2.0, "text 13", "sent", 200), Call(6.5, "text 12", "sent", 200)]
    assert clock.gaps(calls) == {("text 12", "sent"): 5.5}
