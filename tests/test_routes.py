"""Routes: every spelling that clients are known to use is the same path, and the values in it are found again."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from translator.core.http.paths import Path, PathParser, PathStyle, Template

ROOT = "/2012-04-24"
PREFIXES = ("", "/restcomm", "/api")
LIST = ("2012-04-24", "Accounts", "AC1", "SMS", "Messages")
GET = (*LIST, "SM1")


def _split(path: str, extensions: tuple[str, ...] = (".json",)) -> Path | None:
    return PathParser(root=ROOT, prefixes=PREFIXES, extensions=extensions).split(path)


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(
    ("path", "segments", "extension"),
    [
        ("/2012-04-24/Accounts/AC1/SMS/Messages", LIST, ""),
        ("/2012-04-24/Accounts/AC1/SMS/Messages/", LIST, ""),
        ("/2012-04-24/Accounts/AC1/SMS/Messages.json", LIST, ".json"),
        ("/2012-04-24/Accounts/AC1/SMS/Messages.json/", LIST, ".json"),
        ("/2012-04-24/Accounts/AC1/SMS/Messages/SM1.json", GET, ".json"),
        ("/2012-04-24/Accounts/AC1/SMS/Messages.json/SM1", GET, ".json"),
        ("/2012-04-24/Accounts.json/AC1/SMS/Messages/SM1", GET, ".json"),
        ("/2012-04-24/Accounts/AC1.json/SMS/Messages", LIST, ".json"),
        ("/2012-04-24/Accounts/%41C1/SMS/Mess%61ges", LIST, ""),
    ],
)
def test_every_spelling_of_a_path_is_taken_apart_alike(
    prefix: str, path: str, segments: tuple[str, ...], extension: str
) -> None:
    assert _split(prefix + path) == Path(segments, PathStyle(prefix, extension))


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "/2012-04-24x", "/2012-04-25/Accounts", "/other/2012-04-24/Accounts", "/restcommx/2012-04-24/a", "2012-04-24/a",
        "/2012-04-24//Accounts", "/2012-04-24/a%2fb", "/2012-04-24/a%2Fb", "/2012-04-24/a%00", "/2012-04-24/a%0a", "/2012-04-24/a%ff",
        "/2012-04-24/.json", "/2012-04-24/%e2%80%ae", "/2012-04-24/\ud800", "/2012-04-24/" + "a" * 1024, "/api/api/2012-04-24/a",
    ],
)  # fmt: skip
def test_what_is_nobodys_path_is_none(path: str) -> None:
    assert _split(path) is None


@pytest.mark.parametrize("path", ["/2012-04-24/a.json", "/2012-04-24/a.JSON", "/2012-04-24/a.xml"])
def test_an_extension_is_cut_only_where_the_dialect_has_it_in_that_case(path: str) -> None:
    found = _split(path, ())
    assert found is not None
    assert found == Path(("2012-04-24", path.rpartition("/")[2]), PathStyle("", ""))
    assert (_split(path) == found) == (not path.endswith(".json"))


@given(st.text(st.characters()) | st.text("/.%abjson025f").map(lambda rest: "/2012-04-24" + rest))
@example("/2012-04-24/%")
@example("/2012-04-24/%d8%00")
@example("/2012-04-24/\udcff")
def test_taking_a_path_apart_never_raises_and_lets_nothing_harmful_through(path: str) -> None:
    found = _split(path)
    if found is not None:
        assert found.segments[0] == "2012-04-24"
        assert all(segment and segment.isprintable() and "/" not in segment for segment in found.segments)


_harmless = st.text(st.characters(blacklist_categories=["C", "Z"], blacklist_characters="/"), min_size=1, max_size=20)


@given(_harmless, _harmless)
@example("..", "a?b#c")
@example("%2f", "a b".replace(" ", "+"))
@example("é\U0001f600", "{sid}")
def test_a_path_that_was_filled_matches_back_to_the_same_values(account: str, sid: str) -> None:
    template = Template("/2012-04-24/Accounts/{account}/SMS/Messages/{sid}")
    filled = template.fill(account=account, sid=sid, property="unused")
    assert filled.isascii()
    assert filled.count("/") == template.template.count("/"), "a value never adds a segment"
    assert not set("?# \r\n") & set(filled)
    found = _split(filled, ())
    assert found is not None
    assert template.match(found.segments) == {"account": account, "sid": sid}


@given(st.text(st.characters(blacklist_categories=["Cs"]), max_size=20))
def test_any_value_at_all_stays_within_its_segment(value: str) -> None:
    filled = Template("/v2/Messages/{sid}").fill(sid=value)
    assert filled.startswith("/v2/Messages/")
    assert set(filled[len("/v2/Messages/") :]) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~%"
    )


def test_a_template_matches_nothing_of_another_length_or_with_other_words() -> None:
    template = Template("/v2/Properties/{property}/Messages")
    assert template.match(("v2", "Properties", "P", "Messages")) == {"property": "P"}
    assert template.match(("v2", "Properties", "P")) is None
    assert template.match(("v2", "properties", "P", "Messages")) is None
    assert template.match(("v2", "Properties", "P", "Messages", "M")) is None
