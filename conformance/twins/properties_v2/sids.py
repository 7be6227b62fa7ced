"""Identifiers that look minted by the service, and are the same on every run."""

import hashlib
from base64 import b32encode


def mint_message_sid(*origin: object) -> str:
    """A MessageSid, `^M[A-Z2-7]{31}$` like the three that are printed, decided by *origin* alone.

    "MessageSid: The message secure identifier which uniquely identifies the message": the printed ones decode to 20
    bytes without visible order, so these are a digest too.
    """
    return "M" + b32encode(_digest(origin)[:20]).decode("ascii")[1:]


def lease_number(*origin: object) -> str:
    """An Australian mobile number in E.164, decided by *origin* alone: what stands in when a send names no sender."""
    return f"+614{int.from_bytes(_digest(origin)[:8], 'big') % 10**8:08d}"


def _digest(origin: tuple[object, ...]) -> bytes:
    return hashlib.sha256("\x1f".join(map(str, origin)).encode()).digest()
