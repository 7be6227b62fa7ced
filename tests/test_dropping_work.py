"""The operation decides whether work on a request may be dropped. The HTTP method does not."""

import ast
import asyncio
from pathlib import Path
from typing import Any, Final

import pytest

from conformance.clock import ManualClock
from translator.core.accounts import Account, Accounts, ConfiguredProvider, Endpoint
from translator.core.dialect import Dialect, dialect
from translator.core.exchange import Limits, admit
from translator.core.http.messages import Answer, Failure, Request, Response
from translator.core.mapping import overlay
from translator.core.mapping.load import raw_tables
from translator.shell.aio.memory_budget import Hold
from translator.shell.server.handler import Proxy
from translator.shell.server.request import ServerRequest, received

SHELL: Final = Path(__file__).parents[1] / "translator" / "shell"
PATH: Final = "/2012-04-24/Accounts/AC1/SMS/Messages"
BODY: Final = b"From=19876543212&To=13216549878&Body=a"
AUTHORIZATION: Final = (("authorization", "Basic QUMxOnRva2Vu"), ("content-type", "application/x-www-form-urlencoded"))

OPERATIONS: Final = {"send": PATH, "get": f"{PATH}/SM00000000000000000000000000000001", "list": PATH + "/of/all"}
"""A path for each operation. None of them is the path of another one."""


def front(methods: dict[str, str]) -> Dialect:
    """A front whose operations have these methods, each at its own path."""
    raw = overlay(raw_tables()["restcomm.toml"], "front", {}, "test")
    paths = {"list": raw["operations"][0]["path"] + "/of/all"}
    rows = [
        {**row, "method": methods.get(row["name"], row["method"]), "path": paths.get(row["name"], row["path"])}
        for row in raw["operations"]
    ]
    return dialect("restcomm.toml", {**raw, "operations": rows})


def accounts(methods: dict[str, str]) -> Accounts:
    """One account whose front has these methods."""
    back = dialect("properties_v2.toml", overlay(raw_tables()["properties_v2.toml"], "back", {}, "test"))
    account = Account(
        Endpoint(front(methods), "AC1", "", "token"), ConfiguredProvider("provider", back),
        Endpoint(back, "A1", "P1", "b"), False,
    )  # fmt: skip
    return Accounts([account])


class Silent:
    """A provider that answers when it is told to. It remembers whether its work was cancelled."""

    def __init__(self) -> None:
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()
        self.is_cancelled = False

    async def ask(self, _: Request, __: str, ___: Hold | None = None) -> Answer:
        self.asked.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.is_cancelled = True
            raise
        return Failure("never-left")

    async def aclose(self) -> None:
        return None


class Called(ServerRequest):
    """A request whose body is there at once."""

    async def read(self, most: int, hold: Hold | None = None, *, may_drop: bool = False) -> bytes | None:
        self.work.stop_reading(may_drop=may_drop)
        return BODY if self.head.target == PATH else b""

    def respond(self, response: Response, hold: Hold | None = None) -> None:
        assert hold is None


@pytest.mark.parametrize(
    ("operation", "method"), [("send", "POST"), ("get", "GET"), ("get", "POST"), ("list", "GET"), ("list", "POST")]
)
def test_a_disconnect_drops_reads_and_no_sends(operation: str, method: str) -> None:
    async def main() -> bool:
        provider = Silent()
        served = Proxy(accounts({operation: method}), Limits(), {"provider": provider}, clock=ManualClock(1.7e9))
        call = Called(received(method, OPERATIONS[operation], "", AUTHORIZATION), iter(["an-id"]))
        task: asyncio.Task[Any] = asyncio.create_task(served.handle(call))
        call.work.start(task)
        await asyncio.wait_for(provider.asked.wait(), 60)
        call.lose()
        for _ in range(10):  # a cancellation takes a turn of the loop for each task that it goes through
            await asyncio.sleep(0)
        provider.go_on.set()
        await task
        return provider.is_cancelled

    assert asyncio.run(main()) == (operation != "send")


def test_an_admission_says_whether_the_operation_only_reads() -> None:
    under = accounts({})
    found = {
        operation: admit(under, Request("POST" if operation == "send" else "GET", path, "", AUTHORIZATION)).only_reads
        for operation, path in OPERATIONS.items()
    }
    assert found == {"send": False, "get": True, "list": True}
    assert not admit(under, Request("GET", "/nowhere", "", AUTHORIZATION)).only_reads


def test_the_server_compares_no_method_but_head() -> None:
    """HEAD alone has a meaning of its own in HTTP: its response has no body."""
    found = [
        f"{path.name}:{node.lineno} {ast.unparse(node)}"
        for path in (SHELL / "server").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Compare)
        for word in ("'GET'", "'POST'", ".method")
        if word in ast.unparse(node)
    ]
    assert found == []
