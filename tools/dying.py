"""`serve`, but the process kills itself at a step: `python -m tools.dying STEP:before|after[:COUNT] [NAME=SECONDS …] -c FILE`.

It dies when the step comes for the `COUNT`th time, else for the first. A step is one of these; `never` is none:

- a work on the store by the name of its function (`record`, `settle`, `take`, `write_down`);
- `take_calls` or `finish`: a turn of the dispatcher that takes deliveries and settles none, or settles some;
- `ask`: a send leaves for the back;
- `told`: a callback leaves for the application.

Names such as `callback_dispatcher.LEASE` are set before the start. A name that does not exist ends the program.
"""

import importlib
import itertools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

from translator.cli import main
from translator.shell.client.provider_client import ProviderClient
from translator.shell.delivery.callback_attempts import CallbackAttempts
from translator.shell.store.postgres import PostgresStore
from translator.shell.store.sqlite import SqliteStore

STEPS = ("record", "ask", "settle", "take", "write_down", "take_calls", "told", "finish")


def dying(real: Any, name_of: Callable[..., str], step: str, when: str, left: Iterator[int]) -> Any:
    """A method that kills the process before or after a call of it that is the step. `left` has 0 for the call that is the last."""

    async def method(self: Any, *arguments: Any) -> Any:
        mine = name_of(*arguments) == step
        if mine and when == "before" and not next(left):
            os.kill(os.getpid(), signal.SIGKILL)
        result = await real(self, *arguments)
        if mine and when == "after" and _did_something(step, result) and not next(left):
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return method


def _did_something(step: str, result: Any) -> bool:
    """True if a round that looks for work found any. Otherwise the process would die idle."""
    return bool(result.rows if step == "take_calls" else result) if step.startswith("take") else True


def _name_of(work: Any) -> str:
    """The step that a work on the store is."""
    name = getattr(getattr(work, "func", work), "__name__", "")
    if name == "turn":
        return "finish" if work.keywords["settled"] else "take_calls"
    return name


def run() -> None:
    """Change the named settings, and serve."""
    step, when, count = (*sys.argv[1].split(":"), "", "")[:3]
    left = itertools.count(int(count or 1) - 1, -1)
    rest = sys.argv[2:]
    while rest and "=" in rest[0]:
        place, _, value = rest.pop(0).partition("=")
        module, _, name = place.rpartition(".")
        found = importlib.import_module(f"translator.shell.delivery.{module}")
        getattr(found, name)  # else a name that has moved would be set without effect
        setattr(found, name, float(value))
    for store in (SqliteStore, PostgresStore):
        store.write = dying(store.write, _name_of, step, when, left)  # type: ignore[method-assign]
        store.record = dying(store.record, lambda *_: "record", step, when, left)  # type: ignore[method-assign]
        store.settle = dying(store.settle, lambda *_: "settle", step, when, left)  # type: ignore[method-assign]
    asks = lambda request, *_: "ask" if request.method == "POST" else ""  # noqa: E731
    ProviderClient.ask = dying(ProviderClient.ask, asks, step, when, left)  # type: ignore[method-assign]
    CallbackAttempts.make = dying(CallbackAttempts.make, lambda *_: "told", step, when, left)  # type: ignore[method-assign]
    sys.argv = ["sms-translator", "serve", *rest]
    main()


if __name__ == "__main__":
    run()
