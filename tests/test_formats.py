"""Formats: foreign parsers read back the values that we write, and no input breaks our readers."""

import codecs
import json
import re
from urllib.parse import parse_qsl, quote_plus, urlencode
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from translator.core.errors import MalformedProviderResponse
from translator.core.http.formats import form, lenient, text, waiting, xml
from translator.core.http.formats import json as json_format
from translator.core.http.formats.form import MOST_FIELDS, Pair
from translator.core.http.formats.media import media_of

TEXTS = st.text(st.characters(blacklist_categories=["Cs"]))
ANY_TEXT = st.text(st.characters())  # lone surrogates too

# --------------------------------------------------------------------------------------------------------------- forms


@given(st.binary(), st.sampled_from(["utf-8", "latin-1"]))
@example(b"%", "utf-8")
@example(b"=%zz&%=%%&&=", "utf-8")
@example(b"a=%e9&b=%c3%a9", "latin-1")
def test_any_bytes_are_read_as_a_form(data: bytes, charset: str) -> None:
    found = form.read(data, charset)
    assert found is not None
    marked = re.sub(b"(?i)\\A(\xef\xbb\xbf|%EF%BB%BF)", b"", data)
    assert len(found) == len([piece for piece in marked.split(b"&") if piece])


@given(TEXTS)
@example("".join(map(chr, range(128))))
@example("+44 7900:~/é")
def test_a_text_is_quoted_as_the_library_quotes_it(text: str) -> None:
    assert form.quoted(text) == quote_plus(text)


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=8))
def test_written_form_is_read_back_here_and_by_the_standard_library(pairs: list[tuple[str, str]]) -> None:
    written = form.write(pairs)
    assert written.isascii()
    assert parse_qsl(written, keep_blank_values=True) == pairs
    assert form.read(written.encode()) == [Pair(name, value) for name, value in pairs]
    assert form.read(urlencode(pairs).encode()) == [Pair(name, value) for name, value in pairs]


def test_the_hand_written_body_of_the_seeds_java_sample_is_read() -> None:
    """It has a bare space and an address that is not escaped."""
    body = b"From=19876543212&To=13216549878&Body=Test SMS&StatusCallback=http://status.callback.url"
    assert form.read(body) == [
        Pair("From", "19876543212"), Pair("To", "13216549878"), Pair("Body", "Test SMS"),
        Pair("StatusCallback", "http://status.callback.url"),
    ]  # fmt: skip


def test_latin1_is_read_and_reported_where_it_is_not_declared() -> None:
    assert form.read(b"Body=caf%e9") == [Pair("Body", "café", True)]
    assert form.read(b"Body=caf%e9", "latin-1") == [Pair("Body", "café")]
    assert form.read(b"Body=caf%c3%a9") == [Pair("Body", "café")]


def test_repeated_fields_keep_their_order_and_empty_values_stay() -> None:
    assert form.read(b"a=1&b=&a=2&c&=d") == [
        Pair("a", "1"),
        Pair("b", ""),
        Pair("a", "2"),
        Pair("c", ""),
        Pair("", "d"),
    ]


def test_a_form_of_more_fields_than_are_read_is_refused_rather_than_cut() -> None:
    assert len(form.read(b"&".join([b"a=1"] * MOST_FIELDS)) or []) == MOST_FIELDS
    assert form.read(b"&".join([b"a=1"] * (MOST_FIELDS + 1))) is None


# ---------------------------------------------------------------------------------------------------------------- JSON

_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(_values)
@example("\U0001f600 and \U0010ffff")
@example("\u2028 \x7f \x80 \ufffd \x00")
@example({"\u00e9\U0001f468\u200d\U0001f469": ["\\u00e9", '"', "\\"]})
def test_json_is_ascii_and_means_the_same_to_every_reader(value: object) -> None:
    written = json_format.write_ascii(value)
    assert written.isascii()
    assert json.loads(written) == value == json.loads(json_format.write(value))
    assert json_format.read(written) == value


@pytest.mark.parametrize("escape", json_format.SPELLINGS)
@given(st.lists(TEXTS, max_size=4))
@example(["\u00e9\U0001f600", 'a "', "\\", "\n", "\x7f\x80\u2028", ""])
def test_texts_are_spelled_in_json_one_by_one_and_together(escape: str, texts: list[str]) -> None:
    one, each = json_format.SPELLINGS[escape]
    spelled = [one(text) for text in texts]
    assert [json.loads(text) for text in spelled] == texts == [json.loads(text) for text in each(texts)]
    assert escape == "utf-8" or "".join([*spelled, *each(texts)]).isascii()
    assert [json_format.is_harmless(text) for text in texts] == [json.dumps(text) == f'"{text}"' for text in texts]


@given(st.dictionaries(TEXTS.map(lambda name: f"-{name}"), _values, max_size=2), TEXTS, st.lists(_values, max_size=3))
@example({}, "a", [])
def test_values_that_are_json_already_are_put_together(
    members: dict[str, object], name: str, values: list[object]
) -> None:
    encoded = [json_format.write(value).decode() for value in values]
    name = name.removeprefix("-")
    kept = list(encoded)
    assert json.loads(json_format.with_array(json_format.write(members), name, encoded)) == {**members, name: values}
    assert json.loads(json_format.array(encoded)) == values
    assert encoded == kept
    for value, one in zip(values, encoded, strict=True):
        assert json.loads(json_format.under(name, one)) == {name: value}


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 128, 129])
def test_an_array_is_put_together_whatever_its_length(count: int) -> None:
    written = json_format.with_array(b'{"a":1}', "b", [str(number) for number in range(count)])
    assert json.loads(written) == {"a": 1, "b": list(range(count))}


@given(st.binary())
@example(b"\xff")
@example(b'"\\ud800"')
@example(b'"\xed\xa0\x80"')
@example(b"")
@example(b"1" * 5000)
@example(b"[" * 100_000)
@example(b'{"a":' * 5000 + b"1" + b"}" * 5000)
def test_any_bytes_are_json_or_unreadable(body: bytes) -> None:
    try:
        read = json_format.read(body)
    except MalformedProviderResponse:
        return
    assert json.loads(body) == read or read != read  # noqa: PLR0124 - a NaN is not itself


@pytest.mark.parametrize("body", [b"", b"{", b"nope", b"\xff\xfe", b"[1,]", b"{'a': 1}", b'{"a": 1} x', b"NaN"])
def test_what_is_not_json_is_unreadable_and_is_not_repeated(body: bytes) -> None:
    with pytest.raises(MalformedProviderResponse) as error:
        json_format.read(body)
    assert error.value.what == "the body is not JSON"


# ----------------------------------------------------------------------------------------------------------------- XML


def _allowed(character: str) -> str:
    """Production 2 of XML 1.0: the characters that a document may hold; any other is shown as U+FFFD."""
    code = ord(character)
    fits = code in (0x9, 0xA, 0xD) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000
    return character if fits else "\ufffd"


@given(ANY_TEXT)
@example("\r\n\r")
@example("]]>&amp;<a/>")
@example("\x00\x0b\ufffe\ud800\U0001f600")
def test_any_text_is_found_again_by_an_xml_parser(text: str) -> None:
    document = xml.document("Root", xml.element("Body", xml.text(text)))
    found = ElementTree.fromstring(document).findtext("Body")
    assert found == "".join(map(_allowed, text))


def test_an_element_without_content_is_an_empty_one() -> None:
    assert xml.element("DateSent", "") == "<DateSent/>"
    assert (
        xml.document("RestcommResponse", xml.element("A", xml.text(5)))
        == b"<RestcommResponse><A>5</A></RestcommResponse>"
    )


# ------------------------------------------------------------------------------------------------------- bytes become text


@pytest.mark.parametrize(
    ("raw", "meant", "latin1"),
    [
        ("Grüße … spä".encode(), "Grüße … spä", False), ("Grüße … spä".encode()[:-1], "Grüße … sp\ufffd", False),
        ("Grüße".encode("latin-1"), "Grüße", True), (b"caf\xe9", "café", True), ("日本".encode()[:-1], "日\ufffd", False),
        ("日".encode()[1:] + "本".encode(), "\ufffd\ufffd本", False),
        (b"a\xed\xa0\xbd\xed\xb8\x80b", "a😀b", False), (b"\xed\xa0\xbd caf\xc3\xa9", "\ufffd café", False), (b"", "", False),
    ],
)  # fmt: skip
def test_bytes_become_text_by_one_rule(raw: bytes, meant: str, latin1: bool) -> None:
    assert text.read(raw) == (meant, latin1)


@given(st.text(), st.integers(0, 20))
def test_a_text_that_is_cut_within_a_character_loses_that_character_alone(value: str, cut: int) -> None:
    raw = ("ä" + value).encode("utf-8", "replace")
    kept = raw[: len(raw) - cut] if len(raw) - cut >= 2 else raw
    whole = kept.decode("utf-8", "ignore")
    found = text.read(kept).text
    assert found.rstrip("\ufffd") == whole.rstrip("\ufffd")
    assert len(found) - len(whole) <= 3


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("windows-1251", "cp1251"), ("windows-1252", "cp1252"), ("koi8-r", "koi8-r"), ("shift_jis", "shift_jis"),
        ("Shift-JIS", "shift_jis"), ("iso-8859-15", "iso8859-15"), ("ISO-8859-1", "iso8859-1"), ("latin-1", "iso8859-1"),
        ("utf8", "utf-8"), ("us-ascii", "utf-8"), ("", "utf-8"), ("gb2312", "gb2312"), ("big5", "big5"),
    ],
)  # fmt: skip
def test_a_declared_charset_is_a_codec_of_that_name(declared: str, codec: str) -> None:
    assert text.known_charset(declared) == codec


@pytest.mark.parametrize(
    "declared", ["x-klingon", "utf-7", "utf-16", "idna", "rot13", "base64", "unicode_escape", "a\x00b", "x" * 99]
)
def test_a_charset_that_is_not_known_is_named(declared: str) -> None:
    with pytest.raises(text.UnknownCharset) as error:
        text.known_charset(declared)
    assert error.value.name.isprintable()
    assert len(error.value.name) <= 40


@pytest.mark.parametrize(
    ("content_type", "found"),
    [
        ("application/json", ("application/json", "")), ("Application/JSON; Charset=UTF-8", ("application/json", "utf-8")),
        ('text/json;charset="windows-1251"', ("text/json", "windows-1251")), ("a/b; q=1; charset=koi8-r; x=y", ("a/b", "koi8-r")),
        ("a/b;charset='utf-8'", ("a/b", "utf-8")), ("", ("", "")), (";charset=", ("", "")),
    ],
)  # fmt: skip
def test_a_content_type_says_type_and_charset(content_type: str, found: tuple[str, str]) -> None:
    assert media_of(content_type) == found


@pytest.mark.parametrize(
    ("body", "member", "found"),
    [
        (b'{"a":[1,{"b":[2]},"x,]"],"c":3}', "a", ([b"1", b'{"b":[2]}', b'"x,]"'], b'{"a":[],"c":3}')),
        (b'{"a":[]}', "a", ([], b'{"a":[]}')), (b'{"a":[ ]}', "a", ([], b'{"a":[]}')), (b'{"x":"a","b":[1]}', "a", None),
        (b'{"x":{"a":[1]},"a":[2]}', "a", ([b"2"], b'{"x":{"a":[1]},"a":[]}')), (b"[1]", "a", None), (b'{"a":5}', "a", None),
    ],
)  # fmt: skip
def test_an_array_is_taken_apart_without_looking_at_its_elements(body: bytes, member: str, found: object) -> None:
    assert lenient.elements(body, member) == found


@given(st.binary())
def test_lenient_json_reads_or_says_that_it_cannot(body: bytes) -> None:
    try:
        value = lenient.read(body)
    except MalformedProviderResponse:
        return
    json.dumps(value, ensure_ascii=False).encode()


def test_the_charsets_that_are_known_are_called_as_their_codecs_are() -> None:
    assert {codecs.lookup(name).name for name in text._KNOWN} == text._KNOWN


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120), (" 7 ", 7), ("Wed, 21 Oct 2015 07:28:00 GMT", 60), ("Wednesday, 21-Oct-15 07:28:00 GMT", 60),
        ("Wed Oct 21 07:28:00 2015", 60), ("Wed, 21 Oct 2015 07:00:00 GMT", 0), ("soon", None), ("", None), (None, None), ("-1", None),
        ("1.5", None), ("x" * 99, None), ("٣", None), ("Wed, 99 Oct 2015 07:28:00 GMT", None),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_any_date_of_http(said: str | None, seconds: int | None) -> None:
    assert waiting.seconds_of(said, 1_445_412_420) == seconds
