"""What SARIF 2.1.0 and JUnit allow of what nnspec writes, as strict as their schemas and with nothing besides.

`python -m tests.bad.standards sarif-schema-2.1.0.json junit-10.xsd` holds the findings of all bad specs against the
schemas themselves: that of OASIS (docs.oasis-open.org/sarif/sarif/v2.1.0) and that of Jenkins' xUnit plugin. It needs
lxml. The tests use what stands here, since they download nothing.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema

from tests.bad.cases import said, themes, unpack, working_in


def record(required: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """An object with these members and no others."""
    properties = {**required, **(optional or {})}
    return {"type": "object", "required": [*required], "properties": properties, "additionalProperties": False}


def array(items: Mapping[str, Any], least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": least}


TEXT = {"type": "string"}
URI = {"type": "string", "pattern": r"^[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]+$"}
COUNT = {"type": "integer", "minimum": 1}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
MESSAGE = record({"text": TEXT})
REGION = record({"startLine": COUNT}, {"startColumn": COUNT, "endLine": COUNT, "endColumn": COUNT})
ARTIFACT = record({"uri": URI})
PHYSICAL = record({"artifactLocation": ARTIFACT}, {"region": REGION})
LOCATION = record({"physicalLocation": PHYSICAL})
RELATED = record({"id": {"type": "integer", "minimum": 0}, "message": MESSAGE, "physicalLocation": PHYSICAL})
REPLACEMENT = record({"deletedRegion": REGION}, {"insertedContent": MESSAGE})
CHANGE = record({"artifactLocation": ARTIFACT, "replacements": array(REPLACEMENT, 1)})
FIX = record({"artifactChanges": array(CHANGE, 1)}, {"description": MESSAGE})
RESULT = record(
    {"message": MESSAGE},
    {
        "ruleId": TEXT,
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": LEVEL,
        "locations": array(LOCATION),
        "relatedLocations": array(RELATED),
        "fixes": array(FIX),
    },
)
RULE = record(
    {"id": TEXT}, {"shortDescription": MESSAGE, "helpUri": URI, "defaultConfiguration": record({"level": LEVEL})}
)
DRIVER = record({"name": TEXT}, {"version": TEXT, "informationUri": URI, "rules": array(RULE)})
RUN = record(
    {"tool": record({"driver": DRIVER})},
    {"columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]}, "results": array(RESULT)},
)
SARIF = record({"version": {"const": "2.1.0"}, "runs": array(RUN)}, {"$schema": URI})

COUNTS = {"tests", "failures", "errors"}
JUNIT: Mapping[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), COUNTS | {"name", "time", "disabled"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        COUNTS | {"name", "time", "skipped", "timestamp"},
        {"testcase"},
    ),
    "testcase": ({"name", "classname", "time"}, {"name", "classname", "time"}, {"failure", "system-out"}),
    "failure": (set(), {"type", "message"}, set()),
    "system-out": (set(), set(), set()),
}
"""By element: the attributes that it must have, those that it may have, and what may stand in it."""


def check_sarif(document: Any) -> None:
    """Raise unless SARIF allows it, and what it refers to exists."""
    jsonschema.validate(document, SARIF)
    for run in document["runs"]:
        rules = run["tool"]["driver"]["rules"]
        assert len({rule["id"] for rule in rules}) == len(rules)
        assert all(rules[one["ruleIndex"]]["id"] == one["ruleId"] for one in run["results"])


def check_junit(text: str) -> None:
    """Raise unless JUnit allows it, and the counts are right."""
    root = ElementTree.fromstring(text.encode())
    assert root.tag == "testsuites"
    for element in root.iter():
        required, allowed, inner = JUNIT[element.tag]
        assert required <= set(element.attrib) <= allowed, element.attrib
        assert {child.tag for child in element} <= inner
    for suite in root:
        assert int(suite.get("tests", "")) == len(suite)
        assert int(suite.get("failures", "")) == sum(case.find("failure") is not None for case in suite)


def written(folder: Path) -> dict[str, str]:
    """What `check` writes of all bad specs, and of a file that is not there, in each format for programs."""
    names = ["missing.nn"]
    for theme in themes():
        names += [f"{theme}/{case.name}.nn" for case in unpack(theme, folder / theme) if case.checked]
    with working_in(folder):
        return {form: said("check", "--no-cache", "--format", form, *names) for form in ("json", "sarif", "junit")}


def main() -> None:
    from lxml import etree

    sarif, junit = sys.argv[1:]
    found = written(Path(tempfile.mkdtemp()))
    document = json.loads(found["sarif"])
    jsonschema.validate(document, json.loads(Path(sarif).read_text(encoding="utf-8")))
    etree.XMLSchema(etree.parse(junit)).assertValid(etree.fromstring(found["junit"].encode()))
    check_sarif(document)
    check_junit(found["junit"])
    print(f"{len(document['runs'][0]['results'])} findings are as both schemas say")


if __name__ == "__main__":
    main()
