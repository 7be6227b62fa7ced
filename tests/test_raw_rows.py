"""One member of one row is bytes that no JSON encoder writes, or bytes that one does. The other rows of the list are as they were."""

import json
from typing import Any

import pytest

from tests.listing import NOW, Provider, ask, old_provider, old_sid, world
from tests.odd_rows import _MEMBERS, ODD, STOCK, Odd, _v2_sid, old_world, others, rows_of, search
from tests.twins import call
from translator.core.http.messages import Answer, Request, Response

_MARK = "@@MARK@@"
RAW: dict[str, bytes] = {
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "1e400": b"1e400",
    "-0": b"-0",
    "-0.0": b"-0.0",
    "int 5000 digits": b"9" * 5000,
    "int 2**63": b"9223372036854775808",
    "int 2**64 neg": b"-18446744073709551616",
    "float tiny": b"5e-324",
    "leading zero": b"007",
    "hex": b"0x10",
    "lone high": b'"\\ud800"',
    "lone low in middle": b'"a\\udc00b"',
    "reversed pair": b'"\\ude00\\ud83d"',
    "nul": b'"\\u0000"',
    "raw nul": b'"\x00"',
    "raw newline": b'"a\nb"',
    "deep array 500": b"[" * 500 + b"]" * 500,
    "deep object 400": b'{"a":' * 400 + b"1" + b"}" * 400,
    "deep array 20000": b"[" * 20000 + b"]" * 20000,
    "dup keys inside": b'{"a":1,"a":2}',
    "bad escape": b'"\\x41"',
    "utf-16 bytes": b'"\xff\xfea\x00"',
    "cesu": b'"\xed\xa0\xbd\xed\xb8\x80"',
    "overlong": b'"\xc0\xaf"',
    "bom inside": b'"\xef\xbb\xbfa"',
    "line separators": b'"\xe2\x80\xa8\xe2\x80\xa9"',
    "true as word": b"True",
    "single quotes": b"'a'",
    "array in quotes": b'"],[{}"',
    "brackets in text": b'"}]},{\\"sid\\":\\"x\\""',
    "empty name": b'{"":""}',
    "100 KB text": b'"' + b"a" * 100000 + b'"',
}


class Raw(Odd):
    """A provider with these bytes as one of its members."""

    def __call__(self, request: Request) -> Answer:
        bytes_, self._value = self._value, _MARK
        answer = super().__call__(request)
        self._value = bytes_
        assert isinstance(answer, Response)
        return answer.replace(body=answer.body.replace(f'"{_MARK}"'.encode(), bytes_))


@pytest.mark.parametrize("name", RAW)
def test_raw_bytes_of_one_member_leave_the_other_rows(name: str) -> None:
    was = rows_of(world(Provider(STOCK)).play(ask({}), NOW))
    for member in _MEMBERS["properties-v2"]:
        raw = Raw(Provider(STOCK), STOCK[ODD].sid.removeprefix("SM"), member, RAW[name])
        reply = world(raw).play(ask({}), NOW)
        assert [row for row in others(was, STOCK[ODD].sid) if row not in rows_of(reply)] == [], member
        assert json.loads(reply.response.body)["total"] == len(STOCK), member


@pytest.mark.parametrize("name", RAW)
def test_and_so_they_do_on_the_way_back(name: str) -> None:
    twin: Any = old_provider(STOCK)
    front = old_world("", "")
    front.answer = lambda request: call(twin.app, request)
    was = rows_of(front.play(search({}), NOW))
    for member in _MEMBERS["restcomm"]:
        front = old_world("", "")
        front.answer = Raw(lambda request: call(twin.app, request), old_sid(STOCK[ODD]), member, RAW[name])
        now = rows_of(front.play(search({}), NOW))
        assert [row for row in others(was, _v2_sid(STOCK[ODD])) if row not in now] == [], member
