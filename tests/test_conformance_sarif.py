"""The SARIF report against the schema of SARIF 2.1.0, as far as the report uses it.

Each class has the members that the schema allows in that object and that we write, no other; those without a default are required. So a
member that the schema does not know, one that is missing, or one of another type is a failure.
"""

import re
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
import pytest
from msgspec import Meta

from tests.reports import REPORT, written

Line = Annotated[int, Meta(ge=1)]
Index = Annotated[int, Meta(ge=-1)]
Level = Literal["none", "note", "warning", "error"]


class Part(msgspec.Struct, forbid_unknown_fields=True):
    """An object whose schema says `additionalProperties: false`."""


class Text(Part):
    text: str


class Configuration(Part):
    level: Level = "warning"


class Rule(Part):
    id: str
    shortDescription: Text | None = None
    fullDescription: Text | None = None
    defaultConfiguration: Configuration | None = None


class Driver(Part):
    name: str
    version: str = ""
    rules: list[Rule] = []


class Tool(Part):
    driver: Driver


class Invocation(Part):
    executionSuccessful: bool
    startTimeUtc: datetime | None = None


class Artifact(Part):
    uri: str


class Region(Part):
    startLine: Line


class Physical(Part):
    artifactLocation: Artifact
    region: Region


class Logical(Part):
    fullyQualifiedName: str


class Location(Part):
    physicalLocation: Physical
    logicalLocations: list[Logical] = []


class Suppression(Part):
    kind: Literal["inSource", "external"]
    justification: str = ""


class Result(Part):
    message: Text
    ruleId: str = ""
    ruleIndex: Index = -1
    level: Level = "warning"
    locations: list[Location] = []
    partialFingerprints: dict[str, str] = {}
    suppressions: list[Suppression] = []


class Details(Part):
    id: str


class Run(Part):
    tool: Tool
    results: list[Result]
    invocations: list[Invocation] = []
    automationDetails: Details | None = None
    properties: dict[str, Any] = {}


class Log(Part):
    schema: Annotated[str, Meta(pattern="^https://")] = msgspec.field(name="$schema")
    version: Literal["2.1.0"]
    runs: list[Run]


def test_sarif_holds_by_its_schema() -> None:
    [run] = msgspec.json.decode(written("sarif"), type=Log).runs
    assert run.results and run.tool.driver.rules
    assert len({one.id for one in run.tool.driver.rules}) == len(run.tool.driver.rules), "uniqueItems"
    for result in run.results:
        for location in result.locations:
            uri = location.physicalLocation.artifactLocation.uri
            assert re.fullmatch(r"[A-Za-z0-9._~/-]+", uri) and not urlsplit(uri).scheme, "a relative reference"
    [invocation] = run.invocations
    assert invocation.startTimeUtc == REPORT.began


@pytest.mark.parametrize(
    ("wrong", "instead"),
    [
        ('"startLine"', '"line"'),
        ('"version": "2.1.0"', '"version": "2.2"'),
        ('"level": "error"', '"level": "fatal"'),
        ('"kind": "external"', '"kind": "accepted"'),
        ('"executionSuccessful"', '"successful"'),
    ],
)
def test_what_the_schema_does_not_allow_is_found(wrong: str, instead: str) -> None:
    text = written("sarif")
    assert wrong in text
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text.replace(wrong, instead), type=Log)
