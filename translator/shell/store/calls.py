"""Callback deliveries, under the names that the commands and the metrics use."""

from translator.shell.store.deliveries import DEAD, DELIVERED, DUE, STATES, CallbackDelivery
from translator.shell.store.delivery_admin import counted, drop, listed, replay, shown

__all__ = ["DEAD", "DELIVERED", "DUE", "STATES", "CallbackDelivery", "counted", "drop", "listed", "replay", "shown"]
