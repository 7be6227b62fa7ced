"""The deliveries of callbacks, under the names by which the commands and the metrics know them."""

from translator.shell.store.deliveries import DEAD, DELIVERED, DUE, STATES, CallbackDelivery
from translator.shell.store.delivery_admin import counted, drop, listed, replay, shown

__all__ = ["DEAD", "DELIVERED", "DUE", "STATES", "CallbackDelivery", "counted", "drop", "listed", "replay", "shown"]
