"""The exchange as a law: for any request and any provider response, the client gets a response of its own dialect."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.any_request import (
    BOTH,
    ENTRIES,
    EVERY_FORM,
    JSON_MEDIA,
    MARK,
    MOST_ASKS,
    SPOKEN,
    TOKEN,
    Driven,
    _authorization,
    _drive,
    _get,
    _is_an_answer_of,
    _list,
    _send,
)
from translator.core.accounts import Accounts
from translator.core.exchange import failure
from translator.core.http.messages import Failure, Request, Response

# --------------------------------------------------------------------------------------------------------------- requests

_names = st.sampled_from(
    ["From", "To", "Body", "Text", "StartTime", "EndTime", "Page", "PageSize", "Limit", "SortBy", "AfterSid", "Status",
     "Date_From", "date_to", "Results_Count", "Results_Skip", "Direction", "StatusCallback", "Schedule", "DeliveryReceipt"]
) | st.text(max_size=5)  # fmt: skip
_values = (
    st.sampled_from(
        ["0", "1", "15550100001", "+15550100002", " 15550100001", "client:alice", "2018-10-05", "DateCreated:desc",
         "To", "Delivered", "Transmit", "https://a.example/x", "true", "99999999999999999999", "", "9999-12-31T23:59:59.9"]
    )
    | st.integers(-2, 2**70).map(str)
    | st.text(max_size=10)
)  # fmt: skip
_pairs = st.lists(st.tuples(_names, _values), max_size=5)
_json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | _values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3),
    max_leaves=6,
)
_bodies = (
    st.binary(max_size=40)
    | st.none()
    | _pairs.map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs).encode())
    | st.dictionaries(_names, _json_values, max_size=5).map(lambda value: json.dumps(value).encode())
)
_header_values = st.sampled_from(
    [
        "application/json",
        "application/xml",
        "*/*",
        "text/html",
        "application/x-www-form-urlencoded; charset=iso-8859-1",
        "",
    ]
) | st.text(max_size=8)
_headers = st.lists(st.tuples(st.sampled_from(["accept", "content-type", "authorization"]), _header_values), max_size=3)
_methods = st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "get"]) | st.text(max_size=4)
_queries = st.text(max_size=20) | _pairs.map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs))


@st.composite
def _requests(draw: st.DrawFn) -> Request:
    """Good requests, good ones with something changed, and nonsense."""
    front, extension = draw(st.sampled_from(EVERY_FORM))
    request: Request = draw(st.sampled_from([_send, _list, _get]))(front, extension)
    changes: dict[str, st.SearchStrategy[Any]] = {
        "method": _methods,
        "query": _queries.map(lambda more: f"{request.query}&{more}") | _queries,
        "headers": _headers.map(lambda more: (*more, *request.headers)) | _headers.map(tuple),
        "body": _bodies,
        "path": st.text(max_size=12).map(lambda more: request.path + more) | st.text(max_size=20),
    }
    for name in draw(st.sets(st.sampled_from(sorted(changes)), max_size=2)):
        request = request.replace(**{name: draw(changes[name])})
    return request


_wrong = st.sampled_from(
    [(b'"', b""), (b"delivered", b"lost"), (b"Delivered", b"Lost"), (b"+0000", b"-9999"), (b":1", b":-1"), (b":", b": null,"),
     (b"202", b"999"), (b"+1555", b"\xff"), (b"SMM", b"S/"), (b"MA", b"../"), (b"2023", b"0000"), (b'":"', b'":["')]
)  # fmt: skip
_answers = st.lists(
    st.tuples(st.integers(0, 420), st.sampled_from([0, 0, 1, 30]), st.none() | _wrong)
    | st.builds(Failure, st.sampled_from(["never-left", "timeout", "broken"]), st.just(f"{MARK}.example refused"))
    | st.builds(
        Response,
        st.sampled_from([200, 201, 204, 301, 400, 401, 403, 404, 413, 429, 500, 503, 599, 100, 600, 0]),
        st.just((("retry-after", MARK), ("server", MARK))) | st.just((("retry-after", "7"),)),
        st.binary(max_size=20).map(lambda body: body + MARK.encode())
        | _json_values.map(lambda value: json.dumps({"message": MARK, "Messages": value, "Message": value}).encode())
        | st.just(b'{"ResponseStatus": {"ErrorCode": "BACKSMARK_NOT_FOUND", "Errors": [{"FieldName": "To"}]}}')
        | st.just(b'{"ResponseStatus": {"Errors": [{"FieldName": ["BACKSMARK"]}]}}'),
    ),
    min_size=1,
    max_size=4,
)


@given(_requests(), _answers)
@example(_list("properties-v2", "", path="/v2/Properties/S1/Messages\ud800"), [(1, 0, None)])
@example(_list("restcomm", ".json", query="StartTime=9999-12-31T23:59:59.999999999"), [(1, 0, None)])
@example(_list("properties-v2", "", query="Date_From=0&Date_To=0"), [(0, 0, None)])
@example(_list("restcomm", "", query="Page=1000000000000&PageSize=1000000000000"), [(1, 0, None)])
@example(_list("restcomm", ".json", method="OPTIONS"), [(1, 0, None)])
def test_any_request_and_any_back_response_get_an_answer_of_the_front(request: Request, answers: list[Any]) -> None:
    front = BOTH.dialect_of(request.path)
    driven = _drive(request, answers)
    _is_an_answer_of(front, driven)
    assert driven.reply.dialect == front.name
    assert driven.reply.asks == len(driven.asked) <= MOST_ASKS + 1
    assert all(one.header("authorization") != request.header("authorization") for one in driven.asked)
    if driven.reply.operation == "send":
        assert len(driven.asked) <= 1, "a send is asked at most once"


@pytest.mark.parametrize("form", EVERY_FORM)
@given(data=st.data())
def test_what_a_back_answers_to_a_good_request_never_breaks_the_answer(
    form: tuple[str, str], data: st.DataObject
) -> None:
    made = data.draw(st.sampled_from([_send, _list, _get]))
    driven = _drive(made(*form), data.draw(_answers))
    _is_an_answer_of(SPOKEN[form[0]], driven)
    assert 1 <= len(driven.asked) <= (1 if made is _send else MOST_ASKS + 1)
    if made is _send:
        assert driven.reply.operation == "send" and driven.asked[0].method == "POST"
    else:
        assert all(one.method == "GET" for one in driven.asked), "reading never changes anything at a back"


@given(_requests(), st.text(max_size=12))
def test_a_request_without_the_right_credentials_asks_nothing(request: Request, guess: str) -> None:
    headers = tuple(pair for pair in request.headers if pair[0] != "authorization")
    front = BOTH.dialect_of(request.path)
    tried = "" if guess == TOKEN else guess
    for credentials in ((), (_authorization(front.name, tried),), (("authorization", guess),)):
        driven = _drive(request.replace(headers=(*credentials, *headers)), [(1, 0, None)])
        assert (driven.asked, driven.reply.response.status) == ([], 401)
        assert str(driven.reply.response.header("www-authenticate")).startswith("Basic realm=")
        _is_an_answer_of(front, driven)


# ---------------------------------------------------------------------------------------------------------- good exchanges


@pytest.mark.parametrize("form", EVERY_FORM)
def test_a_good_request_to_a_good_back_is_answered_with_what_the_back_has(form: tuple[str, str]) -> None:
    sent = _drive(_send(*form), [(1, 0, None)])
    assert (sent.reply.response.status, sent.reply.fault, len(sent.asked)) == (200, "", 1)
    got = _drive(_get(*form), [(1, 0, None)], Accounts([ENTRIES[form[0]]._replace(shared=False)]))
    assert (got.reply.response.status, got.reply.fault, len(got.asked)) == (200, "", 1)
    listed = _drive(_list(*form), [(450, 0, None)])
    assert (listed.reply.response.status, listed.reply.fault) == (200, "")
    assert MARK.encode() in listed.reply.response.body, "the texts of the back's messages are shown"
    if form == ("restcomm", ".json"):
        shown = json.loads(listed.reply.response.body)
        assert (shown["total"], len(shown["messages"])) == (450, 50)


@pytest.mark.parametrize("form", EVERY_FORM)
@pytest.mark.parametrize(
    ("kind", "sending", "reading"),
    [
        ("never-left", "back-unreachable", "back-unreachable"),
        ("timeout", "outcome-unknown", "back-timeout"),
        ("broken", "outcome-unknown", "back-failed"),
    ],
)
def test_only_a_send_that_never_left_is_known_not_to_have_been_sent(
    form: tuple[str, str], kind: Any, sending: str, reading: str
) -> None:
    answers = [Failure(kind, MARK)]
    assert _drive(_send(*form), answers).reply.fault == sending
    assert _drive(_get(*form), answers).reply.fault == reading
    assert _drive(_list(*form), answers).reply.fault == reading


@pytest.mark.parametrize("form", EVERY_FORM)
@pytest.mark.parametrize("status", [200, 500, 503, 599, 101, 700])
def test_a_send_that_is_answered_with_nonsense_has_an_unknown_outcome(form: tuple[str, str], status: int) -> None:
    driven = _drive(_send(*form), [Response(status, (), b"<html>" + MARK.encode())])
    assert (driven.reply.fault, driven.reply.response.status, len(driven.asked)) == ("outcome-unknown", 504, 1)


@pytest.mark.parametrize("form", EVERY_FORM)
@pytest.mark.parametrize("made", [_send, _list, _get])
@pytest.mark.parametrize("status", [401, 403])
def test_what_a_back_thinks_of_our_credentials_is_not_shown_as_the_callers(
    form: tuple[str, str], made: Any, status: int
) -> None:
    reply = _drive(made(*form), [Response(status, (), MARK.encode())]).reply
    assert (reply.fault, reply.response.status) == ("back-refused-us", 502)


@pytest.mark.parametrize("form", EVERY_FORM)
def test_message_unknown_to_the_back_is_unknown_and_never_a_failure(form: tuple[str, str]) -> None:
    reply = _drive(_get(*form), [Response(404, (), MARK.encode())]).reply
    assert (reply.fault, reply.response.status) == ("unknown-message", 404)


def test_the_checks_stand_in_the_order_that_the_module_states() -> None:
    """Each request breaks every later rule too, and only the first broken one is answered."""
    extension = ""
    broken = _send("restcomm", extension, body=None, path="/2012-04-24/Nowhere", method="PUT")
    accept = ("accept", "text/html")
    anonymous = _drive(broken.replace(headers=(accept,)), [(1, 0, None)]).reply
    small = broken.replace(headers=(accept, *broken.headers))
    refused = _drive(small, [(1, 0, None)]).reply
    nowhere = _drive(small.replace(headers=broken.headers), [(1, 0, None)]).reply
    other = f"/2012-04-24/Accounts/AC{'2' * 32}/SMS/Messages"
    method = _drive(small.replace(headers=broken.headers, path=other), [(1, 0, None)]).reply
    foreign = _drive(small.replace(headers=broken.headers[:1], path=other, method="POST"), [(1, 0, None)]).reply
    large = _drive(_send("restcomm", extension, headers=broken.headers[:1], body=None), [(1, 0, None)]).reply
    media = _drive(_send("restcomm", extension, headers=broken.headers[:1], body=b""), [(1, 0, None)]).reply
    empty = _drive(_send("restcomm", extension, body=b""), [(1, 0, None)]).reply
    replies = [anonymous, refused, nowhere, method, foreign, large, media, empty]
    assert [reply.response.status for reply in replies] == [401, 406, 404, 405, 403, 413, 415, 400]
    assert method.response.header("allow") == "POST, GET"


@pytest.mark.parametrize("depth", [1, 500, *range(880, 1001, 1), 5000])
def test_json_nested_to_any_depth_is_refused_and_nothing_else(depth: int) -> None:
    """A depth that the decoder just accepts is too deep for the code that walks the value after it."""
    nested = b"[" * depth + b"]" * depth
    body = b'{"Date_From": 0, "Date_To": 1, "Status": ' + nested + b"}"
    driven = _drive(
        _list("properties-v2", "", query="", body=body, headers=(_authorization("properties-v2"), JSON_MEDIA)),
        [(1, 0, None)],
    )
    assert (driven.reply.response.status, driven.asked) == (400, [])


@pytest.mark.parametrize("form", EVERY_FORM)
@pytest.mark.parametrize("fault", ["overdue", "internal"])
def test_what_the_shell_gives_up_on_is_answered_in_the_fronts_shape(form: tuple[str, str], fault: str) -> None:
    reply = failure(BOTH, _list(*form), fault)
    _is_an_answer_of(SPOKEN[form[0]], Driven(reply))
    assert reply.response.status == {"overdue": 504, "internal": 500}[fault]
