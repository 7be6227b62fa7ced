"""The loader: both tables load, and a table that is broken in one way is an error that names file, section and row."""

import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import pytest

from translator.core.errors import ConfigError, TableError
from translator.core.mapping import load, overlay, tables_folder
from translator.core.mapping.cell_paths import cells as places
from translator.core.mapping.cell_paths import label
from translator.core.mapping.load import raw_tables, read_toml
from translator.core.mapping.problems import TABLE_KINDS
from translator.core.mapping.schema import Row, Table
from translator.core.values.codecs import KINDS

RAW: Final = raw_tables()
OLD: Final = "restcomm.toml"
V2: Final = "properties_v2.toml"

Raw = dict[str, Any]


def row(raw: Raw, path: str, name: str, number: int = 1) -> Raw:
    """The `number`th row of a section that a reader calls by that name, to be changed in place."""
    section: Any = raw
    for key in path.split("."):
        section = section[key]
    found: Raw = [candidate for candidate in section if label(candidate) == name][number - 1]
    return found


def put(path: str, called: str, number: int = 1, /, **cells: Any) -> Callable[[Raw], None]:
    """A change: these cells of the `number`th row of that name; `in_` is the key `in`."""

    def change(raw: Raw) -> None:
        row(raw, path, called, number).update({key.rstrip("_"): value for key, value in cells.items()})

    return change


def say(section: str, /, **cells: Any) -> Callable[[Raw], None]:
    """A change: these cells of a plain section."""

    def change(raw: Raw) -> None:
        raw[section].update(cells)

    return change


def drop(path: str, called: str, *keys: str) -> Callable[[Raw], None]:
    """A change: without these cells of a row, or without the row if none is named."""

    def change(raw: Raw) -> None:
        gone = row(raw, path, called)
        for key in keys:
            del gone[key]
        if not keys:
            [(holder, last)] = places(raw, path)
            holder[last].remove(gone)

    return change


def twice(path: str, called: str, /, **cells: Any) -> Callable[[Raw], None]:
    """A change: the row once more at the end of its section, with these cells changed."""

    def change(raw: Raw) -> None:
        [(holder, last)] = places(raw, path)
        holder[last].append({**row(raw, path, called), **cells})

    return change


class Broken(NamedTuple):
    """A broken table, and its error.

    `sentence` says what is broken. `where` and `what` are the place (a row by its name) and the fact that the error has to name.
    """

    sentence: str
    file: str
    change: Callable[[Raw], None]
    where: str
    what: str


TYPES: Final = (
    Broken(
        "a key that no row has",
        OLD,
        put("filters", "EndTime", inclusiv=True),
        "[[filters]] EndTime",
        "unknown field `inclusiv`",
    ),
    Broken("a section that no table has", OLD, lambda raw: raw.update(extra={}), "", "unknown field `extra`"),
    Broken("a key that no plain section has", OLD, say("routes", suffix=".xml"), "[routes]", "unknown field `suffix`"),
    Broken("a section that is missing", OLD, lambda raw: raw.pop("paging"), "", "missing required field `paging`"),
    Broken(
        "a cell that is missing",
        OLD,
        drop("words.status", "sent", "word"),
        "[[words.status]] sent",
        "missing required field `word`",
    ),
    Broken(
        "a number where a text belongs",
        OLD,
        put("words.error", "30003", code=30003),
        "[[words.error]] 30003",
        "Expected `str`, got `int`",
    ),
    Broken(
        "a text where a number belongs",
        V2,
        put("errors.faults", "overdue", status="504"),
        "[[errors.faults]] overdue",
        "Expected `int`, got `str`",
    ),
    Broken(
        "a text where a flag belongs",
        OLD,
        put("fields", "sid", required="yes"),
        "[[fields]] sid",
        "Expected `bool`, got `str`",
    ),
    Broken(
        "a text where a list belongs",
        V2,
        put("fields", "From", of="sender"),
        "[[fields]] From",
        "Expected `array`, got `str`",
    ),
    Broken(
        "a word that a closed cell does not have",
        V2,
        put("filters", "Status", test="like"),
        "[[filters]] Status",
        "Invalid enum value 'like'",
    ),
    Broken(
        "a way of writing that does not exist",
        OLD,
        put("fields", "uri", write="compute"),
        "[[fields]] uri",
        "Invalid enum value 'compute'",
    ),
    Broken(
        "an operation that does not exist",
        V2,
        put("operations", "send", name="delete"),
        "[[operations]] delete",
        "Invalid enum value 'delete'",
    ),
    Broken(
        "a row that is no row", OLD, lambda raw: raw["send"].append("From"), "[[send]]", "Expected `object`, got `str`"
    ),
    Broken(
        "a range of three numbers",
        OLD,
        put("errors.reads", "unknown-message", statuses=[404, 404, 405]),
        "[[errors.reads]] unknown-message",
        "length 2",
    ),
)

CITED: Final = (
    Broken("a row without a citation", OLD, drop("send", "Body", "seed"), "[[send]] Body", "not nothing"),
    Broken("a row with two citations", V2, put("send", "To", known="Also this."), "[[send]] To", "once"),
    Broken(
        "a plain section without a citation",
        V2,
        lambda raw: raw["sort"].pop("inferred"),
        "[sort]",
        "where it comes from",
    ),
    Broken(
        "a row below a section without a citation",
        OLD,
        drop("paging.members", "total", "seed"),
        "[[paging.members]] total",
        "where it comes from",
    ),
)

PATHS: Final = (
    Broken(
        "a path outside the root",
        V2,
        put("operations", "send", path="/v3/Properties/{property}/Messages"),
        "[[operations]] send",
        "not below the root /v2",
    ),
    Broken(
        "a placeholder that nothing fills",
        OLD,
        put("operations", "list", path="/2012-04-24/{organisation}/SMS/Messages"),
        "[[operations]] list",
        "{account}, {property} and {sid} only",
    ),
    Broken(
        "a get without a SID",
        OLD,
        put("operations", "get", path="/2012-04-24/Accounts/{account}/SMS"),
        "[[operations]] get",
        "{sid}",
    ),
    Broken(
        "a send with a SID",
        OLD,
        put("operations", "send", path="/2012-04-24/Accounts/{account}/SMS/{sid}"),
        "[[operations]] send",
        "{sid}",
    ),
    Broken(
        "a property's route that does not name it",
        V2,
        put("operations", "get", scope="property"),
        "[[operations]] get",
        "names it in its path",
    ),
    Broken("a get with a form", OLD, put("operations", "get", request="form"), "[[operations]] get", "no body"),
    Broken(
        "a good answer with a bad status",
        OLD,
        put("operations", "send", status=302),
        "[[operations]] send",
        "from 200 to 299",
    ),
    Broken("an operation without a row", OLD, drop("operations", "list"), "[[operations]]", "no row for list"),
    Broken(
        "an extension that may stand nowhere",
        OLD,
        say("routes", extension_at="nowhere"),
        "[routes]",
        "offers an extension",
    ),
)

FORMATS: Final = (
    Broken(
        "a default that is not offered", V2, say("formats", default="xml"), "[formats]", "the default is one of them"
    ),
    Broken("a format offered twice", OLD, twice("formats.offers", "json"), "[formats]", "offered once"),
    Broken("a table without JSON", OLD, drop("formats.offers", "json"), "[[formats.offers]]", "no row for json"),
    Broken("XML without its names", OLD, lambda raw: raw.pop("xml"), "[xml]", "offers xml"),
)

FIELDS: Final = (
    Broken(
        "a field of an attribute that no message has",
        OLD,
        put("fields", "body", of=["body"]),
        "[[fields]] body",
        "no such attribute: body",
    ),
    Broken(
        "a field shown under a status that does not exist",
        V2,
        put("fields", "ErrorCode", statuses=["Failed"]),
        "[[fields]] ErrorCode",
        "no such status: Failed",
    ),
    Broken(
        "a field of an unknown kind",
        V2,
        put("fields", "Created", kind="instant:swatch"),
        "[[fields]] Created",
        "no such kind: instant:swatch",
    ),
    Broken(
        "a copy with a fixed text",
        OLD,
        put("fields", "body", text="Hello"),
        "[[fields]] body",
        "has text when it is fixed",
    ),
    Broken(
        "a fixed field without its text",
        OLD,
        drop("fields", "api_version", "text"),
        "[[fields]] api_version",
        "has text when it is fixed",
    ),
    Broken("a copy without a kind", V2, drop("fields", "Text", "kind"), "[[fields]] Text", "has a kind unless"),
    Broken(
        "an entry's own with a kind",
        V2,
        put("fields", "AccountSid", kind="text"),
        "[[fields]] AccountSid",
        "has a kind unless",
    ),
    Broken(
        "an entry's own that no entry has",
        V2,
        put("fields", "AccountSid", of=["sid"]),
        "[[fields]] AccountSid",
        "entry is of account or property",
    ),
    Broken(
        "a text echoed as it was given",
        OLD,
        put("fields", "from", 2, of=["text"]),
        "[[fields]] from",
        "given is of recipient or sender",
    ),
    Broken(
        "a copy of two attributes",
        V2,
        put("fields", "Delivered", of=["delivered", "updated"]),
        "[[fields]] Delivered",
        "copy is of one attribute",
    ),
    Broken(
        "a copy of nothing", V2, put("fields", "Delivered", of=[]), "[[fields]] Delivered", "says of what it is made"
    ),
    Broken(
        "a field shown twice by one operation",
        OLD,
        put("fields", "date_updated", in_=["send", "get"]),
        "[[fields]] date_updated",
        "send shows date_updated twice",
    ),
    Broken(
        "two rows that copy one attribute",
        V2,
        put("fields", "Submitted", of=["delivered"]),
        "[[fields]]",
        "two rows copy delivered",
    ),
    Broken(
        "an attribute of every message that no row copies",
        V2,
        drop("fields", "Text"),
        "[[fields]]",
        "no row copies text",
    ),
    Broken(
        "a read of what a field copies already",
        V2,
        put("reads", "Scheduled", attribute="created"),
        "[[reads]] created",
        "no row of [[fields]] copies",
    ),
    Broken(
        "a read of an unknown kind",
        OLD,
        put("reads", "date_sent", kind="instant"),
        "[[reads]] submitted",
        "no such kind: instant",
    ),
    Broken(
        "a read under a status that does not exist",
        OLD,
        put("reads", "date_sent", statuses=["done"]),
        "[[reads]] submitted",
        "no such status: done",
    ),
    Broken(
        "a read under a direction that does not exist",
        OLD,
        put("reads", "date_sent", directions=["incoming"]),
        "[[reads]] submitted",
        "no such direction: incoming",
    ),
)

WORDS: Final = (
    Broken(
        "a neutral word listed twice",
        OLD,
        twice("words.status", "sent", wire="Sent"),
        "[[words.status]]",
        "the word sent is listed twice",
    ),
    Broken(
        "a neutral word listed nowhere",
        V2,
        drop("words.direction", "Receive"),
        "[[words.direction]]",
        "the word inbound is listed nowhere",
    ),
    Broken(
        "a word that is not neutral",
        OLD,
        twice("words.status", "sent", wire="lost", word="lost", way="read"),
        "[[words.status]] lost",
        "no such neutral word: lost",
    ),
    Broken(
        "a test that looks at nothing",
        V2,
        drop("words.status", "Failed", "field"),
        "[[words.status]] Failed",
        "names the attribute",
    ),
    Broken(
        "a look at an attribute without a test",
        V2,
        put("words.status", "Delivered", field="delivered"),
        "[[words.status]] Delivered",
        "names the attribute",
    ),
    Broken(
        "a test of an attribute that no message has",
        V2,
        put("words.status", "Failed", field="sent_at"),
        "[[words.status]] Failed",
        "names the attribute",
    ),
    Broken(
        "a read-only word that another row reads",
        OLD,
        put("words.direction", "inbound", wire="incoming"),
        "[[words.direction]] incoming",
        "read by another row",
    ),
    Broken(
        "tested rows of a word in the wrong order",
        V2,
        lambda raw: raw["words"]["status"].insert(0, raw["words"]["status"].pop(1)),
        "[[words.status]]",
        "of the rows that read Processing, the last one",
    ),
    Broken(
        "an error code listed twice",
        OLD,
        twice("words.error", "30001"),
        "[[words.error]]",
        "code 30001 is listed twice",
    ),
    Broken(
        "two codes for unknown errors",
        OLD,
        put("words.error", "30001", unknown=True),
        "[[words.error]]",
        "exactly one code",
    ),
    Broken(
        "no code for unknown errors",
        OLD,
        drop("words.error", "30008", "unknown"),
        "[[words.error]]",
        "exactly one code",
    ),
)

SEND: Final = (
    Broken(
        "a parameter listed twice, in another case",
        V2,
        put("send", "Text", name="TO"),
        "[[send]]",
        "to is listed twice",
    ),
    Broken(
        "two parameters of one attribute",
        V2,
        put("send", "Text", attribute="recipient"),
        "[[send]]",
        "two rows are of recipient",
    ),
    Broken(
        "a parameter of an attribute that no draft has",
        V2,
        put("send", "ExternalId", attribute="own_id"),
        "[[send]] ExternalId",
        "no such attribute of a draft: own_id",
    ),
    Broken(
        "a parameter that depends on nothing there is",
        OLD,
        put("send", "StatusCallbackMethod", with_="schedule"),
        "[[send]] StatusCallbackMethod",
        "depends on schedule",
    ),
    Broken(
        "a parameter of an unknown kind", OLD, put("send", "Body", kind="gsm7"), "[[send]] Body", "no such kind: gsm7"
    ),
    Broken(
        "a number that does not say what it carries",
        V2,
        drop("send", "To", "carries"),
        "[[send]] To",
        "says what it carries",
    ),
    Broken(
        "a text that carries numbers",
        OLD,
        put("send", "Body", carries=["number"]),
        "[[send]] Body",
        "says what it carries",
    ),
    Broken(
        "a number that carries what does not exist",
        V2,
        put("send", "To", carries=["fax"]),
        "[[send]] To",
        "client, number, sender-id, short-code",
    ),
    Broken("a send without a recipient", OLD, drop("send", "To"), "[[send]]", "no row for recipient"),
)

LISTS: Final = (
    Broken("a filter listed twice", OLD, put("filters", "From", name="to"), "[[filters]]", "to is listed twice"),
    Broken(
        "a filter of an attribute that no message has",
        OLD,
        put("filters", "From", attribute="from"),
        "[[filters]] From",
        "not of from",
    ),
    Broken(
        "a bound that does not say whether it is inclusive",
        V2,
        drop("filters", "Date_To", "inclusive"),
        "[[filters]] Date_To",
        "whether it is inclusive",
    ),
    Broken(
        "an inclusive filter that is no bound",
        OLD,
        put("filters", "To", inclusive=True),
        "[[filters]] To",
        "whether it is inclusive",
    ),
    Broken(
        "a slack of something else than a bound",
        OLD,
        put("filters", "To", slack=1),
        "[[filters]] To",
        "a slack is a number of seconds, and only a bound has one",
    ),
    Broken(
        "a slack below nothing", OLD, put("filters", "EndTime", slack=-1), "[[filters]] EndTime", "a slack is a number"
    ),
    Broken(
        "a bound on something else than the creation",
        OLD,
        put("filters", "EndTime", attribute="submitted"),
        "[[filters]] EndTime",
        "a bound is on created",
    ),
    Broken(
        "a refused filter with a kind",
        OLD,
        put("filters", "Direction", kind="word:direction"),
        "[[filters]] Direction",
        "unless it is refused",
    ),
    Broken("a filter without a kind", OLD, drop("filters", "From", "kind"), "[[filters]] From", "has a kind"),
    Broken(
        "a filter of an unknown kind",
        OLD,
        put("filters", "From", kind="number"),
        "[[filters]] From",
        "no such kind: number",
    ),
    Broken(
        "a required bound without an open end",
        V2,
        drop("filters", "Date_From", "open"),
        "[[filters]] Date_From",
        "starts or ends",
    ),
    Broken(
        "an open end of a bound that is not required",
        OLD,
        put("filters", "StartTime", open=0),
        "[[filters]] StartTime",
        "starts or ends",
    ),
    Broken(
        "a filter by word that is of no kind of word",
        V2,
        put("filters", "Status", kind="text"),
        "[[filters]] Status",
        "of a kind of word",
    ),
    Broken(
        "a table without an upper bound",
        OLD,
        drop("filters", "EndTime"),
        "[[filters]]",
        "exactly one row has the test upper-bound",
    ),
    Broken(
        "a table with two lower bounds",
        OLD,
        twice("filters", "StartTime", name="Since"),
        "[[filters]]",
        "exactly one row has the test lower-bound",
    ),
    Broken("half a sort", OLD, lambda raw: raw["sort"].pop("separator"), "[sort]", "stand together or not at all"),
    Broken("a sort key listed twice", OLD, twice("sort.keys", "From"), "[[sort.keys]]", "From is listed twice"),
    Broken(
        "a sort key of an attribute that no message has",
        OLD,
        put("sort.keys", "To", attribute="to"),
        "[[sort.keys]] To",
        "no such attribute: to",
    ),
    Broken(
        "sort keys without the creation", OLD, drop("sort.keys", "DateCreated"), "[[sort.keys]]", "no row is of created"
    ),
    Broken(
        "two paging parameters of one name", OLD, say("paging", size="page"), "[paging]", "two parameters have one name"
    ),
    Broken("a page of no messages", V2, say("paging", size_default=0), "[paging]", "1 or more"),
    Broken("a slice of no messages", V2, say("paging", slice=0), "[paging]", "1 or more"),
    Broken("a maximum below zero", V2, say("paging", size_max=-1), "[paging]", "0 (no maximum) or more"),
    Broken("a limit below none", OLD, say("paging", limit_default=-1), "[paging]", "a limit_default is 1 or more"),
    Broken("a default of no limit", V2, say("paging", limit_default=5), "[paging]", "stands with a limit"),
    Broken(
        "a page member listed twice",
        OLD,
        twice("paging.members", "total"),
        "[[paging.members]]",
        "total is listed twice",
    ),
)

ERRORS: Final = (
    Broken(
        "an error shape that does not exist",
        OLD,
        say("errors", shape="problem"),
        "[errors]",
        "Invalid enum value 'problem'",
    ),
    Broken(
        "a fault listed twice", OLD, twice("errors.faults", "internal"), "[[errors.faults]]", "internal is listed twice"
    ),
    Broken(
        "a fault listed nowhere",
        V2,
        drop("errors.faults", "outcome-unknown"),
        "[[errors.faults]]",
        "listed nowhere: outcome-unknown",
    ),
    Broken(
        "a fault that does not exist",
        OLD,
        twice("errors.faults", "internal", fault="bug"),
        "[[errors.faults]] bug",
        "no such fault",
    ),
    Broken(
        "a fault with a good status",
        OLD,
        put("errors.faults", "overdue", status=200),
        "[[errors.faults]] overdue",
        "from 400 to 599",
    ),
    Broken(
        "a text with a hole that nothing fills",
        V2,
        put("errors.faults", "overdue", text="{seconds} passed."),
        "[[errors.faults]] overdue",
        "{parameter} and {reason} only",
    ),
    Broken(
        "a code that the shape does not show",
        OLD,
        put("errors.faults", "overdue", code="TIMEOUT"),
        "[[errors.faults]] overdue",
        "message is the shape",
    ),
    Broken(
        "a fault without the code that the shape shows",
        V2,
        drop("errors.faults", "overdue", "code"),
        "[[errors.faults]] overdue",
        "response-status is the shape",
    ),
    Broken(
        "a back's status read as our own fault",
        OLD,
        put("errors.reads", "unknown-message", fault="internal"),
        "[[errors.reads]] internal",
        "fault of back or caller",
    ),
    Broken(
        "a range of statuses that runs backwards",
        OLD,
        put("errors.reads", "unknown-message", statuses=[404, 400]),
        "[[errors.reads]] unknown-message",
        "a range of statuses",
    ),
    Broken(
        "a status that no row reads",
        V2,
        drop("errors.reads", "outcome-unknown"),
        "[[errors.reads]]",
        "takes whatever is left",
    ),
)

SETTINGS: Final = (
    Broken(
        "a batch of nothing", V2, put("operations", "batch", most=0), "[[operations]] batch", "how many it may hold"
    ),
    Broken(
        "a batch that is a form", V2, put("operations", "batch", request="form"), "[[operations]] batch", "it is JSON"
    ),
    Broken(
        "a read of nothing",
        OLD,
        put("reads", "account_sid", kind=""),
        "[[reads]] account",
        "reads a member by a kind, or is fixed",
    ),
    Broken(
        "a read that is fixed and not",
        OLD,
        put("reads", "account_sid", fixed=True),
        "[[reads]] account",
        "reads a member by a kind, or is fixed",
    ),
    Broken(
        "what is told and untold",
        OLD,
        put("untold", "receipt", attribute="text"),
        "[[untold]] text",
        "that no parameter carries",
    ),
    Broken("a cell set twice", V2, twice("settings", "page_max"), "[[settings]]", "paging.slice is set twice"),
    Broken(
        "rows of one setting with words of their own",
        OLD,
        put("settings", "numbers", words={"bare": "number:bare"}),
        "[[settings]] numbers",
        "the rows of one setting take the same words",
    ),
    Broken("a profile listed twice", OLD, twice("profiles", "seed"), "[[profiles]]", "seed is listed twice"),
    Broken(
        "a profile with a switch that is no setting",
        OLD,
        put("profiles", "open-source", switches={"outbound_word": "x"}),
        "[[profiles]] (open-source).outbound_word",
        "unknown key",
    ),
    Broken(
        "a profile with a word that its setting does not take",
        OLD,
        put("profiles", "open-source", switches={"end_time": "noon"}),
        "[[profiles]] (open-source).end_time",
        "has to be one of midnight, whole-day",
    ),
    Broken(
        "a filter by a part of something else than the text",
        OLD,
        put("filters", "Body", attribute="sender"),
        "[[filters]] Body",
        "contains is a filter on text",
    ),
    Broken(
        "a part of the text that is not a text",
        OLD,
        put("filters", "Body", kind="number:bare"),
        "[[filters]] Body",
        "and of that kind",
    ),
    Broken(
        "a number that a back is asked to compare",
        OLD,
        put("filters", "To", way="both"),
        "[[filters]] To",
        "equals is read only: how a back compares is not known",
    ),
    Broken(
        "a sort that does not say what becomes of others",
        OLD,
        lambda raw: raw["sort"].pop("unknown"),
        "[sort]",
        "unknown",
    ),
    Broken(
        "a setting of a cell that does not exist",
        V2,
        put("settings", "page_max", cell="paging.slices"),
        "[[settings]] page_max",
        "no such cell: paging.slices",
    ),
    Broken(
        "a setting of a row that does not exist",
        V2,
        put("settings", "search_from", cell="filters.From.open"),
        "[[settings]] search_from",
        "no such cell: filters.From.open",
    ),
    Broken(
        "a setting of a cell below a cell",
        OLD,
        put("settings", "nulls", cell="formats.nulls.deeper"),
        "[[settings]] nulls",
        "no such cell: formats.nulls.deeper",
    ),
    Broken(
        "a setting whose word the cell cannot hold",
        V2,
        put("settings", "search_params", words={"body": "yaml"}),
        "[[settings]] search_params, word body",
        "Invalid enum value 'yaml'",
    ),
    Broken(
        "a number for a cell that holds a word",
        OLD,
        drop("settings", "nulls", "words"),
        "[[settings]] nulls",
        "holds no number",
    ),
)

BROKEN: Final = (*TYPES, *CITED, *PATHS, *FORMATS, *FIELDS, *WORDS, *SEND, *LISTS, *ERRORS, *SETTINGS)


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.sentence)
def test_a_broken_table_says_where_and_what(broken: Broken) -> None:
    raw = copy.deepcopy(RAW[broken.file])
    broken.change(raw)
    assert raw != RAW[broken.file]
    with pytest.raises(TableError) as caught:
        load(broken.file, raw)
    said = re.sub(r"row [1-9][0-9]* \((.*?)\)", r"\1", caught.value.where).rstrip()
    assert said == f"{broken.file}, {broken.where}".removesuffix(", ")
    assert broken.what in caught.value.what
    assert str(caught.value) == f"{caught.value.where}: {caught.value.what}"


def test_a_row_is_told_by_its_number_too() -> None:
    raw = copy.deepcopy(RAW[OLD])
    raw["send"][2]["kind"] = "gsm7"
    with pytest.raises(TableError) as caught:
        load(OLD, raw)
    assert caught.value.where == "restcomm.toml, [[send]] row 3 (Body)"


def test_each_sentence_is_said_once() -> None:
    assert len({broken.sentence for broken in BROKEN}) == len(BROKEN) > 90


@pytest.mark.parametrize(("file", "name"), [(OLD, "restcomm"), (V2, "properties-v2")])
def test_a_table_that_is_not_broken_loads(file: str, name: str) -> None:
    assert load(file, RAW[file]).dialect.name == name


def test_every_table_that_is_installed_is_found() -> None:
    assert sorted(RAW) == [V2, OLD]
    assert all((tables_folder() / file).is_file() for file in RAW)


def test_loading_leaves_the_plain_values_alone() -> None:
    raw = copy.deepcopy(RAW[V2])
    load(V2, raw)
    assert raw == RAW[V2]


def test_text_that_is_not_toml_is_said_with_its_line() -> None:
    with pytest.raises(TableError, match=r"^new\.toml: is not TOML: .*line 2"):
        read_toml("new.toml", "[dialect]\nname = \n")


def test_the_first_row_of_an_operation_is_the_one_asked_for_at_a_back() -> None:
    assert load(V2, RAW[V2]).operation("get").path == "/v2/Messages/{sid}"


# ---- overlays ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "side", "setting", "value", "path", "before", "after"),
    [
        (V2, "back", "search_params", "query", "operations.list.request", "query-and-json", "query"),
        (V2, "back", "search_params", "both", "operations.list.request", "query-and-json", "query-and-json"),
        (V2, "back", "page_max", 50, "paging.slice", 200, 50),
        (V2, "back", "search_order", "descending", "sort.default", "ascending", "descending"),
        (V2, "back", "search_from", 1_500_000_000, "filters.Date_From.open", 0, 1_500_000_000),
        (V2, "back", "search_ahead", 0, "filters.Date_To.open_ahead", 300, 0),
        (V2, "front", "results_max", 1000, "paging.size_max", 200, 1000),
        (V2, "front", "not_found_status", 400, "errors.faults.unknown-message.status", 404, 400),
        (OLD, "front", "nulls", "written", "formats.nulls", "absent", "written"),
    ],
)
def test_a_setting_replaces_its_cell_and_nothing_else(
    file: str, side: str, setting: str, value: Any, path: str, before: Any, after: Any
) -> None:
    changed = overlay(RAW[file], side, {setting: value}, "translator.toml, [backs.provider]")
    for raw, expected in ((RAW[file], before), (changed, after)):
        [(holder, key)] = places(raw, path)
        assert holder[key] == expected
    load(file, changed)
    [(holder, key)] = places(changed, path)
    holder[key] = before
    assert changed == RAW[file]


def test_without_settings_a_table_is_a_copy_of_itself() -> None:
    changed = overlay(RAW[OLD], "front", {}, "translator.toml, [backs.old]")
    assert changed == RAW[OLD]
    assert changed is not RAW[OLD]


@pytest.mark.parametrize(
    ("side", "values", "where", "what"),
    [
        (
            "back",
            {"page_size": 10},
            "page_size",
            "unknown key; what this dialect takes as back: external_id, page_max, refused_503, search_ahead",
        ),
        ("back", {"results_max": 10}, "results_max", "unknown key"),
        ("front", {"page_max": 10}, "page_max", "takes as front: batch_max, not_found_status, results_max"),
        ("back", {"search_order": "newest"}, "search_order", "has to be one of ascending, descending, unknown"),
        ("back", {"search_order": 1}, "search_order", "has to be one of"),
        ("back", {"page_max": "many"}, "page_max", "has to be a whole number, 0 or more; without it 200 is used"),
        ("back", {"page_max": -1}, "page_max", "has to be a whole number, 0 or more"),
        ("back", {"page_max": True}, "page_max", "has to be a whole number"),
    ],
)
def test_a_setting_that_cannot_be_used_names_section_and_key(
    side: str, values: dict[str, Any], where: str, what: str
) -> None:
    section = "translator.toml, [backs.provider]"
    with pytest.raises(ConfigError) as caught:
        overlay(RAW[V2], side, values, section)
    assert caught.value.where == f"{section}.{where}"
    assert what in caught.value.what


def test_profile_sets_each_of_its_switches_and_explicit_settings_win() -> None:
    profile = next(row for row in RAW[OLD]["profiles"] if row["name"] == "open-source")
    laid = overlay(RAW[OLD], "front", {"profile": "open-source"}, "front")
    assert laid == overlay(RAW[OLD], "front", profile["switches"], "front") != RAW[OLD]
    beside = overlay(RAW[OLD], "front", {"profile": "open-source", "end_time": "midnight"}, "front")
    assert [row["kind"] for row in beside["filters"] if row["name"] == "EndTime"] == ["instant:iso8601"]
    assert overlay(RAW[OLD], "front", {"profile": "seed"}, "front") == RAW[OLD]


def test_a_profile_is_of_the_side_that_it_is_given_on() -> None:
    laid = overlay(RAW[OLD], "back", {"profile": "open-source"}, "back")
    switches = {"start_time": "day", "end_time": "whole-day", "zone": "unknown"}
    assert (
        laid
        == overlay(RAW[OLD], "back", switches, "back")
        != overlay(RAW[OLD], "front", {"profile": "open-source"}, "")
    )
    assert overlay(RAW[OLD], "back", {"profile": "seed"}, "back") == RAW[OLD]


@pytest.mark.parametrize(
    ("file", "said"), [(OLD, "seed, open-source"), (V2, "none: this dialect has no profiles here")]
)
def test_a_profile_that_does_not_exist_is_answered_with_those_that_do(file: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        overlay(RAW[file], "front", {"profile": "newest"}, "front")
    assert caught.value.where == "front.profile"


def test_a_switch_of_two_words_swaps_what_is_written_and_still_reads_both() -> None:
    laid = load(OLD, overlay(RAW[OLD], "front", {"inbound_word": "inbound"}, "front"))
    assert [(row.wire, row.way) for row in laid.words.direction if row.word == "inbound"] == [
        ("inbound", "both"), ("incoming", "read"),
    ]  # fmt: skip


def test_a_cell_whose_label_two_rows_have_is_both() -> None:
    assert [holder["in"] for holder, _ in places(RAW[OLD], "fields.from.kind")] == [["get", "list"], ["send"]]


def test_a_dialect_without_settings_on_a_side_says_so() -> None:
    with pytest.raises(ConfigError, match="takes as back: none"):
        overlay({**RAW[OLD], "settings": [], "profiles": []}, "back", {"page_max": 1}, "translator.toml, [backs.old]")


@pytest.mark.parametrize(
    "path", ["nothing.here", "filters.Date_Form.open", "paging.slice.deeper", "filters.Date_To.inc"]
)
def test_a_cell_that_is_not_there_is_a_lookup_error(path: str) -> None:
    with pytest.raises(LookupError):
        places(RAW[V2], path)


# ---- the page that explains a table ------------------------------------------------------------------------

README: Final = (Path(__file__).parents[1] / "mappings" / "README.md").read_text("utf-8")
CITING: Final = tuple(Row.__struct_fields__)


def explained(section: str) -> set[str]:
    """The words in code type below the heading that names this section."""
    for heading, text in re.findall(r"^### (.+)\n((?:(?!^##).*\n)*)", README, re.MULTILINE):
        if f"`[{section}]`" in heading or f"`[[{section}]]`" in heading:
            return set(re.findall(r"`([^`\n]+)`", text))
    pytest.fail(f"no heading of mappings/README.md names {section}")


def parts(kind: msgspec.inspect.Type) -> list[msgspec.inspect.Type]:
    """A cell's type, or the types that it is an array or a choice of."""
    if isinstance(kind, msgspec.inspect.VarTupleType):
        return parts(kind.item_type)
    return (
        [part for one in kind.types for part in parts(one)] if isinstance(kind, msgspec.inspect.UnionType) else [kind]
    )


def cells(struct: type[msgspec.Struct], section: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Section and key of every cell that a table may have, and its words if it is one of a closed choice."""
    for field in msgspec.structs.fields(struct):
        if field.name in CITING:
            continue
        inner = parts(msgspec.inspect.type_info(field.type))
        below = [part.cls for part in inner if isinstance(part, msgspec.inspect.StructType)]
        for found in below:
            yield from cells(found, f"{section}.{field.encode_name}".lstrip("."))
        if not below:
            literals = [part.values for part in inner if isinstance(part, msgspec.inspect.LiteralType)]
            yield section, field.encode_name, tuple(str(word) for words in literals for word in words if word)


CELLS: Final = tuple(cells(Table, ""))


def test_the_cells_of_a_table_are_found() -> None:
    assert len(CELLS) > 90
    assert ("paging.members", "as", ("integer", "string")) in CELLS
    assert ("fields", "in", ("get", "list", "send")) in [(*cell[:2], tuple(sorted(cell[2]))) for cell in CELLS]


@pytest.mark.parametrize(("section", "key", "words"), CELLS, ids=str)
def test_the_readme_explains_a_key_and_every_word_it_may_hold(section: str, key: str, words: tuple[str, ...]) -> None:
    assert {key, *words} <= explained(section)


@pytest.mark.parametrize("way", CITING)
def test_the_readme_explains_where_a_row_may_come_from(way: str) -> None:
    assert f"`{way}` (" in README.split("## Sections")[0]


def test_the_readme_lists_every_kind_and_no_other() -> None:
    table = README.split("## Kinds")[1]
    listed = [
        kind for first in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE) for kind in re.findall("`([^`]+)`", first)
    ]
    assert sorted(listed) == sorted([*KINDS, *TABLE_KINDS])


def test_the_readme_says_how_settings_read_and_where_a_word_is_changed() -> None:
    assert {"name", "side", "cell", "words"} <= explained("settings")
    change = README.split("## How to change a status word")[1].split("\n## ")[0]
    assert all(place in change for place in ("`[[words.status]]`", "`wire`", "tests/cases/"))
