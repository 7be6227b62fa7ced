"""Messages that exist from the start: an invented history, and the rows that the documents' examples show."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from .rows import DELIVERED, FAILED, PROCESSING, RECEIVE, RECEIVED, SUBMITTED, TRANSMIT, MessageRow
from .segments import count_segments
from .sids import mint_message_sid

DELIVERED_EXAMPLE_SID = "MDEVTESTOKPAXW4J7ZQ2BYH5NUC3GRLS"
"""The Delivered message from `dev-test` that the old service's document retrieves. A sandbox prints its SID in a curl line."""

INBOUND_EXAMPLE_SIDS = ("MJGPVTNSWHJ35HGQTGABFE27TXFSSUZI", "MI6R6L455Q35QQ5VR6O4QISTOYSWBFGA")
"""The two messages of the page's "example response to the successful search of SMS messages"."""

HISTORY_ENDS = 60
"""The seconds from the end of the invented history to now."""

HISTORY_GAP = 1800
"""The mean number of seconds between two invented messages."""

SAME_SECOND = 0.05
"""The share of messages that have the same second as the next one, so that ties occur."""

OWN_NUMBERS = ("+61491570156", "+61491570157", "+447700900123")
"""The numbers of the invented account. They are set aside for fiction, like those of its customers."""

SENDER_IDS = ("Acme Pizza", "AcmeBank", "ACME 24")

CUSTOMERS = tuple(f"+6149157{number:04d}" for number in (158, 159, 313, 737, 266, 491, 804, 5491, 5762, 8041)) + tuple(
    f"+4477009008{number:02d}" for number in range(20, 50)
)

SENT_TEXTS = (
    "Your code is 482913. It is valid for ten minutes.",
    "Hi, your table for 4 is booked for Friday 19:30. Reply C to cancel.",
    "Your parcel is out for delivery today between 10:00 and 12:00.",
    "Zahlung über 25,00 € erhalten. Danke für Ihren Einkauf!",
    "Votre rendez-vous est confirmé à 9h. À bientôt !",
    "Ваш заказ готов к выдаче.",
    "Happy birthday from all of us 🎂 Show this message for a free slice [one per guest].",
    (
        "Dear customer, the water supply in your street will be shut off on Tuesday from 08:00 to 15:30 for works on "
        "the mains. Please draw what you need beforehand. We are sorry for the trouble this causes you."
    ),
)

RECEIVED_TEXTS = (
    "C",
    "Yes please",
    "STOP",
    "Thanks 👍",
    "Können wir auf 20 Uhr verschieben?",
    "Who is this?",
)

_RECENT = (SUBMITTED, FAILED, DELIVERED, RECEIVED, PROCESSING)
"""The statuses of the last invented messages. A short history has every status too, and only fresh messages are Processing."""

_USUAL = {DELIVERED: 58, RECEIVED: 25, SUBMITTED: 9, FAILED: 8}
"""The number of older messages with each final status, in a hundred."""


@dataclass(frozen=True)
class _Owner:
    account_sid: str
    property_sid: str


def seeded_messages(
    account: str, property: str, count: int, seed: int, now: float, *, documented: bool = True
) -> list[MessageRow]:
    """Return *count* invented messages in both directions that end shortly before *now*, and the messages of the documents' examples.

    Equal arguments give equal rows. The invented ones are in the order of Created, and their numbers differ from those of the examples.
    The documented rows have fixed SIDs, so only one property of a simulated provider can hold them. `documented=False` leaves them out.
    """
    owner = _Owner(account, property)
    return (_documented(owner) if documented else []) + list(_invented(owner, count, seed, int(now)))


def _invented(owner: _Owner, count: int, seed: int, now: int) -> Iterator[MessageRow]:
    dice = random.Random(f"{seed} {owner.account_sid} {owner.property_sid}")
    moments = [now - HISTORY_ENDS]
    while len(moments) < count:
        gap = 0 if dice.random() < SAME_SECOND else 1 + int(dice.expovariate(1 / HISTORY_GAP))
        moments.append(moments[-1] - gap)
    for place, created in enumerate(reversed(moments[:count])):
        still_to_come = count - place
        fate = dice.choices(list(_USUAL), list(_USUAL.values()))[0]
        if still_to_come <= len(_RECENT):
            fate = _RECENT[-still_to_come]
        sid = mint_message_sid("seeded", seed, owner.account_sid, owner.property_sid, place)
        yield (_received(owner, sid, created, dice) if fate == RECEIVED else _sent(owner, sid, created, fate, dice))


def _received(owner: _Owner, sid: str, created: int, dice: random.Random) -> MessageRow:
    sender, recipient = dice.choice(CUSTOMERS), dice.choice(OWN_NUMBERS)
    row = _inbound(owner, sid, sender, recipient, dice.choice(RECEIVED_TEXTS), created=created, scheduled=created)
    return replace(row, received=created)


def _sent(owner: _Owner, sid: str, created: int, fate: str, dice: random.Random) -> MessageRow:
    sender = dice.choice(OWN_NUMBERS if dice.random() < 0.6 else SENDER_IDS)
    row = _outbound(owner, sid, sender, dice.choice(CUSTOMERS), dice.choice(SENT_TEXTS), created)
    submitted = created + dice.randint(0, 3)
    if fate == PROCESSING:
        return row
    if fate == SUBMITTED:
        return replace(row, status=SUBMITTED, submitted=submitted, delivery_receipt=False)
    if fate == DELIVERED:
        return replace(row, status=DELIVERED, submitted=submitted, delivered=submitted + dice.randint(1, 40))
    if dice.random() < 0.5:
        return replace(row, status=FAILED, error_code=dice.choice(("30001", "30004", "30008")))
    return replace(row, status=FAILED, submitted=submitted, error_code=dice.choice(("30003", "30005", "30006")))


def _documented(owner: _Owner) -> list[MessageRow]:
    """Return the rows that a documented example needs to find what it shows."""
    return [*_search_example(owner), *_list_example(owner), _retrieve_example(owner)]


def _search_example(owner: _Owner) -> list[MessageRow]:
    """Return the messages that the page prints for Date_From 1506038400 and Date_To 1506427200, member for member."""
    sids, people, scheduled = INBOUND_EXAMPLE_SIDS, ("+61416240112", "+61488824921"), 1506321592
    return [
        _inbound(owner, sids[0], *people, "Saaaa", created=1506320553, scheduled=scheduled),
        _inbound(owner, sids[1], *people, "Vvvvv", created=1506321575, scheduled=scheduled),
    ]


def _list_example(owner: _Owner) -> list[MessageRow]:
    """Return the rows for the old service's list example: "total": 2 between 2018-05-30 and 2018-06-09, both inclusive.

    The first match is the printed one, and the second is at the last instant that still counts. The same pair also has a message a second
    too early and one a second too late. Messages of other pairs are inside the range.
    """
    asker, asked, another = "+19876543212", "+13216549878", "+13216549879"
    sent = (
        (asker, asked, "Too early", _utc(2018, 5, 29, 23, 59, 59)),
        (asker, asked, "Hello 13216549878", _utc(2018, 5, 31, 16, 10, 32)),
        (asker, another, "Hello 13216549879", _utc(2018, 5, 31, 16, 10, 33)),
        ("+19876543213", asked, "Hello from next door", _utc(2018, 6, 2, 8, 0, 0)),
        (asker, asked, "Hello again", _utc(2018, 6, 9, 0, 0, 0)),
        (asker, asked, "Too late", _utc(2018, 6, 9, 0, 0, 1)),
    )
    rows = [
        replace(
            _outbound(owner, mint_message_sid("list example", place), sender, recipient, text, created),
            status=SUBMITTED,
            submitted=created,
            delivery_receipt=False,
        )
        for place, (sender, recipient, text, created) in enumerate(sent)
    ]
    came = _utc(2018, 5, 31, 16, 12, 5)
    reply_sid = mint_message_sid("list example", "reply")
    return [
        *rows,
        _inbound(owner, reply_sid, asked, asker, "Hello 19876543212", created=came, scheduled=came),
    ]


def _retrieve_example(owner: _Owner) -> MessageRow:
    """Return the message that the old service's document retrieves. It was delivered five seconds after it was sent."""
    created = _utc(2019, 7, 4, 7, 2, 28)
    row = _outbound(owner, DELIVERED_EXAMPLE_SID, "dev-test", "+4915739360736", "Another test from CPaaS", created)
    return replace(row, status=DELIVERED, submitted=created, delivered=_utc(2019, 7, 4, 7, 2, 33))


def _outbound(owner: _Owner, sid: str, sender: str, recipient: str, text: str, created: int) -> MessageRow:
    return MessageRow(
        sid=sid,
        account_sid=owner.account_sid,
        property_sid=owner.property_sid,
        sender=sender,
        recipient=recipient,
        text=text,
        delivery_receipt=True,
        segments=count_segments(text),
        status=PROCESSING,
        direction=TRANSMIT,
        scheduled=created,
        created=created,
    )


def _inbound(
    owner: _Owner, sid: str, sender: str, recipient: str, text: str, *, created: int, scheduled: int
) -> MessageRow:
    return MessageRow(
        sid=sid,
        account_sid=owner.account_sid,
        property_sid=owner.property_sid,
        sender=sender,
        recipient=recipient,
        text=text,
        delivery_receipt=False,
        segments=0,
        status=RECEIVED,
        direction=RECEIVE,
        scheduled=scheduled,
        created=created,
    )


def _utc(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int:
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
