"""The compatibility table: two mapping tables composed, so that a reader sees what a pair of dialects can and cannot do.

It has a row for every field, parameter, filter, word, fault and format of the front. The row says how that fares with the back, and why.
`mappings/COMPATIBILITY.md` is this table as Markdown; a test fails when it is stale.
"""

from collections.abc import Sequence
from itertools import permutations

from translator.core.mapping import Table
from translator.reports.compatibility.answers import error_codes, fields, unseen, words
from translator.reports.compatibility.requests import filters, paging, send, sorting
from translator.reports.compatibility.row import Pair, Row
from translator.reports.compatibility.service import faults, formats, headers

_PARTS = (send, fields, unseen, words, error_codes, filters, sorting, paging, faults, formats, headers)


def rows(tables: Sequence[Table]) -> list[Row]:
    """Return the rows for every ordered pair of different dialects, in the order of the tables."""
    pairs = [Pair(front, back) for front, back in permutations(tables, 2)]
    return [row for pair in pairs for part in _PARTS for row in part(pair)]
