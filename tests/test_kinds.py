"""Codecs: each pair is a round trip, and its forms are those of the standard library or of a document."""

import re
import time
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime, parsedate_to_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from translator.core.errors import BadValue
from translator.core.values.codecs import KINDS, Codec
from translator.core.values.codecs.instants import LAST
from translator.core.values.codecs.numbers import party
from translator.core.values.codecs.patterns import ending, read_pattern

INSTANTS = st.integers(0, LAST)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _at(instant: int) -> datetime:
    return EPOCH + timedelta(seconds=instant)


# ------------------------------------------------------------------------------------------------------------- instants


@given(INSTANTS)
@example(0)
@example(LAST)
@example(951_782_400)  # 29 February 2000
def test_an_rfc2822_date_is_the_standard_librarys_with_an_unpadded_day(instant: int) -> None:
    kind, padded = KINDS["instant:rfc2822-unpadded"], format_datetime(_at(instant))
    written = kind.write(instant)
    assert written == re.sub(r", 0", ", ", padded)
    assert kind.read(written) == kind.read(padded) == instant
    assert int(parsedate_to_datetime(written).timestamp()) == instant


def test_the_dates_of_the_seed_are_read_and_written_as_they_stand_there() -> None:
    kind = KINDS["instant:rfc2822-unpadded"]
    assert kind.read("Thu, 19 Nov 2015 07:21:35 -0500") == 1447935695
    assert kind.read("Thu, 31 May 2018 16:10:32 +0000") == 1527783032
    assert kind.write(1527783032) == "Thu, 31 May 2018 16:10:32 +0000"
    assert kind.write(1562223748) == "Thu, 4 Jul 2019 07:02:28 +0000"
    assert KINDS["instant:iso8601-millis"].write(1562223748) == "2019-07-04T07:02:28.000Z"


@given(st.integers(86400, LAST - 86400), st.integers(-23 * 60, 23 * 60))
def test_a_date_in_any_zone_is_the_same_instant(instant: int, minutes: int) -> None:
    local = _at(instant).astimezone(timezone(timedelta(minutes=minutes)))
    assert KINDS["instant:rfc2822-unpadded"].read(format_datetime(local)) == instant
    assert KINDS["instant:iso8601"].read(local.isoformat()) == instant
    assert KINDS["instant:iso8601"].read(local.strftime("%Y-%m-%dT%H:%M:%S%z").zfill(24)) == instant


@given(INSTANTS, st.integers(0, 999_999_999), st.integers(1, 9))
@example(1_562_223_748, 999_999_999, 9)
@example(LAST, 999_999_999, 9)
def test_the_fraction_of_a_second_is_cut_off_and_never_makes_a_second_more(
    instant: int, nanos: int, digits: int
) -> None:
    text = f"{_at(instant):%Y-%m-%dT%H:%M:%S}".zfill(19) + "." + f"{nanos:09}"[:digits] + "Z"
    assert KINDS["instant:iso8601-millis"].read(text) == instant
    read = KINDS["instant:iso8601"].read(text)
    assert instant <= read < instant + 1
    assert abs(read - instant - float(f"0.{f'{nanos:09}'[:digits]}")) < 1e-4


@given(INSTANTS)
def test_iso8601_forms_are_the_standard_librarys_and_read_back(instant: int) -> None:
    plain = _at(instant).replace(tzinfo=None).isoformat()
    assert KINDS["instant:iso8601"].write(instant) == plain
    assert KINDS["instant:iso8601-millis"].write(instant) == plain + ".000Z"
    for kind in ("instant:iso8601", "instant:iso8601-millis"):
        assert KINDS[kind].read(KINDS[kind].write(instant)) == instant
    assert KINDS["instant:iso8601"].read(plain.replace("T", " ")) == instant


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2018-10-05", 1538697600),
        ("2018-10-05T22:45", 1538779500),
        ("2018-10-05T22:45:32", 1538779532),
        ("2018-10-05T22:45:32Z", 1538779532),
        ("2018-10-05T22:45:32.5", 1538779532.5),
        ("2018-10-05T22:45:32+02:00", 1538772332),
        ("2018-10-05T22:45:32-0230", 1538788532),
        ("1970-01-01", 0),
        ("9999-12-31T23:59:59", LAST),
    ],
)
def test_date_and_datetime_are_read_as_utc_unless_they_name_a_zone(text: str, instant: float) -> None:
    assert KINDS["instant:iso8601"].read(text) == instant


NONSENSE: list[object] = [
    "", "now", "2018-13-01", "2018-02-30", "2018-10-05T22:60", "2018-10-05T22:45:60", "2018-10-05T25:00", "2018-366", "2018-000",
    "2018-10-05T22:45:32+25:00", "2018-10-05T", " 2018-10-05", "2018-10-05\n", "٢٠١٨-10-05", None, 5, 1.5, True, [], {}, b"2018-10-05",
    "Thu, 31 Foo 2018 16:10:32 +0000", "Thu, 32 May 2018 16:10:32 +0000", "Thu, 31 May 2018 16:10:32",
    "Thu, 31 May 2018 16:10:32 +9900", "Thu, 31 May 18 16:10:32 +0000", "Thu, 1 Jan 1970 00:00:00 +0001",
    "Fri, 31 Dec 9999 23:59:59 -0001", "Thu,31 May 2018 16:10:32 +0000", "-1", "1.5", "1e3", "٣",
]  # fmt: skip


@pytest.mark.parametrize("kind", ["instant:iso8601", "instant:iso8601-millis", "instant:rfc2822-unpadded"])
@pytest.mark.parametrize("value", NONSENSE)
def test_what_is_no_date_within_1970_to_9999_is_a_bad_value(kind: str, value: object) -> None:
    with pytest.raises(BadValue):
        KINDS[kind].read(value)


@pytest.mark.parametrize(
    "value",
    ["0000-01-01", "1969-12-31T23:59:59", "1970-01-01T00:00:00+00:01", "1900-01-01", "9999-12-31T23:59:59-00:01"],
)
def test_bound_beyond_all_messages_is_an_end_instant_and_a_shown_one_bad(value: str) -> None:
    assert KINDS["instant:iso8601"].read(value) == (LAST if value[0] == "9" else 0)
    with pytest.raises(BadValue):
        KINDS["instant:iso8601-millis"].read(value)


@pytest.mark.parametrize(
    ("value", "same"),
    [
        ("2018", "2018-01-01"), ("2018-10", "2018-10-01"), ("20181005", "2018-10-05"), ("2018-278", "2018-10-05"),
        ("2018278", "2018-10-05"), ("2016-366", "2016-12-31"), ("2018-W40-5", "2018-10-05"), ("2018W405", "2018-10-05"),
        ("20181005T224532Z", "2018-10-05T22:45:32"), ("2018-10-05T22", "2018-10-05T22:00"), ("2018-10-05T24:00:00", "2018-10-06"),
        ("2018-10-05t22:45:32z", "2018-10-05T22:45:32"), ("2018-10-05T22:45:32,5", "2018-10-05T22:45:32.5"),
        ("2018-10-05T22:45:32+02", "2018-10-05T20:45:32"), ("2018-10-05T24:00:00+02:00", "2018-10-05T22:00:00"),
        ("9999-12-31T24:00", "9999-12-31T23:59:59"),
    ],
)  # fmt: skip
def test_a_bound_may_be_any_date_of_iso_8601(value: str, same: str) -> None:
    assert KINDS["instant:iso8601"].read(value) == KINDS["instant:iso8601"].read(same)


@pytest.mark.parametrize("kind", [name for name in KINDS if name != "text"])
@given(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.lists(st.text(), max_size=2)
)
def test_any_value_is_read_or_is_a_bad_value_that_is_not_repeated(kind: str, value: object) -> None:
    try:
        KINDS[kind].read(value)
    except BadValue as error:
        assert error.reason.startswith(("has to be", "is not"))
        assert not (isinstance(value, str) and len(value) > 9 and value in error.reason)


@given(INSTANTS)
def test_seconds_since_the_epoch_are_read_as_a_number_and_as_digits(instant: int) -> None:
    kind = KINDS["instant:epoch"]
    assert kind.read(instant) == kind.read(str(instant)) == kind.read(float(instant)) == kind.write(instant) == instant


@pytest.mark.parametrize(
    "value", [-1, LAST + 1, "-1", str(LAST + 1), 1.5, "1.5", True, "", None, [], "٣", float("nan"), float("inf")]
)
def test_what_is_not_whole_seconds_from_1970_to_9999_is_a_bad_value(value: object) -> None:
    with pytest.raises(BadValue):
        KINDS["instant:epoch"].read(value)


# ---------------------------------------------------------------------------------------------------------------- plain


@given(st.integers(0, 2**63 - 1))
def test_a_count_is_read_as_a_number_and_as_digits(count: int) -> None:
    assert KINDS["count"].read(count) == KINDS["count"].read(str(count)) == KINDS["count"].write(count) == count


@pytest.mark.parametrize("value", [-1, 2**63, "-1", str(2**63), "9" * 30, True, 1.0, "", "1.0", "٣", None])
def test_what_is_not_a_whole_number_is_no_count(value: object) -> None:
    with pytest.raises(BadValue):
        KINDS["count"].read(value)


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        ("flag", True, True), ("flag", "TRUE", True), ("flag", "false", False), ("method", "Get", "GET"),
        ("method", "post", "POST"), ("address", "http://status.callback.url", "http://status.callback.url"),
        ("address", "HTTPS://a.example:8080/x?y=z#f", "HTTPS://a.example:8080/x?y=z#f"),
    ],
)  # fmt: skip
def test_flags_methods_and_addresses_are_read_as_clients_write_them(kind: str, value: object, read: object) -> None:
    assert KINDS[kind].read(value) == read
    assert KINDS[kind].write(read) == read


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("flag", "1"), ("flag", 1), ("flag", "yes"), ("method", "PUT"), ("method", ""), ("address", "ftp://a.example"),
        ("address", "a.example"), ("address", "http://user:word@a.example/"), ("address", "http://a.example/ x"),
        ("address", "http://a.example/\r\nx"), ("address", "http://"), ("address", "http://a.example/" + "x" * 2048),
    ],
)  # fmt: skip
def test_what_is_no_flag_method_or_harmless_address_is_a_bad_value(kind: str, value: object) -> None:
    with pytest.raises(BadValue):
        KINDS[kind].read(value)


# -------------------------------------------------------------------------------------------------------------- numbers

_digits = st.text("0123456789", min_size=7, max_size=15).filter(lambda digits: digits[0] != "0")
_others = (
    st.text("0123456789", min_size=1, max_size=6)
    | st.text("ABCdef ", min_size=1, max_size=11)
    | st.text("abc0189", max_size=10).map(lambda name: "client:" + name)
    | st.text("0123456789", min_size=6, max_size=14).map(lambda digits: "0" + digits)
)


@pytest.mark.parametrize("kind", ["number:bare", "number:plus"])
@given(_digits)
def test_seven_to_fifteen_digits_are_one_number_with_or_without_a_plus(kind: str, digits: str) -> None:
    assert KINDS[kind].read(digits) == KINDS[kind].read("+" + digits) == "+" + digits
    assert KINDS["number:bare"].write("+" + digits) == digits
    assert KINDS["number:plus"].write("+" + digits) == "+" + digits
    assert KINDS["number:bare"].reads_shown(digits) == "+" + digits
    assert KINDS["number:plus"].reads_shown(digits) == digits
    assert party("+" + digits) == "number"
    assert party(digits) == "short-code"


@pytest.mark.parametrize("read", ["number:bare", "number:plus"])
@pytest.mark.parametrize("write", ["number:bare", "number:plus"])
@given(_others)
def test_short_codes_sender_ids_and_clients_are_never_altered(read: str, write: str, value: str) -> None:
    assert KINDS[write].write(KINDS[read].read(value)) == value
    repair = KINDS[read].repair
    assert repair is not None
    assert repair(value) is None


@pytest.mark.parametrize("write", ["number:bare", "number:plus"])
@given(st.text(st.characters(blacklist_categories=("C", "Z")), max_size=64))
def test_reading_is_undone_by_writing_and_reading_again(write: str, value: str) -> None:
    """The same holds for the values that a provider shows: each is shown back as the provider meant it."""
    try:
        neutral = KINDS["number:plus"].read(value)
    except BadValue:
        assert value[:1] == "+" or any(character.isdigit() for character in value)
    else:
        assert KINDS["number:plus"].read(KINDS[write].write(neutral)) == neutral
    shown = KINDS[write].reads_shown
    assert shown(KINDS[write].write(shown(value))) == shown(value)


@pytest.mark.parametrize(
    ("neutral", "what"),
    [
        ("+1987654", "number"), ("+198765", "number"), ("+19876", "sender-id"), ("12345", "short-code"), ("1234567", "short-code"),
        ("0412345678", "national"), ("00447700900123", "national"), ("0123", "short-code"), ("+0412345678", "sender-id"),
        ("client:alice", "client"), ("CLIENT:alice", "client"), ("dev-test", "sender-id"), ("+1987654321234567", "sender-id"),
        ("٣٣٣٣", "sender-id"), ("+٣٣٣٣٣٣٣٣", "sender-id"),
    ],
)  # fmt: skip
def test_what_a_sender_or_recipient_is_follows_from_its_characters(neutral: str, what: str) -> None:
    assert party(neutral) == what


@given(_digits)
def test_a_plus_that_nobody_escaped_is_meant_where_a_space_came(digits: str) -> None:
    repair = KINDS["number:bare"].repair
    assert repair is not None
    assert repair(" " + digits) == "+" + digits
    assert repair(digits) is repair("+" + digits) is repair(" ACME") is repair(" 0" + digits) is None


@pytest.mark.parametrize("kind", ["number:bare", "number:plus"])
@pytest.mark.parametrize(
    "written",
    [
        "+1 987 654 3212", "+1-987-654-3212", "+1 (987) 654-3212", "+1.987.654.3212", "+19876543212 ", "+1\u00a0987\u2011654\u20113212",
        "\u202a+19876543212\u202c"[1:], "+1987654\u200b3212", "+1 987654 3212\u202c",
    ],
)  # fmt: skip
def test_a_number_with_its_plus_loses_what_people_put_between_its_digits(kind: str, written: str) -> None:
    assert KINDS[kind].read(written) == "+19876543212"


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("19876543212 ", "a plus, the country code"), ("1-987-654-3212", "a plus, the country code"), ("+44 (0)20 7946 0958", "a plus"),
        ("+12345", "a plus"), ("+1234567890123456", "a plus"), ("1234567890123456", "a plus"), ("+1 987 CALL ME", "a plus"),
        ("+", "a plus"),
        ("+0412345678", "begins with 0"), ("+0 412 345 678", "begins with 0"), ("(987) 654-3212", "a plus"), ("12 345", "a plus"),
    ],
)  # fmt: skip
def test_a_number_that_is_none_is_refused_in_words_for_a_person(written: str, why: str) -> None:
    with pytest.raises(BadValue) as error:
        KINDS["number:bare"].read(written)
    assert why in error.value.reason
    assert "sender-id" not in error.value.reason


@pytest.mark.parametrize(
    "value", ["My Shop 24", "A-Team", "client:1-987-654-3212", "client:support2025550123", "24/7", "No. 1"]
)
def test_a_sender_id_is_not_taken_for_a_number(value: str) -> None:
    assert KINDS["number:bare"].read(value) == value


@pytest.mark.parametrize("shown", ["0800123456", "4350100", "AU8", "a\nb", "", "+0499999999", "+123456", "x" * 300])
@pytest.mark.parametrize("kind", ["number:bare", "number:plus"])
def test_what_a_provider_shows_is_judged_by_no_rule_and_shown_as_it_was(kind: str, shown: str) -> None:
    assert KINDS[kind].write(KINDS[kind].reads_shown(shown)) == shown


@pytest.mark.parametrize("value", ["x" * 65, "a\nb", "\x00", "\u202e", None, 19876543212])
def test_a_party_that_is_too_long_or_not_printable_is_a_bad_value(value: object) -> None:
    with pytest.raises(BadValue):
        KINDS["number:plus"].read(value)


# ----------------------------------------------------------------------------------------------------------------- SIDs

BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_hex_sids = st.text("0123456789abcdef", min_size=32, max_size=32).map(lambda digits: "SM" + digits)
_bare_sids = st.text(BASE32, min_size=31, max_size=31).map(lambda rest: "M" + rest)
_harmless = st.text(BASE32 + BASE32.lower() + "01_-", min_size=1, max_size=32)
PREFIXED, BARE = KINDS["sid:prefixed"], KINDS["sid:base32"]


@given(_hex_sids)
@example("SM" + "0" * 32)
@example("SM" + "f" * 32)
@example("SM350df10671b64616a3bb92981967cecb")
def test_hex_sid_survives_the_bare_shape_through_two_proxies(sid: str) -> None:
    bare = BARE.write(PREFIXED.read(sid))
    assert re.fullmatch("M[A-Z0-7]{31}", bare)
    assert PREFIXED.write(BARE.read(bare)) == sid
    again = PREFIXED.write(BARE.read(bare))
    assert PREFIXED.write(BARE.read(BARE.write(PREFIXED.read(again)))) == sid


@given(_bare_sids)
@example("MJGPVTNSWHJ35HGQTGABFE27TXFSSUZI")
def test_bare_sid_survives_the_prefixed_shape_through_two_proxies(sid: str) -> None:
    shown = PREFIXED.write(BARE.read(sid))
    assert shown == "SM" + sid
    assert re.fullmatch("SM[A-Z0-9]{32}", shown)
    assert BARE.write(PREFIXED.read(shown)) == sid
    second = BARE.write(PREFIXED.read(PREFIXED.write(BARE.read(BARE.write(PREFIXED.read(shown))))))
    assert second == sid


@given(_hex_sids, _hex_sids)
def test_two_hex_sids_never_meet_in_the_bare_shape(one: str, other: str) -> None:
    assert (BARE.write(PREFIXED.read(one)) == BARE.write(PREFIXED.read(other))) == (one == other)


@given(_harmless | _bare_sids | _hex_sids.map(lambda sid: sid[2:]) | _hex_sids.map(lambda sid: "V" + sid[2:]))
def test_any_other_harmless_sid_is_found_again_by_its_shown_form(sid: str) -> None:
    assert BARE.write(BARE.read(sid)) == sid
    assert PREFIXED.write(PREFIXED.read("SM" + sid)) == "SM" + sid
    assert BARE.write(PREFIXED.read(PREFIXED.write(BARE.read(sid)))) == sid, "a bare provider behind a prefixed front"


@given(_harmless.filter(lambda sid: not sid.startswith("M0")))
def test_any_other_prefixed_sid_is_found_again_behind_a_bare_front(sid: str) -> None:
    assert PREFIXED.write(BARE.read(BARE.write(PREFIXED.read("SM" + sid)))) == "SM" + sid


@pytest.mark.parametrize(
    "sid", ["", "SM", "a/b", "..", "SM..", "SM/../x", "SMa b", "SMa%2fb", "SMé", "SMa\n", "x" * 67, None, 5]
)
@pytest.mark.parametrize("kind", [PREFIXED, BARE])
def test_a_sid_that_could_change_a_path_is_refused(kind: object, sid: object) -> None:
    assert kind in (PREFIXED, BARE)
    if kind is BARE and sid == "SM":
        return
    with pytest.raises(BadValue):
        (PREFIXED if kind is PREFIXED else BARE).read(sid)


# ------------------------------------------------------------------------------------------------------------- patterns


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("15126002188", True), ("6002188", True), ("2188", True), ("1512%", True), ("%600%", True), ("__0021_8", True),
        ("1512", False), ("60021888", False), ("_15126002188", False), ("", True), ("%", True), ("x%", False),
    ],
)  # fmt: skip
def test_a_pattern_finds_the_end_of_a_number(pattern: str, found: bool) -> None:
    """The old server puts a `%` before the value: 6002188 finds +15126002188, and the console adds one after it."""
    assert ending(pattern)("+15126002188") is found


@given(st.text("ab1", max_size=8), st.text("ab1%_", max_size=8))
def test_a_pattern_is_sql_like_with_a_percent_sign_before_it(value: str, pattern: str) -> None:
    assert ending(pattern)(value) == _is_like(value, pattern)


@given(
    st.integers(7, 15).flatmap(lambda size: st.text("12", min_size=size, max_size=size)), st.text("12+%_", max_size=8)
)
@example("1111111", "_1111111")
@example("1111111", "%+1")
def test_a_pattern_never_meets_the_plus_of_a_number(digits: str, pattern: str) -> None:
    assert ending(pattern)("+" + digits) == _is_like(digits, pattern)


def _is_like(value: str, pattern: str) -> bool:
    as_expression = "".join({"%": ".*", "_": "."}.get(one, re.escape(one)) for one in "%" + pattern)
    return re.fullmatch(as_expression, value) is not None


@pytest.mark.parametrize(
    "pattern", ["%a" * 31 + "c", "%_" * 31 + "c", "_%" * 31 + "c", "a%" * 31 + "c_", "%" * 63 + "c", "_" * 63 + "c"]
)
def test_no_pattern_takes_long(pattern: str) -> None:
    """The number of steps is the product of the two lengths, some 4,000. A thousand values take no time that a user could notice."""
    matches, start = ending(pattern), time.perf_counter()
    assert not any(matches("a" * 63 + "b") for _ in range(1000))
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize(
    ("given_", "pattern"), [("+1512%", "1512%"), (" 1512", "1512"), ("2188", "2188"), ("ACME", "ACME")]
)
def test_a_pattern_is_read_without_its_plus(given_: str, pattern: str) -> None:
    assert read_pattern(given_) == pattern


@pytest.mark.parametrize("value", ["", "+", " ", "1" * 65, "1\n2", 5, None])
def test_what_is_no_pattern_is_refused(value: object) -> None:
    with pytest.raises(BadValue):
        read_pattern(value)


@pytest.mark.parametrize("text", ["2018-06-09", "2018-06-09T00:00:00", "2018-06-09T23:59:59Z"])
def test_next_day_begins_at_the_midnight_after_a_date_at_any_time(text: str) -> None:
    assert KINDS["instant:iso8601-next-day"].read(text) == datetime(2018, 6, 10, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("text", ["2018-06-09", "2018-06-09T00:00:00", "2018-06-09T23:59:59Z"])
def test_a_day_begins_at_its_midnight_whatever_the_time(text: str) -> None:
    assert KINDS["instant:iso8601-day"].read(text) == datetime(2018, 6, 9, tzinfo=UTC).timestamp()


@given(st.integers(1, LAST // 86400))
def test_a_midnight_is_written_as_a_date_of_which_the_day_is_read_back(day: int) -> None:
    for kind in ("instant:iso8601-day", "instant:iso8601-next-day"):
        assert KINDS[kind].step == 86400
        assert KINDS[kind].read(KINDS[kind].write(day * 86400)) == day * 86400


def test_end_of_a_day_is_written_as_its_last_second_for_servers_with_times() -> None:
    assert KINDS["instant:iso8601-next-day"].write(1528588800) == "2018-06-09T23:59:59"
    assert KINDS["instant:iso8601-day"].write(1528588800) == "2018-06-10T00:00:00"


def test_the_day_after_the_last_one_is_its_last_second() -> None:
    assert KINDS["instant:iso8601-next-day"].read("9999-12-31") == LAST


# -------------------------------------------------------------------------------------------------------------- columns

COLUMNS = {name: kind for name, kind in KINDS.items() if kind.column is not None}
COMMON = {"number": "+61416240112", "sid": "MJGPVTNSWHJ35HGQTGABFE27TXFSSUZI"}
ALSO = {"number": ["+1234567", "+123456789012345"], "sid": ["M" + "2" * 31]}
"""Other values of the common form. The numbers have other lengths."""
UNCOMMON = {
    "number": [
        "", "+", "61416240112", "+123456", "+1234567890123456", "12+3456789", "1234567+", "++61416240112", "+6141624 112",
        "+61416240112+", "ACME", "+61416240112\n", "\n", "+61416240112\n+61416240112", "+6141624011²", "+6141624011é", "+61416\n240112",
    ],
    "sid": [
        "", "M", COMMON["sid"][:-1], COMMON["sid"] + "A", "M0" + COMMON["sid"][2:], "S" + COMMON["sid"][1:],
        COMMON["sid"][:-1] + "\n", COMMON["sid"] + "\n", "\n" + COMMON["sid"][1:], COMMON["sid"] + "\n" + COMMON["sid"],
        COMMON["sid"][:-1] + "_", COMMON["sid"][:-1] + "é", "350df10671b64616a3bb92981967cecb",
    ],
}  # fmt: skip


def _alone(kind: Codec, value: str) -> bool:
    """True if the codec reads a value as it stands and writes it as one of its common form. A column has to state this of a codec."""
    digits = value[1:]
    if kind.read is KINDS["number:bare"].read:
        return (
            value[:1] == "+" and 7 <= len(digits) <= 15 and digits.isascii() and digits.isdigit() and digits[0] != "0"
        )
    return re.fullmatch("M[1-9A-Za-z][0-9A-Za-z]{30}", value) is not None


@pytest.mark.parametrize("name", COLUMNS)
@given(st.data())
def test_a_column_is_what_each_of_its_values_is(name: str, data: st.DataObject) -> None:
    kind, sort = COLUMNS[name], name.partition(":")[0]
    assert kind.column is not None
    values = data.draw(
        st.lists(st.sampled_from([COMMON[sort], *ALSO[sort]]), max_size=4)
        | st.lists(
            st.just(COMMON[sort]) | st.sampled_from([*ALSO[sort], *UNCOMMON[sort]]) | st.text(max_size=40), max_size=4
        )
    )
    found = kind.column.look(values)
    if found is not None:
        assert (found if kind.column.left else values) == [kind.write(value) for value in values]
        assert [kind.read(value) for value in values] == values
    assert (found is not None) == all(_alone(kind, value) for value in values)


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in COLUMNS for value in UNCOMMON[name.partition(":")[0]]]
)
def test_one_other_value_is_noticed_wherever_it_stands(name: str, value: str) -> None:
    column, common = COLUMNS[name].column, COMMON[name.partition(":")[0]]
    assert column is not None
    assert column.look([common, common]) is not None and column.look([]) == []
    for values in ([value], [value, common], [common, value], [common, value, common], [value, value]):
        assert column.look(values) is None, values
