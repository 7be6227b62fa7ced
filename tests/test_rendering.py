"""Tests of rendering: it finds what would be different at another provider, without a request to it."""

from typing import Any

import msgspec
import pytest

from tests.exchanges import NOW, dialects
from tests.homes import account
from translator.core.accounts import Account, Accounts
from translator.core.effects import JOURNAL, MigrationState, ProviderRequests, Render, unjournalled
from translator.core.exchange import exchange
from translator.core.http.messages import Request, Response
from translator.core.listing import Limits
from translator.core.losses import Losses
from translator.core.migration import STAGES, MigrationStage
from translator.core.model import Draft, Order, Query
from translator.core.rendering import LONGEST_TEXT, Finding, render_list, render_send

PLAIN: dict[str, Any] = {"sender": "+15550100001", "recipient": "+15550100002", "text": "Hello"}


def home(front: str, new: str, sender: str = "") -> Account:
    """An account whose new provider speaks `new`, with a default sender there."""
    entry = account(front, new, "restcomm")
    return entry._replace(behind=entry.behind._replace(sender=sender))


def findings(front: str, new: str, default: str = "", /, **given: Any) -> set[tuple[str, str]]:
    draft = Draft(**{**PLAIN, **given})
    return {tuple(one) for one in render_send(home(front, new, default), draft, Losses(), NOW)}  # type: ignore[misc]


@pytest.mark.parametrize("new", ["restcomm", "properties-v2"])
def test_a_plain_send_of_restcomm_is_carried_by_each_provider(new: str) -> None:
    assert findings("restcomm", new) == set()


@pytest.mark.parametrize(
    ("given", "row"),
    [
        ({"schedule": NOW + 3600}, "send.Schedule"),
        ({"forward_to_sms": "+15550100003"}, "send.ForwardToSms"),
        ({"external_id": "order 7"}, "send.ExternalId"),
        ({"reply_webhook": "http://192.0.2.1/reply"}, "send.WebhookUri"),
    ],
)
def test_a_parameter_without_a_counterpart_is_refused_by_its_row(given: dict[str, Any], row: str) -> None:
    """COMPATIBILITY.md lists these four as refused with properties-v2 in front of restcomm."""
    assert findings("properties-v2", "restcomm", **given) == {("refused", row)}
    assert findings("properties-v2", "properties-v2", **given) == set()


def test_a_callback_is_the_proxys_own_work_at_each_provider() -> None:
    """COMPATIBILITY.md: the parameters of callbacks are emulated."""
    given = {"callback": "http://192.0.2.1/told", "callback_method": "POST"}
    for new in ("restcomm", "properties-v2"):
        assert findings("restcomm", new, **given) == set()


def test_a_lossy_parameter_is_found_by_its_row() -> None:
    """COMPATIBILITY.md: DeliveryReceipt is accepted, and restcomm is not told."""
    assert ("lossy", "send.DeliveryReceipt") in findings("properties-v2", "restcomm", receipt=True)


def test_a_sender_that_the_provider_does_not_carry_is_found() -> None:
    """COMPATIBILITY.md: restcomm requires a sender, and the account may have one."""
    assert findings("properties-v2", "restcomm", sender=None) == {("sender", "send.From")}
    assert findings("properties-v2", "restcomm", "+15550100009", sender=None) == set()


@pytest.mark.parametrize("recipient", ["12345", "client:alice"])
def test_a_recipient_that_the_provider_does_not_carry_is_refused(recipient: str) -> None:
    """COMPATIBILITY.md: `To` of properties-v2 carries neither a short code nor a client."""
    assert findings("restcomm", "properties-v2", recipient=recipient) == {("refused", "send.To")}


def test_a_text_that_a_list_cannot_show_is_too_long() -> None:
    assert findings("restcomm", "properties-v2", text="x" * (LONGEST_TEXT + 1)) == {("too-long", "send.Body")}
    assert findings("restcomm", "properties-v2", text="x" * LONGEST_TEXT) == set()


def test_a_rendered_draft_is_not_changed() -> None:
    draft = Draft(**{**PLAIN, "sender": None, "callback": "http://192.0.2.1/told"})
    before = msgspec.to_builtins(draft)
    render_send(home("restcomm", "restcomm", "+15550100009"), draft, Losses(), NOW)
    assert msgspec.to_builtins(draft) == before


@pytest.mark.parametrize(
    ("query", "row"),
    [
        ({"recipient": "+15550100002"}, "filters.To"),
        ({"sender_like": "00"}, "filters.From"),
        ({"within": "code"}, "filters.Body"),
        ({"order": Order("recipient", True)}, "sort.keys.To"),
    ],
)
def test_a_list_that_reads_every_row_is_found_by_its_cause(query: dict[str, Any], row: str) -> None:
    entry = home("restcomm", "properties-v2")
    names = {f"filters.{one.name}" for one in entry.front.dialect.table.filters}
    names |= {f"sort.keys.{key.name}" for key in entry.front.dialect.table.sort.keys}
    assert row in names
    slice_ = entry.back.dialect.back.slice
    few, many = Limits(max_asks=10), slice_ * 10
    assert render_list(entry, Query(**query), many, few) == (Finding("scan", row),)
    assert render_list(entry, Query(**query), many + 1, few) == (Finding("too-long", row),)


def test_a_list_that_the_provider_serves_in_its_order_has_no_finding() -> None:
    for new in ("restcomm", "properties-v2"):
        assert render_list(home("restcomm", new), Query(order=Order("created", True)), 10**6, Limits()) == ()


def test_findings_hold_no_number_and_no_text() -> None:
    canaries: dict[str, Any] = {
        "sender": "+15559990001",
        "recipient": "+15559990002",
        "text": "canary",
        "external_id": "canary",
    }
    for new in dialects():
        for front in dialects():
            told = repr(render_send(home(front, new), Draft(**canaries), Losses(), NOW))
            assert "1555999" not in told
            assert "canary" not in told


def driven(request: Request, stage: MigrationStage) -> tuple[list[str], list[Render]]:
    """Return the providers that a request asks, and what it has rendered."""
    entry = home("restcomm", "restcomm")
    steps = exchange(Accounts([entry]), Limits(), request, NOW)
    asked: list[str] = []
    renders: list[Render] = []
    sent: Any = None
    while True:
        try:
            want = steps.send(sent)
        except StopIteration:
            return asked, renders
        sent = None
        if isinstance(want, ProviderRequests):
            asked += [want.back] * len(want.requests)
            sent = (Response(500, (), b""),) * len(want.requests)
        elif isinstance(want, MigrationState):
            sent = stage
        elif isinstance(want, Render):
            renders.append(want)
        elif isinstance(want, JOURNAL):
            sent = unjournalled(want)


@pytest.mark.parametrize("stage", STAGES)
def test_only_the_stage_render_renders_a_send_and_sends_nothing_more(stage: Any) -> None:
    body = b"To=%2B15550100002&From=%2B15550100001&Body=Hello"
    headers = (("authorization", "Basic QUMxOnQ="), ("content-type", "application/x-www-form-urlencoded"))
    request = Request("POST", "/2012-04-24/Accounts/AC1/SMS/Messages.json", "", headers, body)
    asked, renders = driven(request, MigrationStage(stage, percent=0, is_crossed=stage in ("canary", "new", "done")))
    assert asked == ["new" if stage in ("new", "done") else "old"]
    drafts = [(one.account, one.asked.text) for one in renders if isinstance(one.asked, Draft)]
    assert drafts == ([("restcomm/AC1/", "Hello")] if stage == "render" else [])
