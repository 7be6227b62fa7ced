"""Requirements as data: `conformance/cases/<dialect>.toml`. Each has a stable id and the one sentence that it judges.

A `must` quotes the API document (`seed`); what only else is known of the dialect is a `should` or a `may`, in our words (`known`). An
`ambiguous` sentence carries the `reading` that was taken, and never fails a run.
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

CASES: Final = Path(__file__).parents[1] / "cases"
"""The folder of the requirements' files."""

DIALECTS: Final = ("restcomm", "properties-v2")

Level = Literal["must", "should", "may", "ambiguous"]


class Requirement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One requirement. `law` names the code that judges it, `with` holds what that code is told, `needs` what it takes: nothing but
    leave to read, a message to read (`message`), another account (`other`), leave to send (`send`), a receiver that the server can call as
    well (`callback`), or a twin behind whose clock can be turned as well (`twin`)."""

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
        """The part of the dialect that it is about: `list.paging` of `restcomm.list.paging.03`."""
        return ".".join(self.id.split(".")[1:-1])

    @property
    def sentence(self) -> str:
        """What it judges: the document's words, or ours."""
        return self.seed or self.known


def load(dialect: str) -> list[Requirement]:
    """The requirements of a dialect, in the order of their file."""
    return list(_read(dialect))


@cache
def _read(dialect: str) -> tuple[Requirement, ...]:
    file = CASES / f"{dialect.replace('-', '_')}.toml"
    raw = tomllib.loads(file.read_text("utf-8"))
    return tuple(msgspec.convert(raw["requirements"], list[Requirement]))
