"""Finds the home of a message: the provider account that has it, if an account has an old provider beside its new one.

    the shape of the SID     if only one of the two dialects makes such SIDs: that provider, and no other
    the journal              if a recorded send has the SID: the provider that was asked then
    asking                   the new provider first, then the old one; only a clear "unknown message" moves on

A provider that fails is reported as a failure. It is never taken for one that does not have the message.
"""

from typing import Final

from translator.core.accounts import Account, by_shape
from translator.core.effects import CacheEntry, CacheGet, EffectGenerator, ProviderRequests, Sent, SingleFlight
from translator.core.listing import Limits, messages_in_second, read_retrieve, write_retrieve
from translator.core.model import Notes

_LIFE: Final = 86_400.0
"""Seconds for which the home of a message is remembered after the providers were asked."""

_WEIGHT: Final = 200
"""The bytes that a remembered home takes."""


def retrieved(
    entry: Account, homes: tuple[Account, ...], sid: str, limits: Limits, now: float, notes: Notes
) -> EffectGenerator:
    """Return the home that has the message, and the message, or None. `homes` are those of the account that may have it, the new one
    first. Raises FaultRaised and MalformedProviderResponse if a provider that has to be asked fails."""
    if len(homes) == 1:
        [home] = homes
        message = yield from _at(home, sid, limits, now, notes)
        if message is None and home is entry.old and (yield from _recorded((entry,), sid)) is not None:
            # Another replica has read a later stage already, and has sent this message at the new provider.
            home, message = entry, (yield from _at(entry, sid, limits, now, notes))
        return None if message is None else (home, message)
    known = yield from _known(homes, sid)
    for home in homes if known is None else (known,):
        message = yield from _at(home, sid, limits, now, notes)
        if message is not None:
            if known is None:
                yield from _remember(entry, sid, home)
            return home, message
    if known is None or by_shape(homes, sid) is None:
        return None
    recorded = yield from _recorded([home for home in homes if home is not known], sid)
    message = None if recorded is None else (yield from _at(recorded, sid, limits, now, notes))
    return None if message is None else (recorded, message)


def are_told_apart(entry: Account) -> bool:
    """True if the SIDs of the account's two providers have different shapes, as far as the documents show them."""
    return entry.old is not None and entry.back.dialect.name != entry.old.back.dialect.name


def _known(homes: tuple[Account, ...], sid: str) -> EffectGenerator:
    """Return the home of a message as far as it is known without asking a provider, or None."""
    home = by_shape(homes, sid) or (yield from _recorded(homes, sid))
    if home is None:
        place = yield CacheGet(_key(homes[0], sid))
        home = next((one for one in homes if one.place == place), None)
    return home


def _recorded(homes: "tuple[Account, ...] | list[Account]", sid: str) -> EffectGenerator:
    """Return the home where a recorded send got this SID, or None. The first home has precedence."""
    for home in homes:
        if sid in ((yield Sent(home.place, (sid,))) or {}):
            return home
    return None


def _remember(entry: Account, sid: str, home: Account) -> EffectGenerator:
    def found(_: str | None) -> EffectGenerator:
        return None, CacheEntry(home.place, _WEIGHT, _LIFE, entry.name)
        yield

    yield SingleFlight(_key(entry, sid), found)


def _key(entry: Account, sid: str) -> tuple[str, str, str]:
    return ("home", entry.name, sid)


def _at(entry: Account, sid: str, limits: Limits, now: float, notes: Notes) -> EffectGenerator:
    """Return the account's message with that SID at one home, or None. A message of another account counts as unknown."""
    verbs, behind = entry.back.dialect.back, entry.behind
    notes.asks += 1
    [answer] = yield ProviderRequests(entry.back.name, (write_retrieve(entry, sid),), entry.name)
    message = read_retrieve(entry, sid, answer, now)
    if message is None:
        return None
    if behind.property and message.property is None and verbs.get_scope == "account" and entry.shared:
        rows = yield from messages_in_second(entry, message.created, limits, now, notes)
        return message if any(row.sid == sid for row in rows) else None
    return message
