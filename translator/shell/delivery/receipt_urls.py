"""Receipt URLs: `/receipts/` and a signed token. A provider may send delivery receipts there.

The content of a receipt is not trusted. A receipt is only a reason to poll.
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
    """Signs and verifies receipt URLs. `public_url` is the URL at which providers reach the proxy.

    The first of `secrets` signs. Each of them verifies, so that an operator can rotate them.
    """

    def __init__(self, public_url: str, secrets: Sequence[str]) -> None:
        self._base = public_url.rstrip("/")
        self._secrets = [secret.encode() for secret in secrets]

    def address(self, send: str) -> str:
        """Return the receipt URL of a send, empty if there is no public URL."""
        return f"{self._base}{ROOT}{send}.{self._signature(self._secrets[0], send)}" if self._base else ""

    def send_of(self, path: str) -> str | None:
        """Return the id of the send of a receipt path, or None if the signature is wrong."""
        send, _, signature = path.removeprefix(ROOT).partition(".")
        good = [hmac.compare_digest(signature.encode(), self._signature(key, send).encode()) for key in self._secrets]
        return send if self._base and any(good) else None

    @staticmethod
    def _signature(secret: bytes, send: str) -> str:
        signed = hmac.digest(secret, f"receipt\n{send}".encode(), hashlib.sha256)[:_SIGNED]
        return base64.urlsafe_b64encode(signed).decode("ascii").rstrip("=")
