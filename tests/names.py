"""Host names and their addresses, without a resolver."""

from collections.abc import Sequence
from typing import Any


def named(*ips: str) -> Any:
    """A resolver that finds these addresses, and remembers how often it was asked."""
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ips

    resolve.asked = asked  # type: ignore[attr-defined]
    return resolve
