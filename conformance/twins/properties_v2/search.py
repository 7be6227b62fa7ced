"""The parameters of a search."""

from dataclasses import dataclass

from .faults import invalid
from .parameters import Parameters
from .rows import DIRECTIONS, STATUSES

RESULTS_DEFAULT = 200
""""Results_Count: Limit the number of objects to be returned. Default is 200."""


@dataclass(frozen=True)
class Search:
    """A half-open range of Created in epoch seconds, two optional words, and the slice of the matching rows."""

    date_from: int
    date_to: int
    status: str | None
    direction: str | None
    count: int
    skip: int


def read_search(parameters: Parameters, results_max: int) -> Search:
    """Read the parameters of the page's tables "Resource Parameters" (both required) and "Optional Parameters".

    "Date_From: Include SMS messages from this date and time (inclusive)"; "Date_To: ... until this date and time
    (exclusive)"; "Results_Skip: Number of results to skip".
    A count above *results_max* is lowered to it without an error. A count below 1 or a skip below 0 is a Fault.
    An unreadable word or number is a Fault, too.
    """
    parameters.require("Date_From", "Date_To")
    date_from, date_to = parameters.integer("Date_From"), parameters.integer("Date_To")
    assert date_from is not None and date_to is not None  # `require` has checked it
    count, skip = parameters.integer("Results_Count"), parameters.integer("Results_Skip")
    if count is not None and count < 1:
        raise invalid("Results_Count", "must be 1 or more")
    if skip is not None and skip < 0:
        raise invalid("Results_Skip", "must be 0 or more")
    return Search(
        date_from=date_from,
        date_to=date_to,
        status=parameters.word("Status", STATUSES),
        direction=parameters.word("Direction", DIRECTIONS),
        count=min(RESULTS_DEFAULT if count is None else count, results_max),
        skip=skip or 0,
    )
