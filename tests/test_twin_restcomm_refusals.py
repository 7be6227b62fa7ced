"""The requests that the simulated Restcomm service refuses, and the shape of its refusals."""

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from conformance.clock import ManualClock
from conformance.twins.restcomm import Account, RestcommTwin

ACCOUNT = "AC00000000000000000000000000000001"
OTHER = "AC00000000000000000000000000000002"
TOKEN = "a-token:with-a-colon"
MESSAGES = f"/restcomm/2012-04-24/Accounts/{ACCOUNT}/SMS/Messages"
SAMPLE = {"From": "19876543212", "To": "13216549878", "Body": "Test SMS"}


def new_twin() -> RestcommTwin:
    return RestcommTwin(accounts={ACCOUNT: TOKEN, OTHER: "other"}, clock=ManualClock(1_447_935_695))


def ask(
    twin: RestcommTwin,
    method: str,
    url: str,
    *,
    auth: tuple[str, str] | None = (ACCOUNT, TOKEN),
    headers: Mapping[str, str] | None = None,
    data: Mapping[str, str] | None = None,
    content: bytes | None = None,
) -> httpx.Response:
    """One request in process, without the Accept header that httpx would add by itself."""

    async def once() -> httpx.Response:
        transport = httpx.ASGITransport(twin.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://twin") as client:
            del client.headers["accept"]
            return await client.request(method, url, auth=auth, headers=headers, data=data, content=content)

    return asyncio.run(once())


@pytest.mark.parametrize("auth", [None, (ACCOUNT, "wrong"), (OTHER, TOKEN), ("nobody", TOKEN), ("", "")])
def test_request_with_bad_credentials_is_challenged_and_never_acted_on(
    auth: tuple[str, str] | None,
) -> None:
    twin = new_twin()
    answer = ask(twin, "POST", f"{MESSAGES}.json", data=SAMPLE, auth=auth)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="Restcomm realm"'
    assert list(answer.json()) == ["message"]
    assert twin.messages == ()
    (call,) = twin.calls
    assert (call.method, call.path, call.query, call.credentials) == (
        "POST",
        f"{MESSAGES}.json",
        "",
        auth is not None,
    )
    assert call.body == b"From=19876543212&To=13216549878&Body=Test+SMS"
    assert TOKEN not in repr(call) and SAMPLE["To"] not in repr(call)


@pytest.mark.parametrize("scheme", ["Bearer", "basic", "Basic,"])
def test_good_credentials_under_another_scheme_word_are_challenged_too(scheme: str) -> None:
    encoded = b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
    headers = {"Authorization": f"{scheme} {encoded}"}
    assert ask(new_twin(), "GET", f"{MESSAGES}.json", auth=None, headers=headers).status_code == 401


@pytest.mark.parametrize("malformed", ["", "Basic", "Basic ???", "Basic bm8tY29sb24="])
def test_malformed_credentials_are_challenged(malformed: str) -> None:
    headers = {"Authorization": malformed}
    assert ask(new_twin(), "GET", f"{MESSAGES}.json", auth=None, headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("method", "url", "status", "options"),
    [
        ("GET", f"/api/2012-04-24/Accounts/{OTHER}/SMS/Messages.json", 403, {}),
        ("POST", f"/api/2012-04-24/Accounts/{OTHER}/SMS/Messages.json", 403, {"data": SAMPLE}),
        ("GET", "/api/2012-04-24/Accounts/AC404/SMS/Messages.json", 404, {}),
        ("GET", f"{MESSAGES}/SM00000000000000000000000000000000.json", 404, {}),
        ("GET", f"/api/2012-04-24/Accounts/{ACCOUNT}/Messages.json", 404, {}),
        ("GET", f"/api/2010-04-01/Accounts/{ACCOUNT}/SMS/Messages.json", 404, {}),
        ("GET", f"{MESSAGES}//.json", 404, {}),
        ("DELETE", f"{MESSAGES}.json", 405, {}),
        ("GET", MESSAGES, 406, {"headers": {"Accept": "text/plain, image/png"}}),
        ("POST", f"{MESSAGES}.json", 413, {"content": b"x" * 10_000_001}),
        (
            "POST",
            f"{MESSAGES}.json",
            415,
            {"content": b"{}", "headers": {"Content-Type": "application/json"}},
        ),
        ("POST", f"{MESSAGES}.json", 415, {"content": b"From=1&To=1&Body=1"}),
        ("POST", f"{MESSAGES}.json", 400, {"data": {**SAMPLE, "StatusCallback": "status.callback.url"}}),
    ],
)
def test_every_refusal_says_why_in_a_message(method: str, url: str, status: int, options: dict[str, Any]) -> None:
    twin = new_twin()
    answer = ask(twin, method, url, **options)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert list(answer.json()) == ["message"] and answer.json()["message"]
    assert twin.messages == ()


def test_xml_refusal_is_a_restcomm_response_and_405_lists_the_methods() -> None:
    twin = new_twin()
    answer = ask(twin, "DELETE", MESSAGES)
    assert answer.headers["content-type"] == "application/xml"
    root = ElementTree.fromstring(answer.content)
    assert (root.tag, [child.tag for child in root]) == ("RestcommResponse", ["Message"])
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert ask(twin, "POST", f"{MESSAGES}/SM1").headers["allow"] == "GET, HEAD, OPTIONS"


def test_parent_account_acts_for_its_children_and_an_inactive_one_for_none() -> None:
    accounts = {
        ACCOUNT: Account(TOKEN, email="owner@example.test"),
        OTHER: Account("other", parent=ACCOUNT),
        "ACclosed": Account("closed", active=False),
    }
    twin = RestcommTwin(accounts=accounts, clock=ManualClock(1_447_935_695))
    child = f"/api/2012-04-24/Accounts/{OTHER}/SMS/Messages.json"
    sent = ask(twin, "POST", child, data=SAMPLE, auth=("owner@example.test", TOKEN))
    assert (sent.status_code, sent.json()["account_sid"]) == (200, OTHER)
    assert ask(twin, "GET", f"{MESSAGES}.json", auth=(OTHER, "other")).status_code == 403
    assert ask(twin, "GET", f"{MESSAGES}/{sent.json()['sid']}.json").status_code == 403
    closed = ask(twin, "GET", "/api/2012-04-24/Accounts/ACclosed/SMS/Messages", auth=("ACclosed", "closed"))
    assert closed.status_code == 403
