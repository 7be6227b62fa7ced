"""Counts and logs deliveries: the delivered ones, the failed ones with the reason, and the dead ones."""

from typing import Final

from cachetools import TTLCache

from translator.shell.observability.admin import Meter
from translator.shell.observability.log import logger
from translator.shell.store.deliveries import Destination, Settled
from translator.shell.store.states import DeliveryState

_QUIET: Final = 60.0
"""Seconds between two log lines about one destination."""

_DESTINATIONS: Final = 1024


class CallbackLog:
    """Logs at most one failed delivery per minute and destination, and each dead delivery."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._said: TTLCache[Destination, bool] = TTLCache(_DESTINATIONS, _QUIET)

    def note(self, one: Settled, sid: str) -> None:
        """Count and log the outcome of a delivery about the message `sid`."""
        if not one.counts:
            return
        if one.state == DeliveryState.DELIVERED:
            self._meter.count_callback("delivered")
            return
        row = one.delivery
        fields = {
            "delivery": row.id, "event_name": row.event, "sid": sid, "destination": row.destination, "why": one.error,
            "attempts": row.attempts + 1,
        }  # fmt: skip
        if one.state == DeliveryState.DEAD:
            self._meter.count_callback("dead")
            logger().warning("callback-dead", **fields)
            return
        self._meter.count_callback("failed")
        if one.destination not in self._said:
            self._said[one.destination] = True
            again_in = max(0, round((one.due_at or one.ended) - one.ended))
            logger().warning("callback-failed", **fields, again_in=again_in)
