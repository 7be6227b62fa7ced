"""Tests of the renderer: it checks requests beside the answers, within bounds, and keeps counts by mapping row."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.exchanges import NOW
from tests.homes import account
from tests.stores import on
from translator.core import rendering
from translator.core.accounts import Account, Accounts
from translator.core.effects import Render
from translator.core.listing import Limits
from translator.core.migration import MigrationRules
from translator.core.model import Draft, Order, Query
from translator.shell.migration.migrations import Migrations, pair_of
from translator.shell.migration.renderer import MOST, Renderer
from translator.shell.observability.admin import Meter
from translator.shell.operations.migrate_admin import change, status
from translator.shell.store import Store, StoreUnavailable, render_findings
from translator.shell.store.render_findings import CHECKED, Line

ENTRY = account("restcomm", "properties-v2", "restcomm")._replace(migration=MigrationRules("render"))
SHORT_CODE = Draft(sender="+15550100001", recipient="12345", text="Hello")
PLAIN = Draft(sender="+15550100001", recipient="+15550100002", text="Hello")
BY_RECIPIENT = Query(order=Order("recipient", True))


def renderer(store: Store, meter: Meter | None = None, entry: Account = ENTRY) -> Renderer:
    return Renderer(store, Accounts([entry]), Limits(max_asks=10), meter or Meter(), lambda: NOW)


def offered(one: Renderer, *asked: Draft | Query, rows: int = 0) -> Renderer:
    for request in asked:
        one.offer(Render(ENTRY.name, request, rows))
    return one


async def lines(store: Store) -> list[Line]:
    return await store.read(lambda connection: render_findings.of(connection, pair_of(ENTRY)))


def test_findings_are_counted_by_row_over_two_runs(tmp_path: Path) -> None:
    async def work(store: Store) -> list[Line]:
        await offered(renderer(store), SHORT_CODE, PLAIN, BY_RECIPIENT).round()
        await offered(renderer(store), SHORT_CODE, SHORT_CODE).round()
        return await lines(store)

    found = {(line.kind, line.row): line.number for line in on(f"sqlite:///{tmp_path / 'a.db'}", work)}
    assert found == {
        (CHECKED, "send"): 4, (CHECKED, "list"): 1, ("refused", "send.To"): 3, ("scan", "sort.keys.To"): 1,
    }  # fmt: skip


def test_a_full_queue_drops_requests_and_counts_them(tmp_path: Path) -> None:
    meter = Meter()

    async def work(store: Store) -> list[Line]:
        one = offered(renderer(store, meter), *[PLAIN] * (MOST + 7))
        await one.round()
        return await lines(store)

    [line] = on(f"sqlite:///{tmp_path / 'a.db'}", work)
    assert line.number == MOST
    assert f'migration_renders_total{{account="{ENTRY.name}",outcome="dropped"}} 7.0' in meter.page().decode()


@pytest.mark.parametrize("text", ["Hello", "x" * 60_000])
def test_account_that_fills_its_share_leaves_room_for_another(text: str) -> None:
    """Each account leaves as much as it has: alone it gets half of the places and half of the characters."""
    other = ENTRY._replace(front=ENTRY.front._replace(account="AC2"))
    draft = Draft(sender="+15550100001", recipient="+15550100002", text=text)

    async def work(store: Store) -> dict[str, int]:
        one = Renderer(store, Accounts([ENTRY, other]), Limits(), Meter(), lambda: NOW)
        offered(one, *[draft] * (2 * MOST))
        one.offer(Render(other.name, draft))
        await one.round()
        return {
            entry.name: sum(line.number for line in await store.read(partial(render_findings.of, pair=pair_of(entry))))
            for entry in (ENTRY, other)
        }

    checked = on("memory:", work)
    assert checked[other.name] == 1
    assert checked[ENTRY.name] == min(MOST, 1024 * 1024 // len(text)) // 2 + (len(text) > 5)


def test_long_texts_fill_the_queue_before_many_short_ones(tmp_path: Path) -> None:
    long = Draft(sender="+15550100001", recipient="+15550100002", text="x" * 60_000)

    async def work(store: Store) -> list[Line]:
        await offered(renderer(store), *[long] * 100, PLAIN).round()
        return await lines(store)

    [line] = on(f"sqlite:///{tmp_path / 'a.db'}", work)
    assert line.number == 1024 * 1024 // 60_000 + 1


def test_a_store_that_fails_loses_no_count() -> None:
    async def work(store: Store) -> list[Line]:
        class Down:
            async def write_behind(self, _: Any) -> Any:
                raise StoreUnavailable("down")

        one = offered(renderer(Down()), SHORT_CODE)  # type: ignore[arg-type]
        with pytest.raises(StoreUnavailable):
            await one.round()
        one._store = store
        await one.round()
        return await lines(store)

    assert sum(line.number for line in on("memory:", work) if line.kind == CHECKED) == 1


def test_a_draft_that_cannot_be_checked_is_counted_and_hurts_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    meter = Meter()
    original = rendering.render_send

    def fails_once(home: Account, draft: Draft, *more: Any) -> Any:
        if draft is SHORT_CODE:
            raise ValueError
        return original(home, draft, *more)

    monkeypatch.setattr("translator.shell.migration.renderer.render_send", fails_once)

    async def work(store: Store) -> list[Line]:
        await offered(renderer(store, meter), SHORT_CODE, PLAIN).round()
        return await lines(store)

    [line] = on("memory:", work)
    assert line.number == 1
    assert 'outcome="failed"} 1.0' in meter.page().decode()


def test_status_tells_the_findings_and_the_missing_evidence(tmp_path: Path) -> None:
    async def work(store: Store) -> list[dict[str, Any]]:
        await Migrations(store, Accounts([ENTRY]), Meter(), lambda: NOW).round()
        told = [await status(store, ENTRY)]
        await offered(renderer(store), SHORT_CODE, PLAIN).round()
        told.append(await status(store, ENTRY))
        await change(store, ENTRY, "advance", "test", "the findings are accepted")
        return [*told, await status(store, ENTRY)]

    nothing, refused, after = on(f"sqlite:///{tmp_path / 'a.db'}", work)
    assert nothing["missing"] == ["no send and no list was checked for the new provider yet"]
    assert refused["rendered"] == {"send": 2}
    assert [(one["kind"], one["row"], one["number"]) for one in refused["findings"]] == [("refused", "send.To", 1)]
    assert refused["missing"] == ["the new provider would have refused sends for 1 causes: see the findings"]
    assert after["stage"] == "canary"
