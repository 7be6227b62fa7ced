"""A product with a planted fault: a send whose provider does not answer goes to the other one too. A test shows that the drill finds it."""

from typing import Any

from tools.dying import run
from translator.core.effects import EffectGenerator, ProviderRequests
from translator.core.http.messages import Failure
from translator.core.sending import Sending

_one = Sending.one


def _careless(self: Any, draft: Any) -> EffectGenerator:
    """Send a draft, and send it again at the other provider if the response is missing."""
    steps, sent = _one(self, draft), None
    while True:
        try:
            want = steps.send(sent)
        except StopIteration as done:
            return done.value
        sent = yield want
        if isinstance(want, ProviderRequests) and isinstance(sent[0], Failure):
            home = next(one for one in self._entry.homes if one.back.name != want.back)
            there = home.behind
            request = home.back.dialect.back.write_send(draft, there.account, there.property, there.token)
            sent = yield ProviderRequests(home.back.name, (request,), self._name)


if __name__ == "__main__":
    Sending.one = _careless  # type: ignore[method-assign]
    run()
