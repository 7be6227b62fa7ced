"""Requirements as data: `conformance/cases/<dialect>.toml`. Each has a stable id and the one sentence that it tests.

A `must` quotes the API document (`seed`). A `should` or a `may` states what else is known of the dialect, in our words (`known`).
An `ambiguous` sentence has the `reading` that was chosen, and never fails a run.
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

CASES: Final = Path(__file__).parents[1] / "cases"
"""The folder with the files of the requirements."""

DIALECTS: Final = ("restcomm", "properties-v2")

Level = Literal["must", "should", "may", "ambiguous"]


class Requirement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One requirement. `law` names the code that tests it, and `with` holds the parameters of that code.

    `needs` says what the test requires. By default it only reads.
    It may need a message (`message`), another account (`other`), or permission to send (`send`).
    Besides permission to send it may need a receiver for callbacks (`callback`), or a simulated provider with a control (`twin`).
    """

    id: str
    level: Level
    title: str
    law: str
    given: dict[str, Any] = msgspec.field(default_factory=dict, name="with")
    needs: Literal["", "message", "other", "send", "callback", "twin"] = ""
    seed: str = ""
    known: str = ""
    reading: str = ""

    @property
    def section(self) -> str:
        """The part of the dialect to which it belongs: `list.paging` of `restcomm.list.paging.03`."""
        return ".".join(self.id.split(".")[1:-1])

    @property
    def sentence(self) -> str:
        """The sentence that it tests, in the words of the document or in ours."""
        return self.seed or self.known


def load(dialect: str) -> list[Requirement]:
    """Return the requirements of a dialect, in the order of their file."""
    return list(_read(dialect))


@cache
def _read(dialect: str) -> tuple[Requirement, ...]:
    file = CASES / f"{dialect.replace('-', '_')}.toml"
    raw = tomllib.loads(file.read_text("utf-8"))
    return tuple(msgspec.convert(raw["requirements"], list[Requirement]))
