"""Words: a partition of the neutral words, read as a value and as a constraint."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.core.errors import BadValue
from translator.core.model import DIRECTIONS, STATUSES
from translator.core.values.vocabulary import ErrorWords, Vocabulary


class Row(NamedTuple):
    """A row of `[[words.*]]` as a test writes it."""

    wire: str
    word: str
    way: str = "both"
    field: str = ""
    test: str = ""


SEARCH = Vocabulary(
    [
        Row("Processing", "queued", field="scheduled", test="later-than-now"), Row("Processing", "sending"),
        Row("Submitted", "sent"), Row("Delivered", "delivered"),
        Row("Failed", "undelivered", field="submitted", test="present"), Row("Failed", "failed"), Row("Received", "received"),
    ]
)  # fmt: skip
"""The five words of the seed's Status option over the seven neutral ones."""

INCOMING = Vocabulary(
    [Row("incoming", "inbound"), Row("inbound", "inbound", way="read"), Row("outbound-api", "outbound-api")]
)


def test_only_words_with_a_test_need_a_look_at_the_message() -> None:
    assert set(SEARCH.tested) == {"Processing", "Failed"}
    assert SEARCH.plain == {"Submitted": "sent", "Delivered": "delivered", "Received": "received"}
    assert [row.word for row in SEARCH.tested["Failed"]] == ["undelivered", "failed"]


def test_every_neutral_word_is_written_as_one_word_that_stands_for_it() -> None:
    assert set(SEARCH.write) == set(STATUSES)
    assert all(word in SEARCH.stands_for[wire] for word, wire in SEARCH.write.items())


def test_the_words_of_a_dialect_are_a_partition_of_the_neutral_ones() -> None:
    assert sorted(word for words in SEARCH.stands_for.values() for word in words) == sorted(STATUSES)


def test_a_word_that_is_only_read_is_never_written() -> None:
    assert INCOMING.write == {"inbound": "incoming", "outbound-api": "outbound-api"}
    assert INCOMING.plain["inbound"] == INCOMING.plain["incoming"] == "inbound"


@pytest.mark.parametrize(
    ("wire", "words"),
    [("Processing", {"queued", "sending"}), ("Failed", {"undelivered", "failed"}), ("Delivered", {"delivered"})],
)
def test_a_constraint_lets_through_all_that_its_word_stands_for(wire: str, words: set[str]) -> None:
    assert SEARCH.read_constraint(wire, any_case=False) == words
    assert SEARCH.read_constraint(wire.upper(), any_case=True) == words
    with pytest.raises(BadValue):
        SEARCH.read_constraint(wire.upper(), any_case=False)


@pytest.mark.parametrize("value", ["", "queued", "Processing ", "Failed,Delivered"])
def test_constraint_in_no_word_of_the_dialect_is_answered_with_its_words(value: str) -> None:
    with pytest.raises(BadValue, match="^has to be one of Processing, Submitted, Delivered, Failed, Received$"):
        SEARCH.read_constraint(value, any_case=True)


@given(st.frozensets(st.sampled_from(STATUSES)))
def test_a_back_is_asked_for_a_word_only_where_nothing_allowed_is_missed(allowed: frozenset[str]) -> None:
    found = SEARCH.write_constraint(allowed)
    covering = [wire for wire, words in SEARCH.stands_for.items() if allowed <= words]
    if not allowed or not covering:
        assert found is None
    else:
        assert found in covering


def test_a_word_may_cover_more_than_is_allowed() -> None:
    transmit = Vocabulary([Row("Transmit", word) for word in DIRECTIONS[:3]] + [Row("Receive", "inbound")])
    assert transmit.write_constraint(frozenset({"outbound-api"})) == "Transmit"
    assert transmit.write_constraint(frozenset(DIRECTIONS[:3])) == "Transmit"
    assert transmit.write_constraint(frozenset({"outbound-api", "inbound"})) is None


def test_error_code_without_a_row_is_shown_as_the_unknown_error() -> None:
    errors = ErrorWords({"30001": "Queue overflow", "30008": "Unknown error"}, "30008")
    assert [errors.known(code) for code in ("30001", "30008", "SMSC-7", "")] == ["30001", "30008", "30008", "30008"]
