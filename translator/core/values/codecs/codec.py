"""What a kind is made of."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple


class TimeLookup(NamedTuple):
    """A write of an instant as two look-ups: what stands for its hour, by the instant with which that begins, and for the second in it."""

    hours: Mapping[int, str]
    seconds: Sequence[str]

    def write(self, instant: int) -> str:
        """The instant as text."""
        second = instant % 3600
        return self.hours[instant - second] + self.seconds[second]


class BatchCodec(NamedTuple):
    """How a whole list's values are looked at together, which takes a fraction of looking at each. `look` returns what is left of each
    without what all values of the `form` have in common, and None where one is of another form; those of the form are neutral as they
    stand. The kind writes what is `left`, or the values as they are."""

    form: str
    look: Callable[[list[str]], list[str] | None]
    left: bool = False


class Codec(NamedTuple):
    """One form of a value: `read` makes it neutral and raises `BadValue`, `write` puts the neutral value into the form.

    `wire` is the type that JSON shows it as, limits included; `decoded` says that what a decoder of that type lets through is
    neutral already; `means` says the form in words; `repair` gives the value that a known mistake of a caller meant, or None
    where it made no such mistake; `column` reads and writes many at once; `harmless` says that JSON shows what is written between quotes
    as it is. `inline`, `words` and `clock` are `write` again, since in generated code a call costs more than most writes do: as the
    inside of an f-string in which `$x` is the neutral value, as a look-up of what is written for each, and as two look-ups.
    Of an instant `step` says that only multiples of so many seconds can be written.

    What a provider shows is not judged by the rules for what a caller may ask. `shown` reads it where `read` would not do, and never
    refuses it without need. `mend` gives what a value of any other JSON type or spelling was meant to be, in this form, or None where
    nothing can be made of it; `blank` is what stands for such a one, and for one that is missing, where a message can be shown all the
    same. `own` writes a value as the provider itself had it, where that is not what `write` shows.
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
        """How what a provider shows is read."""
        return self.shown or self.read

    @property
    def writes_own(self) -> Callable[[Any], Any]:
        """How a provider is told a value of its own."""
        return self.own or self.write

    @property
    def is_text(self) -> bool:
        """Whether JSON shows it as a text, of whatever length."""
        return getattr(self.wire, "__origin__", self.wire) is str
