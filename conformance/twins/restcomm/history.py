"""An invented history: both directions, all seven statuses, and the messages that the documents print."""

from collections.abc import Iterator
from random import Random
from typing import Final

from conformance.twins.restcomm.life import ERROR_MESSAGES, STATUSES, Direction, Sms, Status, Step

DAY: Final = 86_400
YEAR_BACK: Final = 400 * DAY
"""The length of the invented history, in seconds."""

V2_WINDOW: Final = (1_506_038_400, 1_506_427_200)
"""The search window of the other document's examples, 2017-09-22T00:00:00Z to 2017-09-26T12:00:00Z."""

V2_WINDOW_DELIVERED: Final = 25
"""The number of delivered messages in that window. It suffices for the document's example of ten after ten."""

_WEIGHTS: Final[dict[Status, int]] = {
    "queued": 1,
    "sending": 1,
    "sent": 8,
    "failed": 4,
    "received": 25,
    "delivered": 55,
    "undelivered": 4,
}
_OWN_NUMBERS: Final = ("12025550143", "12025550187", "61491570156", "447700900123", "+447700900456")
_SENDERS: Final = (*_OWN_NUMBERS, "OTPApp", "Clinic", "72975")
_SUBSCRIBERS: Final = (
    *(f"120255501{last:02d}" for last in range(10, 40)),
    *(f"4477009007{last:02d}" for last in range(10, 40)),
    *(f"6149157{last}" for last in ("0157", "0158", "0159", "0110", "0313", "0737", "1266", "1491")),
)
_CLIENTS: Final = ("client:alice8", "client:reception")
_OUTBOUND_TEXTS: Final = (
    "Your code is 482913",
    "Ihr Code lautet 771204. Gültig für 10 Minuten.",
    "Votre commande est prête à être retirée. Café offert à l'accueil ☕",
    "Reminder: your appointment is tomorrow at 09:30. Reply C to confirm or R to rearrange.",
    "Your parcel is with the driver & will arrive between 14:00 and 15:00",
    (
        "Dear customer, the water in your street will be turned off on Thursday between 08:00 and 16:00 "
        "for work on the main. Please draw what you need beforehand. We are sorry for the trouble; "
        "reply HELP for help."
    ),
    "Дякуємо! Вашу заявку прийнято.",
    "Price alert: ACME is now under €40 [stop: reply STOP]",
)
_INBOUND_TEXTS: Final = (
    "C",
    "STOP",
    "Yes, thanks",
    "On my way 🚗",
    "Can we make it 10:15 instead?",
    "R",
    "Où êtes-vous ?",
)


def seeded_messages(account: str, count: int, seed: int, now: float) -> list[Sms]:
    """Return `count` invented messages up to `now` (epoch seconds) and the 30 of the documents, oldest first.

    Equal arguments give equal messages. Seven or more invented ones have every status. No message changes with the clock or has a
    callback.
    """
    random = Random(f"{account}/{seed}")
    messages = [
        *_document_examples(account),
        *_v2_window(account, random),
        *(_invented(account, random, status, int(now)) for status in _statuses(random, count)),
    ]
    return sorted(messages, key=lambda sms: sms.created)


def mint_sid(random: Random) -> str:
    """Return a new message SID: `SM` and 32 lower-case hexadecimal digits."""
    return f"SM{random.getrandbits(128):032x}"


def _rest(
    account: str,
    sid: str,
    parties: tuple[str, str],
    body: str,
    created: float,
    step: Step,
    direction: Direction = "outbound-api",
) -> Sms:
    """Return a message that came to rest in one step. `parties` are its sender and its recipient."""
    return Sms(sid, account, parties[0], parties[1], body, created, direction, (step,))


def _document_examples(account: str) -> Iterator[Sms]:
    """Yield the message of "Get single SMS Information", and the list of two whose first the document prints."""
    yield _rest(
        account,
        "SM6c13cca264f940a4b4573a49e8bdf917",
        ("dev-test", "4915739360736"),
        "Another test from CPaaS",
        1_562_223_748,  # Thu, 4 Jul 2019 07:02:28 +0000
        Step(1_562_223_753, "delivered", sent=1_562_223_748),
    )
    pair = ("19876543212", "13216549878")
    yield _rest(
        account,
        "SM350df10671b64616a3bb92981967cecb",
        pair,
        "Hello 13216549878",
        1_527_783_032,  # Thu, 31 May 2018 16:10:32 +0000
        Step(1_527_783_032, "sent"),
    )
    yield _rest(
        account,
        "SM5f1e0c6a9b7d4e2f8a3b6c5d4e3f2a1b",
        pair,
        "Hello again 13216549878",
        1_528_187_415,  # Tue, 5 Jun 2018 08:30:15 +0000
        Step(1_528_187_421, "delivered", sent=1_528_187_416),
    )


def _v2_window(account: str, random: Random) -> Iterator[Sms]:
    """Yield the messages of the other document's search examples: two inbound ones, and two pages of ten delivered ones."""
    subscriber, own = "61416240112", "61488824921"
    for created, body in ((1_506_320_553, "Saaaa"), (1_506_321_575, "Vvvvv")):
        step = Step(created, "received", sent=created)
        yield _rest(account, mint_sid(random), (subscriber, own), body, created, step, "incoming")
    first, end = V2_WINDOW
    spacing = (end - first) // V2_WINDOW_DELIVERED
    for index in range(V2_WINDOW_DELIVERED):
        created = first + index * spacing + random.randrange(spacing - 60)
        step = Step(created + 6, "delivered", sent=created + 1)
        parties = (own, random.choice(_SUBSCRIBERS))
        yield _rest(account, mint_sid(random), parties, random.choice(_OUTBOUND_TEXTS), created, step)


def _statuses(random: Random, count: int) -> list[Status]:
    """Return the statuses of the invented messages: each of the seven once, then by their usual share."""
    weights = [_WEIGHTS[status] for status in STATUSES]
    return [*STATUSES[:count], *random.choices(STATUSES, weights, k=max(count - len(STATUSES), 0))]


def _invented(account: str, random: Random, status: Status, now: int) -> Sms:
    """Return one message of a status. It is minutes old if it is queued or being sent, else up to 400 days."""
    under_way = status in ("queued", "sending")
    created = now - (random.randrange(5, 600) if under_way else random.randrange(900, YEAR_BACK))
    sid = mint_sid(random)
    if status == "received":
        parties = (random.choice(_SUBSCRIBERS), random.choice(_OWN_NUMBERS))
        step = Step(created, status, sent=created)
        return _rest(account, sid, parties, random.choice(_INBOUND_TEXTS), created, step, "incoming")
    to_client = status in ("sent", "failed") and random.random() < 0.2
    parties = (random.choice(_SENDERS), random.choice(_CLIENTS if to_client else _SUBSCRIBERS))
    direction: Direction = "outbound-call" if random.random() < 0.08 else "outbound-api"
    step = _outbound_rest(random, status, created)
    return _rest(account, sid, parties, random.choice(_OUTBOUND_TEXTS), created, step, direction)


def _outbound_rest(random: Random, status: Status, created: int) -> Step:
    """Return the final step of an outbound message. Half of the failed ones failed before they were sent."""
    if status in ("queued", "sending"):
        return Step(created, status)
    sent = created + random.randrange(1, 4)
    if status == "sent":
        return Step(sent, status, sent=sent)
    if status == "failed" and random.random() < 0.5:
        return Step(sent, status, error_code=30008)
    error = None if status == "delivered" else random.choice(tuple(ERROR_MESSAGES))
    return Step(sent + random.randrange(1, 90), status, sent=sent, error_code=error)
