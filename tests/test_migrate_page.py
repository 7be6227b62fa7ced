"""Each command and each configuration of docs/migrate.md, run in its order before two simulated providers, prints what the page shows."""

import asyncio
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from conformance.twins.properties_v2 import DEFAULT_PROPERTY, PropertiesV2Twin, TwinAccount
from conformance.twins.restcomm import RestcommTwin
from conformance.twins.serving import serve
from tests.pasted import ROOT, Shell, commands, shell
from tests.test_first_steps import free_ports

PAGE: Final = ROOT / "docs" / "migrate.md"
OLD_ACCOUNT: Final = "AC00000000000000000000000000000001"
DATE: Final = "2026-12-08T02:00:00"
WEEK: Final = 7 * 86400
SECONDS: Final = 10

_BLOCK: Final = re.compile(r"^```(console|toml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADER: Final = re.compile(r"^(?=\[)", re.MULTILINE)
_PATIENT: Final = ("migrate status", "/metrics")
"""Commands that show what a worker of the proxy may not have written yet."""


class Step(NamedTuple):
    """A line that a reader pastes, and what the page shows below it."""

    line: str
    shown: str


def blocks() -> list[tuple[str, str]]:
    """The kind and the text of each block of the page."""
    return _BLOCK.findall(PAGE.read_text("utf-8"))


def steps(block: str) -> Iterator[Step]:
    """The commands of a console block."""
    first, *pieces = re.split(r"^\$ ", block, flags=re.MULTILINE)
    assert not first, "a block begins with a command"
    for piece in pieces:
        line, _, shown = piece.partition("\n")
        yield Step(line, shown)


def is_shown(shown: str, printed: str) -> bool:
    """True if the page shows what was printed: `…` stands for a part of a line, and alone in a line for any lines."""
    form = "".join(
        r"(?:.*\n)*" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + r"\n"
        for line in shown.splitlines()
    )
    ended = f"{printed}\n" if printed and not printed.endswith("\n") else printed
    return re.fullmatch(form, ended) is not None


def sections(text: str) -> dict[str, str]:
    """The sections of a configuration by their headers, in their order."""
    return {part.partition("\n")[0]: part.strip() for part in _HEADER.split(text) if part.strip()}


class Reader:
    """A person who does what the page says. `moved` has the page's addresses and dates with those of the test."""

    def __init__(self, shell: Shell, folder: Path, moved: dict[str, str]) -> None:
        self._shell, self._file, self._moved = shell, folder / "translator.toml", moved
        self._sections: dict[str, str] = {}
        self.wrong: list[str] = []
        """The lines that print something else than the page shows."""

    def write(self, block: str) -> None:
        """Put the sections of a block in place of those of the same name. Those of the account stay at the end."""
        self._sections |= sections(block)
        last = [name for name in ("[[accounts]]", "[accounts.migration]") if name in self._sections]
        order = [*(name for name in self._sections if name not in last), *last]
        self._file.write_text(self._here("\n\n".join(self._sections[name] for name in order)), "utf-8")

    async def paste(self, step: Step) -> None:
        """Run a line, and compare. A line that shows the work of a background worker is run until that is done."""
        end = time.monotonic() + SECONDS
        while True:
            printed = self._there(await self._shell.run(self._here(step.line)))
            if is_shown(step.shown, printed):
                return
            if time.monotonic() > end or not any(word in step.line for word in _PATIENT):
                self.wrong.append(f"$ {step.line}\n--- the page shows\n{step.shown}\n--- it printed\n{printed}")
                return
            await asyncio.sleep(0.1)

    def _here(self, text: str) -> str:
        for page, here in self._moved.items():
            text = text.replace(page, here)
        return text

    def _there(self, text: str) -> str:
        for page, here in self._moved.items():
            text = text.replace(here, page)
        return text


def test_the_pattern_of_a_page_is_read_as_the_page_says() -> None:
    assert is_shown("a …\n…\nz\n", "a b c\n\nd\nz\n")
    assert is_shown("…\n", "")
    assert is_shown("a\n", "a")
    assert not is_shown("a\n", "a\nb\n")
    assert not is_shown("a …\n", "b c\n")
    assert not is_shown("", "an error\n")


def test_a_reader_gets_through_the_page_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMS_TRANSLATOR_SERVER__LINGER", "0")
    old = RestcommTwin(accounts={OLD_ACCOUNT: "old-secret"}, clock=time.time)
    new = PropertiesV2Twin(accounts={"A1": TwinAccount("new-secret", (DEFAULT_PROPERTY,))}, clock=time.time)
    front, admin = free_ports(2)

    async def main(path: str) -> None:
        (tmp_path / "empty").mkdir()
        async with serve(old.app) as there, serve(new.app) as here, shell(tmp_path / "empty", path) as bash:
            moved = {
                "127.0.0.1:8080": f"127.0.0.1:{front}",
                "127.0.0.1:8081": f"127.0.0.1:{admin}",
                "https://old.example.test": there,
                "https://new.example.test": here,
                DATE: datetime.fromtimestamp(int(time.time()) + WEEK, UTC).strftime("%Y-%m-%dT%H:%M:%S"),
            }
            reader = Reader(bash, tmp_path / "empty", moved)
            for kind, block in blocks():
                if kind == "toml":
                    reader.write(block)
                else:
                    for step in steps(block):
                        await reader.paste(step)
            assert not reader.wrong, "\n".join(reader.wrong)

    with commands(tmp_path / "bin") as path:
        asyncio.run(main(path))
