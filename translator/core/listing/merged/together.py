"""Work at both providers of an account at the same time. It tells which of them failed."""

from translator.core.effects import Concurrently, EffectGenerator
from translator.core.errors import FaultRaised, MalformedProviderResponse, TranslatorError
from translator.core.model import FAULTS


class HomeFailed(TranslatorError):
    """A provider of an account could not be read. `new` says which one, and `error` why."""

    def __init__(self, error: FaultRaised | MalformedProviderResponse, *, new: bool) -> None:
        super().__init__(str(error))
        self.error, self.new = error, new


def at_home(steps: EffectGenerator, *, new: bool) -> EffectGenerator:
    """Return the result of steps at one provider. Raises HomeFailed if that provider is at fault."""
    try:
        return (yield from steps)
    except FaultRaised as refused:
        if FAULTS[refused.fault.name] != "back":
            raise
        raise HomeFailed(refused, new=new) from None
    except MalformedProviderResponse as error:
        raise HomeFailed(error, new=new) from None


def at_both(new: EffectGenerator | None, old: EffectGenerator | None) -> EffectGenerator:
    """Return the results of steps at the new and the old provider, which run at the same time. None is no steps. If both fail, the error
    of the new one is raised."""
    if new is None or old is None:
        return (
            None if new is None else (yield from at_home(new, new=True)),
            None if old is None else (yield from at_home(old, new=False)),
        )
    results = yield Concurrently((_result(new, new=True), _result(old, new=False)))
    for result in results:
        if isinstance(result, TranslatorError):
            raise result
    return results


def _result(steps: EffectGenerator, *, new: bool) -> EffectGenerator:
    """Return the result of steps at one provider, or the error as a value, so that the other provider is read to the end."""
    try:
        return (yield from at_home(steps, new=new))
    except TranslatorError as error:
        return error
