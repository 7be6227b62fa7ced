"""Prepares a draft for the provider that sends it: the choice of the home, the default sender, and what the provider cannot carry."""

import msgspec

from translator.core.accounts import Account
from translator.core.migration import Choice, MigrationStage, choose
from translator.core.model import CallbackTarget, Draft, Fault, Message


class PreparedSend(msgspec.Struct, frozen=True, gc=False):
    """A draft that the provider of `home` can carry, without the callback target, which only the proxy uses.

    `choice` and `same_sender` are those of the intent. `fault`: the chosen provider cannot carry the draft, but the other one can. Nothing
    is sent then. The journal is asked all the same, because it may know the send from the other provider.
    `place`: the name of the provider account in the journal. It is empty for an account with one provider.
    """

    draft: Draft
    wish: CallbackTarget | None
    home: Account
    choice: Choice | None = None
    same_sender: str | None = None
    fault: Fault | None = None
    place: str = ""


def prepared(entry: Account, draft: Draft, stage: MigrationStage | None, now: float) -> PreparedSend | Fault:
    """Return the draft as its provider can carry it, or the fault that prevents it. `stage` is None for an account with one provider."""
    front = entry.front.dialect
    for attribute, grace in front.front.graces:
        instant = getattr(draft, attribute)
        if instant is not None and now - grace < instant <= now:
            setattr(draft, attribute, None)
    wish = front.calls.take(draft)
    if stage is not None and entry.old is not None:
        return _at_its_home(entry, entry.old, draft, wish, stage, now)
    return _fit(draft, entry, draft.sender) or PreparedSend(draft, wish, entry)


def _at_its_home(
    entry: Account, old: Account, draft: Draft, wish: CallbackTarget | None, stage: MigrationStage, now: float
) -> PreparedSend | Fault:
    """Return the draft as the chosen provider can carry it, or the fault. A send that was made before may have gone to the other one.
    So a draft that only the other one can carry is no fault before the journal was asked."""
    given, default, default_at_old = draft.sender, entry.behind.sender, old.behind.sender
    sender = given or (default if default == default_at_old else "")
    choice = choose(entry.migration, stage, sender, draft.recipient or "", now)
    home, other = (entry, old) if choice.home == "new" else (old, entry)
    fault = _fit(draft, home, given)
    if fault is not None and _fit(draft, other, given) is not None:
        return fault
    draft.sender = given or home.behind.sender or None
    return PreparedSend(draft, wish, home, choice, given or default_at_old or default, fault, home.place)


def _fit(draft: Draft, home: Account, given: str | None) -> Fault | None:
    """Give the draft its sender at a home. Return the fault if the provider there cannot carry it."""
    verbs, parameter_of = home.back.dialect.back, home.front.dialect.front.parameter_of
    draft.sender = given or home.behind.sender or None
    for attribute in verbs.facts.required:
        if getattr(draft, attribute) is None:
            return Fault("missing-parameter", parameter_of(attribute))
    if (found := verbs.uncarried(draft)) is not None:
        return Fault("unsupported-parameter", parameter_of(found[0]), found[1])
    return None


def complete(message: Message, ready: PreparedSend) -> None:
    """Complete a message that was just sent: sender and recipient, and the attributes that the provider is not told and so cannot
    show."""
    draft = ready.draft
    message.sender = message.sender or draft.sender or ""
    message.recipient = message.recipient or draft.recipient or ""
    message.text = message.text or draft.text or ""
    for name in ready.home.back.dialect.back.facts.untold:
        if (asked := getattr(draft, name)) is not None:
            setattr(message, name, asked)
