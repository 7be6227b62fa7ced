"""Accounts: the accounts that a header opens. Every wrong header is refused in the same way and in the same time."""

import hmac
import tracemalloc
from base64 import b64encode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from translator.core import accounts
from translator.core.accounts import Account, Accounts, ConfiguredProvider, Endpoint
from translator.core.dialect import dialect
from translator.core.mapping.load import raw_tables

SPOKEN = {made.name: made for made in (dialect(file, raw) for file, raw in raw_tables().items())}
RESTCOMM, PROPERTIES = SPOKEN["restcomm"], SPOKEN["properties-v2"]


def _entry(account: str, token: str, number: int = 1, front: str = "restcomm") -> Account:
    back = PROPERTIES if front == "restcomm" else RESTCOMM
    behind = Endpoint(back, f"B{number}", "P", "behind-token")
    return Account(Endpoint(SPOKEN[front], account, "", token), ConfiguredProvider("provider", back), behind, False)


def _basic(credentials: str | bytes, scheme: str = "Basic") -> str:
    raw = credentials.encode() if isinstance(credentials, str) else credentials
    return f"{scheme} {b64encode(raw).decode()}"


WORLD = Accounts(
    [
        _entry("AC1", "one"), _entry("AC2", "with:colon:s"), _entry("AC3", "first", 1), _entry("AC3", "second", 2),
        _entry("AC3", "first", 3), _entry("AC4", "pässwörd"), _entry("AC1", "other-front", 4, "properties-v2"),
    ]
)  # fmt: skip


def _opened(authorization: str | None, dialect: str = "restcomm") -> list[str]:
    return [entry.behind.account for entry in WORLD.authenticate(dialect, authorization)]


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_token_opens_its_account_under_any_spelling_of_the_scheme(scheme: str) -> None:
    assert _opened(_basic("AC1:one", scheme)) == ["B1"]


def test_credentials_are_split_at_the_first_colon() -> None:
    """RFC 7617: a user-id holds no colon, a password may."""
    assert _opened(_basic("AC2:with:colon:s")) == ["B1"]
    assert _opened(_basic("AC2:with")) == []


@pytest.mark.parametrize("scheme", ["Basic", "basic"])
def test_two_tokens_open_a_front_while_one_takes_the_place_of_the_other(scheme: str) -> None:
    entry = _entry("AC1", "new")
    world = Accounts([entry._replace(front=entry.front._replace(older="old")), _entry("AC1", "old", 2)])
    opened = {
        token: [one.behind.account for one in world.authenticate("restcomm", _basic(f"AC1:{token}", scheme))]
        for token in ("new", "old", "older", "")
    }
    assert opened == {"new": ["B1"], "old": ["B1", "B2"], "older": [], "": []}


def test_account_opens_by_each_spelling_of_credentials_and_keeps_none() -> None:
    """A thousand spellings of 10,000 characters each, one of which is that of most clients."""
    world = Accounts([_entry("AC1", "one")])
    usual = _basic("AC1:one")
    world.authenticate("restcomm", usual)
    tracemalloc.start()
    try:
        for number in range(1000):
            spelled = f"{usual[:6]}{' ' * (9_000 + number)}{usual[6:]}"
            assert world.authenticate("restcomm", spelled) == world.authenticate("restcomm", usual) == world.entries
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 100_000


def test_a_token_outside_ascii_is_utf8() -> None:
    assert _opened(_basic("AC4:pässwörd")) == ["B1"]
    assert _opened(_basic("AC4:pässwörd".encode("latin-1"))) == []


def test_shared_account_opens_the_entries_of_its_token_in_their_order() -> None:
    assert _opened(_basic("AC3:first")) == ["B1", "B3"]
    assert _opened(_basic("AC3:second")) == ["B2"]
    assert _opened(_basic("AC3:third")) == []


def test_an_account_opens_only_the_front_that_it_belongs_to() -> None:
    assert _opened(_basic("AC1:other-front")) == []
    assert _opened(_basic("AC1:other-front"), "properties-v2") == ["B4"]
    assert _opened(_basic("AC1:one"), "properties-v2") == []
    assert _opened(_basic("AC1:one"), "nobody's") == []


@pytest.mark.parametrize(
    "authorization",
    [
        None, "", "Basic", "Basic ", "Bearer QUMxOm9uZQ==", "QUMxOm9uZQ==", "Basic QUMxOm9uZQ", "Basic QUMx=Om9uZQ==", "Basic é",
        "Basic QUMxOm9uZQ==x", _basic("AC1"), _basic("AC1:"), _basic(":one"), _basic("AC1:ONE"), _basic("ac1:one"),
        _basic("AC1:one "), _basic(b"\xff:\xff"), _basic("AC9:no account has this token, and comparing with it takes as long") + "=",
    ],
)  # fmt: skip
def test_a_header_that_is_missing_malformed_or_wrong_opens_nothing(authorization: str | None) -> None:
    assert _opened(authorization) == []


@given(st.none() | st.text(st.characters()) | st.text().map(_basic) | st.binary().map(_basic))
@example("Basic \udcff")
@example(_basic("AC9:no account has this token, and comparing with it takes as long"))
def test_no_header_at_all_raises_and_only_a_token_opens(authorization: str | None) -> None:
    right = {_basic(f"{entry.front.account}:{entry.front.token}") for entry in WORLD.entries}
    opened = _opened(authorization)
    assert opened == [] or str(authorization).partition(" ")[2].strip() in {one.partition(" ")[2] for one in right}


@pytest.mark.parametrize(
    ("authorization", "comparisons"),
    [
        (_basic("AC1:one"), 1),
        (_basic("AC1:wrong"), 1),
        (_basic("AC9:wrong"), 1),
        (None, 1),
        ("nonsense", 1),
        (_basic("AC3:x"), 3),
    ],
)
def test_unknown_account_costs_a_comparison_and_every_entry_is_compared(
    authorization: str | None, comparisons: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def counting(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return hmac.compare_digest(one, other)

    class Counting:
        compare_digest = staticmethod(counting)

    monkeypatch.setattr(accounts, "hmac", Counting)
    WORLD.authenticate("restcomm", authorization)
    assert len(compared) == comparisons
    assert all(other for _, other in compared), "the empty token of a malformed header equals nothing"


def test_path_belongs_to_the_front_of_its_root_and_else_to_the_first() -> None:
    assert [WORLD.dialect_of(path).name for path in ("/2012-04-24/x", "/api/2012-04-24", "/v2/x", "/v2", "/v22", "/", "")] == [
        "restcomm", "restcomm", "properties-v2", "properties-v2", "restcomm", "restcomm", "restcomm",
    ]  # fmt: skip
    assert [spoken.name for spoken in WORLD.dialects] == ["restcomm", "properties-v2"]


def test_a_side_is_shown_without_its_token() -> None:
    assert "one" not in repr(WORLD.entries[0].front)
    assert "behind-token" not in repr(WORLD.entries)
    assert "older-token" not in repr(WORLD.entries[0].front._replace(older="older-token"))
