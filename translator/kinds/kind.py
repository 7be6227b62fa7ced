"""What a kind is made of."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple


class Inline(NamedTuple):
    """A write as the inside of an f-string of generated code, since a call costs more than most writes do: `$x` is the neutral value, and
    every other name behind a dollar one of `names`."""

    text: str
    names: dict[str, Any]


class Clock(NamedTuple):
    """A write of an instant as two look-ups: what stands for its hour since the epoch, and for the second in that."""

    hours: Mapping[int, str]
    seconds: Sequence[str]

    def write(self, instant: int) -> str:
        """The instant as text."""
        return self.hours[instant // 3600] + self.seconds[instant % 3600]


class Column(NamedTuple):
    """How a whole list's values are looked at together, which takes a fraction of looking at each: `alike` says whether all of them are
    of the kind's common form, neutral as they stand, and `write` writes them where they are and returns None where not."""

    alike: Callable[[list[str]], bool]
    write: Callable[[list[str]], list[str] | None]


class Kind(NamedTuple):
    """One form of a value: `read` makes it neutral and raises `BadValue`, `write` puts the neutral value into the form.

    `wire` is the type that JSON shows it as, limits included; `decoded` says that what a decoder of that type lets through is
    neutral already; `means` says the form in words; `repair` gives the value that a known mistake of a caller meant, or None
    where it made no such mistake; `column` reads and writes many at once, and `inline` and `clock` are `write` again;
    `harmless` says that JSON shows what is written between quotes as it is; of an instant, `step` says that only multiples of so many
    seconds can be written.
    """

    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    wire: Any
    means: str
    repair: Callable[[str], str | None] | None = None
    decoded: bool = False
    column: Column | None = None
    inline: Inline | None = None
    clock: Clock | None = None
    harmless: bool = False
    step: int = 1
