"""The targets of `make nightly`, for a moment each; every earlier find; and that a target finds a fault."""

from collections.abc import Iterator

import pytest

from tests.nightly import parser, sockets
from tests.nightly.__main__ import broken, main, sought
from tests.nightly.addresses import is_public
from tests.nightly.targets import TARGETS
from translator.shell.delivery.callback_url_policy import CallbackUrlPolicy
from translator.shell.server.request_head import RequestHead

HEAD = b"HTTP/1.1\r\nHost: a\r\n"
INPUTS = {"parser": 150, "core": 150, "providers": 150, "sockets": 25, "addresses": 400}

FINDS = {
    "parser": [
        b"GET    /a " + HEAD + b"\r\n",
        b"GET /a  " + HEAD + b"\r\n",
        b"POST /a " + HEAD + b"Transfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\n\r\n",
    ],
    "addresses": [
        b"http://[::%\xc2\xac]/",  # its zone is not ASCII, which was a defect
        b"http://[::ffff:0:7f00:1]/",
        b"http://[4000::1]/",
        b"http://[3fff::1]/",
        b"http://[5f00::1]/",
        b"http://[64:ff9b:2::7f00:1]/",
        b"http://168.63.129.16/",
    ],
}
"""Inputs that earlier runs found."""


@pytest.fixture(scope="module", autouse=True)
def ended() -> Iterator[None]:
    """The server of the sockets ends with these tests."""
    yield
    sockets.close()


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_is_found_in_the_inputs_of_one_seed(name: str) -> None:
    count, find = sought(TARGETS[name], 1, 60.0, INPUTS[name])
    assert find is None, f"python -m tests.nightly {name} --input {find.hex() if find else ''}"
    assert count == INPUTS[name]


@pytest.mark.parametrize(("name", "data"), [(name, data) for name, finds in FINDS.items() for data in finds])
def test_what_was_found_once_is_right_now(name: str, data: bytes) -> None:
    TARGETS[name].run(data)


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_known_beforehand_is_right(name: str) -> None:
    target = TARGETS[name]
    for data in target.corpus[: INPUTS[name]]:
        target.run(data)


def test_an_input_is_known_by_its_seed_and_number() -> None:
    for target in TARGETS.values():
        assert [target.input(5, number) for number in range(20)] == [target.input(5, number) for number in range(20)]
        assert len({target.input(5, number) for number in range(20)}) > 10


def test_a_guard_that_lets_everything_through_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CallbackUrlPolicy, "is_allowed", lambda self, text: True)
    count, find = sought(TARGETS["addresses"], 1, 60.0, 500)
    assert find is not None and broken(TARGETS["addresses"], find), count


def test_a_front_that_forgets_to_check_heads_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RequestHead, "check", lambda self, version, read: None)
    _, find = sought(TARGETS["parser"], 1, 60.0, 2000)
    assert find is not None


def test_both_readers_read_what_is_good() -> None:
    for good in parser.CORPUS[:6]:
        read, rest = parser.theirs(good)
        assert parser.ours([good]) == [one for one, _ in read] != []
        assert rest == b""


def test_the_registries_are_read_as_they_are_written() -> None:
    assert [is_public(ip) for ip in ("8.8.8.8", "2606:4700::1", "::ffff:8.8.8.8")] == [True] * 3
    assert [is_public(ip) for ip in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "::127.0.0.1", "224.0.0.1")] == [False] * 5


def test_a_find_is_told_with_the_command_that_shows_it_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(CallbackUrlPolicy, "is_allowed", lambda self, text: True)
    monkeypatch.setattr("sys.argv", ["nightly", "addresses", "--seed", "1", "--seconds", "20"])
    assert main() == 1
    told = capsys.readouterr().out
    assert "addresses" in told and "seed 1: a find" in told
    find = told.rpartition("--input ")[2].split()[0]
    assert broken(TARGETS["addresses"], bytes.fromhex(find))
    monkeypatch.undo()
    assert not broken(TARGETS["addresses"], bytes.fromhex(find))
