"""SIDs that look as if the service had made them. Equal arguments give equal SIDs."""

import hashlib
from base64 import b32encode


def mint_message_sid(*origin: object) -> str:
    """Return a MessageSid, `^M[A-Z2-7]{31}$` like the three printed ones. It depends on *origin* alone.

    "MessageSid: The message secure identifier which uniquely identifies the message". The printed ones decode to 20
    bytes without visible order, so these are made from a digest.
    """
    return "M" + b32encode(_digest(origin)[:20]).decode("ascii")[1:]


def lease_number(*origin: object) -> str:
    """Return an Australian mobile number in E.164 for a send without a sender. It depends on *origin* alone."""
    return f"+614{int.from_bytes(_digest(origin)[:8], 'big') % 10**8:08d}"


def _digest(origin: tuple[object, ...]) -> bytes:
    return hashlib.sha256("\x1f".join(map(str, origin)).encode()).digest()
