"""The judgement over a run with migrating accounts: messages at both providers, results of clients, callbacks, and the journal."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from tools.drills.two_homes import TOLD, UNKNOWN, Moved, Provider, Told


class Sent(NamedTuple):
    """A send as its client saw it: the account, the text, the status of each try, and the SID of a 200."""

    account: Moved
    text: str
    statuses: tuple[int, ...]
    sid: str


class Row(NamedTuple):
    """A row of the journal: the provider account, the state, the SID at the provider, and the text."""

    place: str
    state: str
    sid: str
    text: str


def judged(sent: list[Sent], at: Mapping[str, Provider], told: list[Told], journal: list[Row]) -> list[str]:
    """Return the faults of a run that has come to rest. `at` has the providers by name."""
    homes: dict[str, list[str]] = {}
    sids: Counter[str] = Counter()
    for name, provider in at.items():
        for sid, text in provider.rows:
            homes.setdefault(text, []).append(name)
            sids[sid] += 1
    by_text = {one.text: one for one in sent}
    asked = {row.text: row for row in journal if row.text}
    return [
        *(f"{text}: {len(names)} times, at {names}" for text, names in homes.items() if len(names) > 1),
        *(f"{text}: sent by no client" for text in homes if text not in by_text),
        *(f"the SID {sid} is at {count} providers" for sid, count in sids.items() if count > 1),
        *(f for one in sent for f in _of_send(one, homes.get(one.text, []))),
        *(f for text, names in homes.items() for f in _of_journal(text, names, asked.get(text))),
        *(f for text in homes for f in _of_callbacks(by_text.get(text), told)),
        *(f"{one.text}: a callback, and at no provider" for one in told if one.text not in homes),
    ]  # fmt: skip


def _of_send(one: Sent, names: list[str]) -> list[str]:
    if 200 in one.statuses:
        return [] if names else [f"{one.text}: answered 200, and at no provider"]
    if names and not set(one.statuses) & set(UNKNOWN):
        return [f"{one.text}: answered {one.statuses}, and at {names}"]
    return []


def _of_journal(text: str, names: list[str], row: Row | None) -> list[str]:
    """A message has to be settled at the provider that has it."""
    if row is None:
        return [f"{text}: at {names}, and not in the journal"]
    if row.state != "sent" or row.place.partition("/")[0] not in names:
        return [f"{text}: at {names}, and {row.state} at {row.place} in the journal"]
    return []


def _of_callbacks(one: Sent | None, told: list[Told]) -> list[str]:
    """Each callback comes at least once, and the first of each in its order. No callback is of another account or message."""
    if one is None:
        return []
    mine = [call for call in told if call.text == one.text]
    found = [f"{one.text}: told to account {call.account}" for call in mine if call.account != one.account.number]
    found += [f"{one.text}: told with the SID {call.sid}" for call in mine if one.sid and call.sid != one.sid]
    events = list(dict.fromkeys(call.event for call in mine))
    return found + ([] if events == TOLD[one.account.front] else [f"{one.text}: told {events}"])
