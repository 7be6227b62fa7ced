"""The address at which a back may call us: `/receipts/` and a token that only we could have written.

A call there says nothing that is believed. It means "go and look".
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

ROOT: Final = "/receipts/"

_SIGNED: Final = 16
"""Bytes of a signature."""


class ReceiptUrls:
    """`public_url` is how the outside reaches us; the first of `secrets` signs, and each of them is believed: a list rotates."""

    def __init__(self, public_url: str, secrets: Sequence[str]) -> None:
        self._base = public_url.rstrip("/")
        self._secrets = [secret.encode() for secret in secrets]

    def address(self, send: str) -> str:
        """Where a back may call us about a send; empty where nobody outside reaches us."""
        return f"{self._base}{ROOT}{send}.{self._signature(self._secrets[0], send)}" if self._base else ""

    def send_of(self, path: str) -> str | None:
        """The send that a signed path is about, or None where we have not signed it."""
        send, _, signature = path.removeprefix(ROOT).partition(".")
        good = [hmac.compare_digest(signature.encode(), self._signature(key, send).encode()) for key in self._secrets]
        return send if self._base and any(good) else None

    @staticmethod
    def _signature(secret: bytes, send: str) -> str:
        signed = hmac.digest(secret, f"receipt\n{send}".encode(), hashlib.sha256)[:_SIGNED]
        return base64.urlsafe_b64encode(signed).decode("ascii").rstrip("=")
