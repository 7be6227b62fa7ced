"""Clients that fail to authenticate again and again: they are counted and slowed down, in bounded memory."""

from pathlib import Path

import pytest

from tests.commands import ACCOUNT, LISTS, fetch
from tests.crowded import crowded
from translator.shell.server.in_flight import Guesses, network_of


def test_an_address_may_fail_so_often_at_once_and_so_often_a_second() -> None:
    guesses = Guesses(10.0, 20.0)
    assert [guesses.too_many("a", 0.0) for _ in range(25)] == [False] * 20 + [True] * 5
    assert [guesses.too_many("b", 0.0) for _ in range(20)] == [False] * 20, "another address is another one's"
    assert [guesses.too_many("a", 1.0) for _ in range(12)] == [False] * 10 + [True] * 2
    assert [guesses.too_many("a", 100.0) for _ in range(21)] == [False] * 20 + [True]
    steady = [guesses.too_many("c", number / 10) for number in range(1000)]
    assert not any(steady), "ten a second are never too many"


def test_ten_thousand_addresses_take_the_place_of_so_many_as_are_known() -> None:
    guesses = Guesses(10.0, 1.0, 100)
    for number in range(10_000):
        guesses.too_many(str(number), 0.0)
    assert len(guesses._levels) == 100
    assert guesses.too_many("9999", 0.0)
    assert not guesses.too_many("0", 0.0), "it was forgotten"


@pytest.mark.parametrize(
    ("address", "same"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8::1", "2001:db8::2:1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("", ""),
        ("a:b", "a:b"),
    ],
)
def test_a_network_of_ipv6_is_one_address(address: str, same: str) -> None:
    assert network_of(address) == network_of(same)
    assert network_of("10.0.0.1") != network_of("10.0.0.2")
    assert network_of("2001:db8:0:1::1") != network_of("2001:db8:0:2::1")


def test_guessing_client_is_slowed_and_a_known_one_is_served_beside_it(tmp_path: Path) -> None:
    """The answer has the front's own shape, and is the last one of its connection."""
    with crowded(tmp_path, "http://127.0.0.1:1") as at:
        url = f"http://{at.front}{LISTS}"
        wrong = [fetch(url, login=f"{ACCOUNT}:{number}") for number in range(20)]
        while wrong[-1][0] != 429 and len(wrong) < 2000:
            wrong.append(fetch(url, login=f"{ACCOUNT}:wrong"))
        statuses = [status for status, _, _ in wrong]
        assert statuses[:20] == [401] * 20
        assert set(statuses) == {401, 429}
        assert fetch(url, login=f"{ACCOUNT}:t")[0] == 502, "the provider is not there: the account was opened"
        _, headers, body = next(answer for answer in wrong if answer[0] == 429)
        assert (headers["retry-after"], headers["connection"], headers["content-type"]) == (
            "1",
            "close",
            "application/json",
        )
        assert body == wrong[0][2]
        assert "www-authenticate" not in headers
        counted = [at.metric(f'sms_translator_auth_failures_total{{answer="{answer}",dialect="restcomm"}}')
                   for answer in ("refused", "limited")]  # fmt: skip
        assert counted == [statuses.count(401), statuses.count(429)]
