"""Explaining: the first provider request is shown literally, nothing is sent, and with rows the whole exchange is shown."""

from base64 import b64encode
from typing import Any

import pytest

from translator.core.accounts import Account, ConfiguredProvider, Endpoint
from translator.core.dialect import dialect
from translator.core.http.messages import Request
from translator.core.listing import local_query
from translator.core.mapping.load import raw_tables
from translator.core.model import Message
from translator.reports import explain as explaining
from translator.reports.explain import InventedProvider, explain

NOW = 1_700_000_000
SPOKEN = {made.name: made for made in (dialect(file, raw) for file, raw in raw_tables().items())}
FRONT = Endpoint(SPOKEN["restcomm"], "AC1", "", "front-token")
BEHIND = Endpoint(SPOKEN["properties-v2"], "B1", "P1", "back-token")
ENTRY = Account(FRONT, ConfiguredProvider("provider", SPOKEN["properties-v2"]), BEHIND, False)
TURNED = Account(
    Endpoint(SPOKEN["properties-v2"], "B1", "P1", "back-token"), ConfiguredProvider("other", SPOKEN["restcomm"]),
    Endpoint(SPOKEN["restcomm"], "AC1", "", "front-token"), False,
)  # fmt: skip
LIST = "/2012-04-24/Accounts/AC1/SMS/Messages.json"
SID = "SMMABCDEFGHIJKLMNOPQRSTUVWXYZ23456"


def _request(path: str, query: str = "", body: bytes | None = None, entry: Account = ENTRY) -> Request:
    side = entry.front
    credentials = "Basic " + b64encode(f"{side.account}:{side.token}".encode()).decode()
    headers: tuple[tuple[str, str], ...] = (("authorization", credentials),)
    if body is not None:
        headers = (*headers, ("content-type", "application/x-www-form-urlencoded"))
    return Request("POST" if body is not None else "GET", path, query, headers, body or b"")


def _said(request: Request, rows: int | None = None, entry: Account = ENTRY) -> list[str]:
    return list(explain(entry, request, NOW, rows, every_ask=True))


def test_the_first_ask_of_a_list_is_literal_and_what_follows_is_a_rule() -> None:
    said = _said(_request(LIST, "StartTime=2023-11-01&To=15550100002"))
    assert said[0] == (
        "ask 1 at provider: GET /v2/Properties/P1/Messages?"
        "Date_From=1698796800&Date_To=1700000300&Results_Count=200&Results_Skip=0"
    )
    assert said[1] == '    {"Date_From":1698796800,"Date_To":1700000300,"Results_Count":200,"Results_Skip":0}'
    assert all(line.startswith("then ") for line in said[2:])
    assert "then sifted here: recipient" in said
    assert "then sorted here: created, descending; counted here; kept for the pages that follow" in said


def test_a_list_that_needs_nothing_here_is_cut_from_the_backs_own_order() -> None:
    said = _said(_request(LIST, "Status=sent&StartTime=2023-11-01"))
    assert "then pushed: the range of time, status" in said
    assert "then the back's own order serves created, descending, read from the end" in said
    assert not any("every row" in line for line in said)


def test_a_send_is_asked_once_and_nothing_follows() -> None:
    said = _said(_request(LIST, body=b"From=15550100001&To=15550100002&Body=hi"))
    assert said[0] == "ask 1 at provider: POST /v2/Properties/P1/Messages"
    assert '"Text":"hi"' in said[1] and '"To":"+15550100002"' in said[1]
    assert len(said) == 3 and said[2].startswith("then nothing: a send is asked once")


def test_a_get_says_what_it_needs_where_others_share_the_account() -> None:
    path = LIST.replace(".json", f"/{SID}.json")
    assert _said(_request(path)) == [f"ask 1 at provider: GET /v2/Messages/{SID[2:]}", "then nothing"]
    shared = _said(_request(path), entry=ENTRY._replace(shared=True))
    assert shared[1].startswith("then, where the answer does not say whose message it is")


@pytest.mark.parametrize(
    ("request_", "status", "fault"),
    [
        (_request(LIST, "Page=x"), 400, "invalid-parameter"),
        (_request(LIST, body=b"From=15550100001&To=15550100002"), 400, "missing-parameter"),
        (_request("/nowhere"), 404, "no-route"),
        (Request("GET", LIST), 401, "unauthenticated"),
    ],
)
def test_a_request_that_asks_nothing_is_explained_by_its_answer(request_: Request, status: int, fault: str) -> None:
    said = _said(request_)
    assert said[0] == f"answer: {status} ({fault})"
    assert not any(line.startswith("ask") for line in said)


@pytest.mark.parametrize(("rows", "asks"), [(0, 1), (1, 2), (200, 4), (450, 5), (5000, 19)])
def test_explain_with_rows_shows_the_exchange_and_their_number_as_total(rows: int, asks: int) -> None:
    """Three more requests follow a full first slice at once, to gallop. One row is requested after a short slice, and none after an
    empty one."""
    said = _said(_request(LIST), rows)
    assert len([line for line in said if line.startswith("ask ")]) == asks
    assert "answer: 200" in said
    assert any(f'"total":{rows},' in line for line in said)


@pytest.mark.parametrize(
    "query",
    [
        "EndTime=9999-12-31T23:59:59",
        "StartTime=9999-12-31T23:59:59.5",
        "EndTime=1970-01-01",
        "StartTime=2024-01-01&EndTime=2023-01-01",
    ],
)
def test_a_range_that_holds_nothing_is_explained_to_its_end(query: str) -> None:
    assert "answer: 200" in _said(_request(LIST, query), 3)


@pytest.mark.parametrize(
    "request_",
    [
        _request("/v2/Properties/P1/Messages", "Date_From=0&Date_To=1800000000", entry=TURNED),
        _request("/v2/Properties/P1/Messages", "Date_From=0&Date_To=0", entry=TURNED),
        _request("/v2/Messages/M00000" + "A" * 26, entry=TURNED),
    ],
)
def test_the_other_way_round_is_explained_to_its_end_too(request_: Request) -> None:
    assert "answer: 200" in _said(request_, 3, TURNED)


def test_what_is_lost_is_said_by_the_ids_of_the_rows() -> None:
    """With the first request alone, the losses are the members that the old dialect never has. With a whole exchange, they are the
    losses of its response."""
    listed = _request("/v2/Properties/P1/Messages", "Date_From=0&Date_To=1800000000", entry=TURNED)
    ids = ["fields.DeliveryReceipt"]
    assert _said(listed, entry=TURNED)[-1:] == [f"lost, where the answer has a place for it: {id_}" for id_ in ids]
    assert _said(listed, 3, TURNED)[-1:] == [f"lost: {id_}" for id_ in ids]
    assert not [line for line in _said(listed, 0, TURNED) if line.startswith("lost")]
    assert not [line for line in _said(_request(LIST)) if line.startswith("lost")]


def test_no_token_is_ever_shown() -> None:
    for request in (_request(LIST), _request(LIST, body=b"From=15550100001&To=15550100002&Body=hi")):
        for rows in (None, 2):
            said = "\n".join(_said(request, rows))
            assert "back-token" not in said and "front-token" not in said
            assert b64encode(b"B1:back-token").decode() not in said


def test_what_is_invented_is_answered_by_the_backs_own_dialect() -> None:
    ask = Request("GET", "/v2/Properties/P1/Messages", f"Date_From={NOW - 120}&Date_To={NOW}")
    answer = InventedProvider(ENTRY, 10, NOW).answer(ask)
    rows = SPOKEN["properties-v2"].back.read_slice(answer, NOW).rows
    assert [row.created for row in rows] == [NOW - 120, NOW - 60], "the lower bound is inclusive, the upper one is not"
    assert {row.account for row in rows} == {"B1"}


def test_a_long_run_is_shown_in_short_and_counted_whole() -> None:
    """A scan of 100,000 messages takes 500 slices: twelve and those beside them are shown."""
    scan = _request(LIST, "To=15550100002&StartTime=1990-01-01")
    said = list(explain(ENTRY, scan, NOW, 100_000))
    shown = [line for line in said if line.startswith("ask ")]
    assert 12 <= len(shown) <= 14
    more = next(line for line in said if line.startswith("and "))
    every = [line for line in _said(scan, 100_000) if line.startswith("ask ")]
    assert more == f"and {len(every) - len(shown)} more asks: {len(every)} in all; --every-ask shows each"
    assert "answer: 200" in said


def test_an_invented_history_is_arranged_once_for_all_slices_of_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    filter_and_sort = []
    whole = local_query.filter_and_sort

    def counted(*given: Any) -> list[Message]:
        filter_and_sort.append(given)
        return whole(*given)

    monkeypatch.setattr(explaining, "filter_and_sort", counted)
    _said(_request(LIST, "To=15550100002&StartTime=1990-01-01"), 20_000)
    assert len(filter_and_sort) == 1


def test_no_rule_begins_twice() -> None:
    """The rules of a list go on in two ways after its first request."""
    turned = _request("/v2/Properties/P1/Messages", "Date_From=0&Date_To=1800000000", entry=TURNED)
    for said in (_said(_request(LIST)), _said(turned, entry=TURNED)):
        assert not [line for line in said if line.startswith("then then")]
