"""What the looks for statuses are made with, and by which rules."""

from collections.abc import Callable
from typing import NamedTuple

from translator.shell.observability.admin import Meter
from translator.shell.runtime.effect_runner import EffectRunner
from translator.shell.store import Store


class Polling(NamedTuple):
    """`[callbacks]` of the configuration: `poll` seconds between two rounds, `asks` a round and place, and `end`, the age in seconds at
    which a message is not looked at any more."""

    poll: float = 5.0
    asks: int = 20
    end: float = 259200.0


class Kit(NamedTuple):
    """What a look needs. `wake` is called when calls are owed. Sends are written down by `wall`, all else goes by `clock`."""

    store: Store
    driver: EffectRunner
    polling: Polling
    meter: Meter
    clock: Callable[[], float]
    wake: Callable[[], None]
    wall: Callable[[], float]
