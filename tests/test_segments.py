"""Segments by 3GPP TS 23.038: literal cases on which sms-segments-calculator 1.3.0, split-sms 0.1.7 and smsutil 1.1.3 agree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.twins.properties_v2.segments import count_segments as by_the_twin
from translator.core.values.codecs.segments import count_segments, segments_of


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 1), ("a" * 160, 1), ("a" * 161, 2), ("a" * 159 + "€", 2), ("a" * 152 + "€" + "a" * 153, 3), ("{" * 153, 3),
        ("\f" * 80, 1), ("a" * 159 + "`", 3), ("ç" * 70, 1), ("ç" * 71, 2), ("Ω" * 140, 1), ("a\r\n" * 54, 2), ("\u00a0" + "a" * 69, 1),
        ("\t" + "a" * 100, 2), ("ж" * 69 + "😀", 2), ("ж" * 66 + "😀" + "ж" * 66, 3),
    ],
)  # fmt: skip
def test_segments_are_counted_as_networks_cut(text: str, segments: int) -> None:
    assert count_segments(text) == segments


@given(st.text(max_size=400) | st.text("a€{ж😀\n`", max_size=400))
def test_the_count_is_that_of_the_simulated_provider(text: str) -> None:
    assert count_segments(text) == by_the_twin(text)


def test_a_message_that_came_in_counts_none() -> None:
    """ "NumSegments": 0 in both of the document's examples, which were received."""
    assert [segments_of(direction, "a" * 200) for direction in ("inbound", "outbound-api", "outbound-reply")] == [
        0,
        2,
        2,
    ]
