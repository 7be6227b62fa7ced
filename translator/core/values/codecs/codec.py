"""The parts of a codec, which mapping tables call a kind."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple


class TimeLookup(NamedTuple):
    """A write of an instant by two look-ups. `hours` has the text up to the hour, by the instant at which the hour begins. `seconds`
    has the rest, by the second within the hour."""

    hours: Mapping[int, str]
    seconds: Sequence[str]

    def write(self, instant: int) -> str:
        """Return the instant as text."""
        second = instant % 3600
        return self.hours[instant - second] + self.seconds[second]


class BatchCodec(NamedTuple):
    """A check of all values of a column at once, which takes a fraction of the time of single checks. Values of the `form` are neutral as
    they are.

    `look` returns each value without the part that all values of the form share, or None if one has another form. `left` says that the
    codec writes these results. Otherwise it writes the values as they are.
    """

    form: str
    look: Callable[[list[str]], list[str] | None]
    left: bool = False


class Codec(NamedTuple):
    """One form of a value: `read` makes it neutral and raises `BadValue`, `write` puts the neutral value into the form.

    `wire` is its JSON type, limits included. `means` describes the form in words. `repair` returns the value that a known mistake of a
    client stands for, or None if there is no such mistake. `decoded` says that a value which passes the decoder of that type is neutral
    already. `column` reads and writes many at once. `harmless` says that the written form needs no escape in JSON. `step` is the number of
    seconds between two instants that the form can express.

    `inline`, `words` and `clock` are `write` again, because a call in generated code costs more than most writes. `inline` is the inside
    of an f-string with `$x` for the neutral value. `words` has the written form of each value. `clock` is two look-ups.

    The rules for a client's values do not apply to a provider's values. `shown` reads those if `read` does not suit, and is as tolerant as
    it can be. `mend` converts a value of another JSON type or spelling to this form, or returns None. `blank` replaces a value that is
    missing or cannot be converted, if a message can still be shown. `own` writes a value as the provider had it, if `write` writes another
    form.
    """

    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    wire: Any
    means: str
    repair: Callable[[str], str | None] | None = None
    decoded: bool = False
    column: BatchCodec | None = None
    inline: str = ""
    words: Mapping[str, str] | None = None
    clock: TimeLookup | None = None
    harmless: bool = False
    step: int = 1
    shown: Callable[[Any], Any] | None = None
    mend: Callable[[Any], Any] | None = None
    blank: Any = None
    own: Callable[[Any], Any] | None = None

    @property
    def reads_shown(self) -> Callable[[Any], Any]:
        """The read for values that a provider shows."""
        return self.shown or self.read

    @property
    def writes_own(self) -> Callable[[Any], Any]:
        """The write for a provider's own values."""
        return self.own or self.write

    @property
    def is_text(self) -> bool:
        """True if JSON shows the value as a text, of any length."""
        return getattr(self.wire, "__origin__", self.wire) is str
