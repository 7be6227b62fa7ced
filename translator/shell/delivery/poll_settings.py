"""The settings and the dependencies of the status poller."""

from collections.abc import Callable
from typing import NamedTuple

from translator.shell.observability.admin import Meter
from translator.shell.runtime.effect_runner import EffectRunner
from translator.shell.store import Store


class Polling(NamedTuple):
    """The settings for polling in the section `[callbacks]` of the configuration.

    poll: Seconds between two rounds.
    asks: Provider requests of one round at one provider account.
    end: The age in seconds at which a message is not polled any more.
    """

    poll: float = 5.0
    asks: int = 20
    end: float = 259200.0


class Kit(NamedTuple):
    """The dependencies of a poll. `wake` is called when deliveries are due. Sends are recorded by `wall`, all else follows `clock`."""

    store: Store
    driver: EffectRunner
    polling: Polling
    meter: Meter
    clock: Callable[[], float]
    wake: Callable[[], None]
    wall: Callable[[], float]
