"""The simulated Restcomm service against its document: lists, their pages, filters and orders."""

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta, timezone
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from conformance.clock import ManualClock
from conformance.twins.restcomm import RestcommTwin, Sms, Status, Step, seeded_messages

ACCOUNT = "AC00000000000000000000000000000001"
LIST = f"/api/2012-04-24/Accounts/{ACCOUNT}/SMS/Messages"
START = 1_538_779_532  # 2018-10-05T22:45:32Z, the document's own date/time example
NOW = START + 1_000_000.0


@pytest.fixture
def machine_in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine with a zone of its own that is not UTC."""
    with monkeypatch.context() as environment:
        environment.setenv("TZ", "JST-9")
        time.tzset()
        yield
    time.tzset()


def get(twin: RestcommTwin, query: str = "", suffix: str = ".json") -> httpx.Response:
    async def once() -> httpx.Response:
        transport = httpx.ASGITransport(twin.app)
        async with httpx.AsyncClient(transport=transport, auth=(ACCOUNT, "token")) as client:
            return await client.get(f"http://twin{LIST}{suffix}?{query}")

    return asyncio.run(once())


def listed(twin: RestcommTwin, query: str = "") -> dict[str, Any]:
    answer = get(twin, query)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def bodies(twin: RestcommTwin, query: str = "") -> str:
    return "".join(message["body"] for message in listed(twin, query)["messages"])


def sms(
    number: int,
    created: float = START,
    *,
    sender: str = "19876543212",
    recipient: str = "13216549878",
    body: str = "",
    status: Status = "delivered",
) -> Sms:
    steps = (Step(created, status),)
    return Sms(f"SM{number:032x}", ACCOUNT, sender, recipient, body, created, "outbound-api", steps)


def twin_with(*messages: Sms, **knobs: Any) -> RestcommTwin:
    twin = RestcommTwin(accounts={ACCOUNT: "token"}, clock=ManualClock(NOW), **knobs)
    twin.load(messages)
    return twin


def test_the_list_of_the_document_is_found_by_the_request_of_the_document() -> None:
    twin = twin_with(*seeded_messages(ACCOUNT, 250, 1, NOW))
    page = listed(
        twin,
        "From=19876543212&To=13216549878&StartTime=2018-05-30&EndTime=2018-06-09&Page=0&PageSize=10"
        "&SortBy=DateCreated:asc",
    )
    assert [page[name] for name in ("page", "page_size", "limit", "total")] == [0, 10, 10000, 2]
    assert list(page["messages"][0].items()) == [
        ("sid", "SM350df10671b64616a3bb92981967cecb"),
        ("date_created", "Thu, 31 May 2018 16:10:32 +0000"),
        ("date_updated", "Thu, 31 May 2018 16:10:32 +0000"),
        ("account_sid", ACCOUNT),
        ("from", "19876543212"),
        ("to", "13216549878"),
        ("body", "Hello 13216549878"),
        ("status", "sent"),
        ("direction", "outbound-api"),
        ("api_version", "2012-04-24"),
        ("uri", f"/2012-04-24/Accounts/{ACCOUNT}/SMS/Messages/SM350df10671b64616a3bb92981967cecb.json"),
    ]


def test_thirty_four_messages_ten_a_page_are_paged_as_the_document_prints() -> None:
    twin = twin_with(*(sms(number, START + number) for number in range(34)))
    page = listed(twin, "PageSize=10")
    tenth = page["messages"][9]["sid"]
    assert tenth == f"SM{24:032x}"
    del page["messages"]
    assert list(page.items()) == [
        ("page", 0),
        ("num_pages", 3),
        ("page_size", 10),
        ("total", 34),
        ("limit", 10000),
        ("start", "0"),
        ("end", "9"),
        ("uri", LIST),
        ("first_page_uri", f"{LIST}?Page=0&PageSize=10&Limit=10000"),
        ("previous_page_uri", "null"),
        ("next_page_uri", f"{LIST}?Page=1&PageSize=10&AfterSid={tenth}&Limit=10000"),
        ("last_page_uri", f"{LIST}?Page=3&PageSize=10&Limit=10000"),
    ]
    last = listed(twin, "PageSize=10&Page=3")
    assert (last["start"], last["end"], len(last["messages"])) == ("30", "33", 4)
    assert last["previous_page_uri"] == f"{LIST}?Page=2&PageSize=10&Limit=10000"
    assert last["next_page_uri"] == "null"


@pytest.mark.parametrize(
    ("total", "size", "last", "start", "end"),
    [(34, 50, 0, "0", "33"), (30, 10, 3, "30", "30"), (34, 1, 34, "34", "34"), (0, 50, 0, "0", "0")],
)
def test_last_page_is_the_floor_of_the_division_and_a_later_one_refused(
    total: int, size: int, last: int, start: str, end: str
) -> None:
    twin = twin_with(*(sms(number) for number in range(total)))
    page = listed(twin, f"PageSize={size}&Page={last}")
    assert (page["num_pages"], page["start"], page["end"], page["next_page_uri"]) == (
        last,
        start,
        end,
        "null",
    )
    beyond = get(twin, f"PageSize={size}&Page={last + 1}")
    assert beyond.status_code == 400 and list(beyond.json()) == ["message"]


def test_fifty_a_page_unasked_and_no_maximum_unless_the_knob_sets_one() -> None:
    messages = [sms(number) for number in range(120)]
    assert len(listed(twin_with(*messages))["messages"]) == 50
    assert len(listed(twin_with(*messages), "PageSize=99999999")["messages"]) == 120
    clamped = listed(twin_with(*messages, page_size_max=20), "PageSize=1000")
    assert (clamped["page_size"], clamped["num_pages"], len(clamped["messages"])) == (20, 6, 20)


def test_limit_keeps_the_first_rows_after_sorting_and_bounds_the_total() -> None:
    twin = twin_with(*(sms(number, START + number, body=chr(97 + number)) for number in range(26)))
    assert bodies(twin, "Limit=3") == "zyx"
    assert bodies(twin, "Limit=3&SortBy=DateCreated") == "abc"
    page = listed(twin, "Limit=5&PageSize=2&Page=2")
    assert (page["limit"], page["total"], page["num_pages"], len(page["messages"])) == (5, 5, 2, 1)
    assert page["first_page_uri"] == f"{LIST}?Page=0&PageSize=2&Limit=5"
    assert listed(twin, "Limit=500")["total"] == 26


@pytest.mark.parametrize("name", ["Page", "PageSize", "Limit"])
@pytest.mark.parametrize("value", ["-1", "x", "", "1.5", "9" * 5000])
def test_a_count_that_is_no_count_is_refused(name: str, value: str) -> None:
    assert get(twin_with(), f"{name}={value}").status_code == 400


@pytest.mark.parametrize("name", ["PageSize", "Limit"])
def test_none_a_page_and_none_in_all_are_refused(name: str) -> None:
    assert get(twin_with(), f"{name}=0").status_code == 400


def test_after_sid_sets_the_start_of_a_page_and_an_unknown_one_is_ignored() -> None:
    twin = twin_with(*(sms(number, START + number, body=chr(97 + number)) for number in range(6)))
    following = listed(twin, "PageSize=2")["next_page_uri"].partition("?")[2]
    twin.receive(ACCOUNT, sender="1", recipient="2", body="N")
    assert bodies(twin, "PageSize=2") == "Nf"
    page = listed(twin, following)
    assert [message["body"] for message in page["messages"]] == ["d", "c"]
    assert (page["page"], page["start"], page["end"], page["total"]) == (1, "3", "4", 7)
    assert bodies(twin, "PageSize=2&Page=1&AfterSid=SM404") == "ed"
    assert bodies(twin, f"PageSize=2&Page=1&AfterSid=SM{0:032x}") == ""


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("StartTime=2018-10-05T22:45:32", "cb"),
        ("StartTime=2018-10-05T22:45:33", "c"),
        ("EndTime=2018-10-05T22:45:32", "ba"),
        ("EndTime=2018-10-05T22:45:31", "a"),
        ("EndTime=2018-10-05", "a"),
        ("StartTime=2018-10-06", "c"),
        ("EndTime=2018-10-06", "cba"),
        ("StartTime=2018-10-05&EndTime=2018-10-05", "a"),
        ("StartTime=2018-10-05T22:45:32.000Z", "cb"),
        ("StartTime=2018-10-06T00:45:32%2B02:00", "cb"),
    ],
)
def test_both_bounds_are_inclusive_and_a_bare_date_is_its_midnight_in_utc(
    query: str, expected: str, machine_in_tokyo: None
) -> None:
    midnight = 1_538_697_600  # 2018-10-05T00:00:00Z
    twin = twin_with(sms(1, midnight, body="a"), sms(2, START + 0.7, body="b"), sms(3, midnight + 86_400, body="c"))
    assert bodies(twin, query) == expected


@pytest.mark.parametrize(
    ("query", "hours", "expected"),
    [
        ("StartTime=2018-10-05T22:45:32", 0, "cba"),
        ("EndTime=2018-10-05T00:00:00", 0, "cba"),
        ("EndTime=2018-10-04", 0, "a"),
        ("EndTime=2018-10-03T23:59:59", 0, ""),
        ("StartTime=2018-10-06", 0, "c"),
        ("StartTime=2018-10-05&EndTime=2018-10-05", 9, "a"),
        ("StartTime=2018-10-05&EndTime=2018-10-05", 0, "cba"),
        ("StartTime=2018-10-05T23:00:00Z", -1, "cb"),
        ("EndTime=2018-10-05", -10, "cba"),
        ("EndTime=2018-10-04", -10, "a"),
    ],
)
def test_open_server_reads_bounds_as_days_of_its_zone_with_the_whole_end(query: str, hours: int, expected: str) -> None:
    """Its own tests give times and expect days; the midnight after the end day is still inside. "b" is of 22:45:32 UTC."""
    midnight = 1_538_697_600  # 2018-10-05T00:00:00Z
    zone = timezone(timedelta(hours=hours))
    stock = (sms(1, midnight, body="a"), sms(2, START + 0.7, body="b"), sms(3, midnight + 86_400, body="c"))
    assert bodies(twin_with(*stock, bounds="days", zone=zone), query) == expected


@pytest.mark.parametrize("bounds", ["instants", "days"])
@pytest.mark.parametrize("name", ["StartTime", "EndTime"])
@pytest.mark.parametrize("value", ["", "yesterday", "2018-13-01", "2018-02-30", "2018-10-05T25:00:00", "1538779532"])
def test_a_date_that_cannot_be_read_is_refused(name: str, value: str, bounds: str) -> None:
    assert get(twin_with(bounds=bounds), f"{name}={value}").status_code == 400


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("From=19876543212", "ba"),
        ("From=%2B19876543212", "ba"),
        ("From=+19876543212", "ba"),
        ("From=9876543212", ""),
        ("From=dev-test", "c"),
        ("From=Dev-Test", ""),
        ("To=client:alice8", "d"),
        ("To=alice8", ""),
        ("To=72975&From=dev-test", "c"),
        ("To=%2B72975", ""),
        ("From=19876543212&From=dev-test", "ba"),
        ("Status=failed", "b"),
        ("Status=fail", ""),
        ("Body=c", "c"),
        ("Body=C", ""),
        ("From=&To=&Status=&Body=&AfterSid=", "dcba"),
        ("Colour=blue", "dcba"),
    ],
)
def test_filters_compare_numbers_without_their_plus_and_ids_exactly(query: str, expected: str) -> None:
    twin = twin_with(
        sms(1, START, body="a"),
        sms(2, START + 1, sender="+19876543212", body="b", status="failed"),
        sms(3, START + 2, sender="dev-test", recipient="72975", body="c"),
        sms(4, START + 3, sender="447700900123", recipient="client:alice8", body="d"),
    )
    assert bodies(twin, query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "dcba"),
        ("SortBy=", "dcba"),
        ("SortBy=Colour:asc", "dcba"),
        ("SortBy=datecreated", "dcba"),
        ("SortBy=DateCreated", "acbd"),
        ("SortBy=DateCreated:DESC", "dcba"),
        ("SortBy=DateCreated%3Aasc", "acbd"),
        ("SortBy=From", "bdca"),
        ("SortBy=From:desc", "cadb"),
        ("SortBy=To:asc", "dcba"),
        ("SortBy=Direction:desc", "dcba"),
        ("SortBy=Status:Asc", "cbda"),
        ("SortBy=Status:desc", "dacb"),
    ],
)
def test_sorting_is_ascending_unless_told_and_equal_rows_are_newest_first(query: str, expected: str) -> None:
    twin = twin_with(
        sms(1, START, sender="2", body="a", status="sent"),
        sms(4, START + 6, sender="1", body="d", status="sent"),
        sms(3, START + 5.9, sender="2", body="c", status="delivered"),
        sms(2, START + 5.2, sender="+3", body="b", status="delivered"),
    )
    assert bodies(twin, query) == expected


@pytest.mark.parametrize(
    ("sort_by", "message"),
    [
        (":asc", "Error parsing the SortBy parameter: missing field to sort by"),
        ("From:", "Error parsing the SortBy parameter: sort direction needs to be either ASC or DESC"),
        ("From:up", "Error parsing the SortBy parameter: sort direction needs to be either ASC or DESC"),
    ],
)
def test_a_sort_without_field_or_with_another_direction_is_refused(sort_by: str, message: str) -> None:
    answer = get(twin_with(), f"SortBy={sort_by}")
    assert (answer.status_code, answer.json()) == (400, {"message": message})


def test_statuses_are_filtered_and_sorted_as_they_are_by_the_clock() -> None:
    clock = ManualClock(NOW)
    twin = RestcommTwin(accounts={ACCOUNT: "token"}, clock=clock)

    async def send(recipient: str, body: str) -> None:
        transport = httpx.ASGITransport(twin.app)
        async with httpx.AsyncClient(transport=transport, auth=(ACCOUNT, "token")) as client:
            await client.post(f"http://twin{LIST}", data={"From": "1", "To": recipient, "Body": body})

    for recipient, body in (("15551230004", "a"), ("15551230001", "b"), ("15551237777", "c")):
        asyncio.run(send(recipient, body))
    assert bodies(twin, "Status=sending") == "cba"
    clock.advance(1)
    assert (bodies(twin, "Status=sending"), bodies(twin, "Status=sent")) == ("a", "c")
    assert bodies(twin, "SortBy=Status") == "bac"


def test_a_list_in_xml_holds_the_page_of_messages_and_no_paging() -> None:
    twin = twin_with(*(sms(number, START + number, body=str(number)) for number in range(5)))
    answer = get(twin, "PageSize=2&Page=1", suffix="/")
    assert answer.headers["content-type"] == "application/xml"
    root = ElementTree.fromstring(answer.content)
    assert (root.tag, [child.tag for child in root], root[0].attrib) == (
        "RestcommResponse",
        ["SMSMessages"],
        {},
    )
    assert [message.findtext("Body") for message in root.iterfind("SMSMessages/SMSMessage")] == ["2", "1"]
    assert get(twin, "PageSize=2&Page=3", suffix="").status_code == 400


def test_uris_of_a_list_are_those_of_the_request_without_suffix_or_slash() -> None:
    twin = twin_with()
    for suffix in (".json", ".json/", "/.json"):
        assert get(twin, suffix=suffix).json()["uri"] == LIST
