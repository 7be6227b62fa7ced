"""PostgreSQL: the URLs that hosts hand out, the messages of a database, and values that it cannot hold."""

import asyncio
import contextlib
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.kept import Kept
from tests.stores import on, opened
from tests.test_store import intent, recorded, settled, unknown
from translator.core.errors import ConfigError
from translator.shell.store import Store, StoreUnavailable, open_store, sends
from translator.shell.store.inspection import look
from translator.shell.store.interface import Unstorable
from translator.shell.store.nul_characters import escaped, plain
from translator.shell.store.pgurl import read_url
from translator.shell.store.postgres import PostgresStore


def opening(url: str) -> None:
    async def main() -> None:
        await (await open_store(url, "[store] url", Path("/"))).close()

    asyncio.run(main())


@pytest.mark.parametrize(
    "query",
    [
        "sslmode=disable", "sslmode=prefer", "application_name=ours", "connect_timeout=3", "options=-c%20search_path%3Dpublic",
        "sslmode=prefer&application_name=x&connect_timeout=10&target_session_attrs=any",
    ],
)  # fmt: skip
def test_what_a_host_puts_behind_the_url_is_taken(postgres_url: str, query: str) -> None:
    opening(f"{postgres_url}?{query}")


def test_the_server_knows_who_we_are(postgres_url: str) -> None:
    async def work(store: Store) -> Any:
        return await store.read(lambda c: c.execute(text("SHOW application_name")).scalar())

    assert on(postgres_url, work) == "sms-translator"
    assert on(f"{postgres_url}?application_name=ours", work) == "ours"


def test_unknown_option_is_named_and_so_is_a_server_without_tls(postgres_url: str) -> None:
    with pytest.raises(ConfigError, match="not known here: channel_binding"):
        opening(f"{postgres_url}?channel_binding=require")
    with pytest.raises(ConfigError, match="sslmode is one of disable"):
        opening(f"{postgres_url}?sslmode=maybe")
    with pytest.raises((ConfigError, StoreUnavailable), match="SSL"):
        opening(f"{postgres_url}?sslmode=require")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:s3cret@x@host/db", "postgresql://user:s3cret#x@host/db", "postgresql://user:s3cret/x@host/db",
        "postgresql://user:s3cret:x@host:port/db", "postgresql://user:s3cret x@host/db?",
    ],
)  # fmt: skip
def test_a_password_that_has_to_be_escaped_is_said_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_url(url, "[store] url")
    assert "%40" in str(raised.value) and "s3cret" not in str(raised.value)


def test_an_escaped_password_is_read() -> None:
    found = read_url("postgresql://user:p%40ss%23@host:5433/db?sslmode=require&connect_timeout=7&options=-c%20a", "x")
    assert found.dsn == "postgresql://user:p%40ss%23@host:5433/db?sslmode=require"
    assert (found.timeout, found.settings) == (7.0, {"application_name": "sms-translator", "options": "-c a"})
    assert read_url("postgresql://host/db?connect_timeout=0", "x").timeout is None
    with pytest.raises(ConfigError, match="connect_timeout is a number"):
        read_url("postgresql://host/db?connect_timeout=soon", "x")


def test_a_database_that_is_not_there_is_said_in_its_own_words(postgres_url: str) -> None:
    with pytest.raises(ConfigError, match='database "nowhere" does not exist'):
        opening(postgres_url.rpartition("/")[0] + "/nowhere")
    with pytest.raises(ConfigError, match='role "nobody" does not exist'):
        opening(postgres_url.replace("//sms@", "//nobody@"))


def test_a_user_that_may_not_make_tables_is_said(postgres_url: str) -> None:
    async def main() -> None:
        import asyncpg  # type: ignore[import-untyped]

        connection = await asyncpg.connect(postgres_url)
        await connection.execute("DROP TABLE IF EXISTS sends, watches, events, store, trials")
        await connection.execute("DROP ROLE IF EXISTS guest")
        await connection.execute("CREATE ROLE guest LOGIN")
        await connection.close()
        guest = postgres_url.replace("//sms@", "//guest@")
        try:
            with pytest.raises(ConfigError, match="may not make tables"):
                await look(guest, "[store] url", Path("/"))
            with pytest.raises(ConfigError, match="permission denied"):
                await open_store(guest, "[store] url", Path("/"))
        finally:
            connection = await asyncpg.connect(postgres_url)
            await connection.execute("DROP ROLE guest")
            await connection.close()
        with pytest.raises(ConfigError, match="holds no store yet"):
            await open_store(postgres_url, "[store] url", Path("/"), alone=False)
        async with opened(postgres_url):
            await look(postgres_url, "[store] url", Path("/"))

    asyncio.run(main())


def test_nobody_there_is_down_and_not_wrong() -> None:
    with pytest.raises(StoreUnavailable, match=r"Connect call failed|refused"):
        opening("postgresql://sms@127.0.0.1:1/x")


def test_a_connection_that_does_not_close_is_no_traceback(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("translator.shell.store.postgres._CLOSING", 0.01)

    async def main() -> None:
        async with opened(postgres_url) as store:
            assert isinstance(store, PostgresStore)
            dispose = store._engine.dispose

            async def never(*_: Any) -> None:
                await asyncio.Event().wait()

            monkeypatch.setattr(type(store._engine), "dispose", never)
            await store.close()
            monkeypatch.undo()
            await dispose()

    asyncio.run(main())


NUL = "a\0b\ufdd0c\ufdd00\ufdd01"


def test_a_text_with_any_character_is_kept_as_it_is(store_url: str) -> None:
    async def work(store: Store) -> Any:
        await recorded(store, "1", intent(NUL))
        await recorded(store, "2", intent("good"))
        [row] = [row for row in await unknown(store, "3") if row.id == "3"]
        assert row.text == "3"
        await settled(store, type_of_unknown("1"))
        rows = await store.read(partial(sends.listed, states=("unknown",), most=9))
        return {row.id: row.text for row in rows}["1"], (await recorded(store, "4", intent(NUL))).state

    assert on(store_url, work) == (NUL, "joined")
    assert plain(escaped(NUL)) == NUL and "\0" not in escaped(NUL)


def type_of_unknown(id_: str) -> Any:
    from translator.core.effects import Outcome

    return Outcome(id_, "unknown")


def test_a_message_with_u0000_is_sent(store_url: str) -> None:
    async def main() -> Any:
        async with opened(store_url) as store:
            world = Kept(store)
            first, _ = await world.send("a\0b")
            second, _ = await world.send("good")
            return first, second, world.provider.texts

    first, second, texts = asyncio.run(main())
    assert second == 200 and texts[-1] == "good"
    assert first != 503, "what the provider makes of it is the provider's to say"


def test_a_value_that_cannot_be_held_is_no_outage(postgres_url: str) -> None:
    async def work(store: Store) -> None:
        with pytest.raises(Unstorable):
            await store.write(lambda c: c.execute(text("SELECT CAST('x' AS INTEGER)")))
        with pytest.raises(Unstorable):
            await store.write(lambda c: c.execute(text("SELECT CAST(:x AS TEXT)"), {"x": "\0"}))

    on(postgres_url, work)


class Stalled:
    """A connection that does not come, and that fails in its own way when its waiter has given up."""

    async def __aenter__(self) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise OSError("the connection was given up") from None

    async def __aexit__(self, *_: object) -> None: ...


class StalledEngine:
    def connect(self) -> Stalled:
        return Stalled()


def test_who_is_cancelled_while_a_database_does_not_answer_is_cancelled() -> None:
    """A background task that is to end would take it for a database that is down, and go on for ever."""

    async def main() -> bool:
        store = PostgresStore(StalledEngine())  # type: ignore[arg-type]
        task = asyncio.create_task(store.write(lambda _: None))
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(StoreUnavailable, asyncio.CancelledError):
            await task
        return task.cancelled()

    assert asyncio.run(main())
