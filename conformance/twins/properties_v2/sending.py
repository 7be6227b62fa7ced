"""The parameters of a send."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .faults import invalid
from .parameters import Parameters

E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
"""The form of a number in To, and of one form of From: E.164 with its plus."""

SENDER_ID = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}", re.ASCII)
"""An alphanumeric sender: 1 to 11 letters, digits and spaces, at least one of them a letter."""

SHORT_CODE = re.compile(r"[0-9]{3,6}", re.ASCII)
"""A short code: digits without a plus, too few for a telephone number."""

SCHEDULE_PAST = 3600
"""In seconds. A Schedule that is this far in the past, or further, is refused. A later one is sent at once."""

SCHEDULE_AHEAD = 14 * 86_400
"""In seconds. A Schedule further ahead than this is refused."""

METHODS = ("POST", "GET")
METHOD_OPTIONS = ("DeliveryReceiptWebhookMethod", "WebhookMethod")
TEXT_OPTIONS = (
    "DeliveryReceiptWebhookUri",
    "WebhookUri",
    "ForwardToSms",
    "ForwardFromSms",
    "ForwardToEmail",
    "ForwardFromEmail",
)
"""The members of a send that no resource shows."""


@dataclass(frozen=True)
class Draft:
    """A valid send. If `sender` is None, a leased number is used. If `schedule` is None, the message is sent at once."""

    recipient: str
    text: str
    sender: str | None
    delivery_receipt: bool
    schedule: int | None
    external_id: str | None
    options: Mapping[str, str]


def read_draft(parameters: Parameters, now: float, text_max: int) -> Draft:
    """Read one send. A Fault of 400 names the bad parameter. Unknown members are ignored."""
    parameters.require("To", "Text")
    recipient, text = parameters.text("To"), parameters.text("Text")
    assert recipient is not None and text is not None  # `require` has checked it
    if not E164.fullmatch(recipient):
        raise invalid("To", "must be a number in E.164 with a leading +")
    if len(text) > text_max:
        raise invalid("Text", f"must not be longer than {text_max} characters")
    receipt = parameters.flag("DeliveryReceipt")
    return Draft(
        recipient=recipient,
        text=text,
        sender=_read_sender(parameters),
        delivery_receipt=True if receipt is None else receipt,
        schedule=_read_schedule(parameters, now),
        external_id=parameters.text("ExternalId"),
        options=_read_options(parameters),
    )


def _read_sender(parameters: Parameters) -> str | None:
    sender = parameters.text("From")
    if sender is None or any(form.fullmatch(sender) for form in (E164, SENDER_ID, SHORT_CODE)):
        return sender
    raise invalid("From", "must be in E.164 with a leading +, a short code, or 1 to 11 letters, digits and spaces")


def _read_schedule(parameters: Parameters, now: float) -> int | None:
    schedule = parameters.integer("Schedule")
    if schedule is None:
        return None
    if int(now) - schedule >= SCHEDULE_PAST:
        raise invalid("Schedule", "lies in the past")
    if schedule - int(now) > SCHEDULE_AHEAD:
        raise invalid("Schedule", "lies more than 14 days ahead")
    return schedule


def _read_options(parameters: Parameters) -> dict[str, str]:
    options = {name: parameters.text(name) for name in TEXT_OPTIONS}
    options |= {name: parameters.word(name, METHODS) for name in METHOD_OPTIONS}
    return {name: value for name, value in options.items() if value is not None}
