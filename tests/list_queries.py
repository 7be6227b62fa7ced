"""Hypothesis strategies for list requests of the restcomm front, and for the messages that they list."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from tests.listing import START, STATUSES, sid_of

NUMBERS = st.sampled_from(["15550100001", "15550100002", "5550100002", "12345", "ACME"])
ROWS = st.lists(
    st.tuples(
        st.integers(START, START + 6), NUMBERS, NUMBERS, st.sampled_from(["a", "ab", "B", "ba b"]),
        st.sampled_from(list(STATUSES)), st.sampled_from(["outbound-api", "incoming"]),
    ),
    max_size=25,
)  # fmt: skip


def time_of(offset: int) -> str:
    return datetime.fromtimestamp(START + offset, UTC).strftime("%Y-%m-%dT%H:%M:%S")


DATES = st.one_of(
    st.builds(time_of, st.integers(-1, 7)),
    st.builds(lambda offset: time_of(offset) + "Z", st.integers(-1, 7)),
    st.builds(lambda offset: time_of(offset * 86400)[:10], st.integers(-1, 2)),
)
PATTERNS = st.sampled_from(["1555%2", "%0001", "5550100002%", "_2345", "1%_0_", "%", "AC%", "2", "+15550100001"])
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "From": st.one_of(NUMBERS, PATTERNS),
        "To": st.one_of(NUMBERS, PATTERNS, NUMBERS.map(lambda number: "+" + number if len(number) > 6 else number)),
        "Body": st.sampled_from(["a", "b", " b", ""]),
        "Status": st.sampled_from(list(STATUSES)),
        "StartTime": DATES,
        "EndTime": DATES,
    },
)
ANY_FILTERS: st.SearchStrategy[dict[str, str]] = st.one_of(
    st.just({}), st.fixed_dictionaries({}, optional={"EndTime": DATES}), FILTERS
)
SORTS = st.sampled_from(
    ["", "DateCreated", "DateCreated:desc", "DateCreated:asc", "From", "To:desc", "Direction:DESC", "Status:Asc"]
)
ALL_SORTS = st.one_of(SORTS, st.sampled_from(["Body", "Body:desc", "Price", "dateCreated:asc"]))
STRETCHES = st.fixed_dictionaries(
    {},
    optional={
        "Page": st.integers(0, 4) | st.just(2000),
        "PageSize": st.sampled_from([1, 2, 5, 10, 99999999]),
        "Limit": st.integers(1, 30),
        "AfterSid": st.integers(0, 26).map(lambda number: "SM" + sid_of(number)) | st.just("SMx"),
    },
)


def query_of(filters: dict[str, str], sort: str, stretch: dict[str, Any]) -> dict[str, Any]:
    return {**{name: str(value) for name, value in stretch.items()}, **filters, **({"SortBy": sort} if sort else {})}
