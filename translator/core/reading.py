"""Reads of an account: a message by its SID, and a page of a list. They ask the homes that the stage of a migration names.

an account with one provider       that provider
an account with an old provider    one of the two, or both as if they were one: see `migration.reads`
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from translator.core.accounts import Account
from translator.core.effects import EffectGenerator
from translator.core.homes import retrieved
from translator.core.listing import Limits, list_page
from translator.core.listing.merged import MergedPage, at_homes, list_merged
from translator.core.migrating import homes_read, present_stage, rendered
from translator.core.model import Message, Notes, Page, Query
from translator.core.sending import as_asked


class Read(NamedTuple):
    """A page as the client gets it, and its messages by the home that has them."""

    page: Page
    by_home: tuple[tuple[Account, Sequence[Message]], ...]


def read_message(entry: Account, sid: str, limits: Limits, now: float, notes: Notes) -> EffectGenerator:
    """Return the home that has a message, and the message, or None. Raises FaultRaised and MalformedProviderResponse."""
    found = yield from retrieved(entry, (yield from _homes(entry, now)), sid, limits, now, notes)
    if found is None:
        return None
    home, message = found
    [message] = yield from as_asked(home, [message])
    return home, message


def read_page(entry: Account, query: Query, limits: Limits, now: float, notes: Notes) -> EffectGenerator:
    """Return the Read of a list. In the stage `render` the list is checked for the new provider too. Raises FaultRaised and
    MalformedProviderResponse."""
    homes = yield from _homes(entry, now)
    if len(homes) > 1:
        merged: MergedPage = yield from list_merged(
            entry, query, limits, now, notes, show_one=entry.migration.partial == "show"
        )
        page = _with(merged, (yield from at_homes(entry, merged, as_asked)))
        return Read(page, tuple(_by_home(entry, merged.of_old, page.messages)))
    [home] = homes
    page = yield from list_page(home, query, limits, now, notes)
    if entry.old is not None:
        yield from rendered(entry, query, page.total)
    page = _with(page, (yield from as_asked(home, page.messages)))
    return Read(page, ((home, page.messages),))


def _homes(entry: Account, now: float) -> EffectGenerator:
    """Return the homes that a read asks, the new one first."""
    if entry.old is None:
        return (entry,)
    return homes_read(entry, (yield from present_stage(entry)), now)


def _with(page: Page, shown: Sequence[Message]) -> Page:
    return page if shown is page.messages else msgspec.structs.replace(page, messages=shown)


def _by_home(
    entry: Account, of_old: Sequence[bool], messages: Sequence[Message]
) -> Iterator[tuple[Account, Sequence[Message]]]:
    for home in entry.homes:
        yield (
            home,
            [message for message, is_old in zip(messages, of_old, strict=True) if is_old == (home is entry.old)],
        )
