"""Findings in the formats of other programs: GitHub's annotations, SARIF 2.1.0, JUnit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from nnspec.diagnostics.errors import Diagnostic, Edit
from nnspec.diagnostics.render import URL, ordered
from nnspec.diagnostics.span import Span

SHOWN = 10
"""GitHub shows this many errors and as many warnings of one step."""
SARIF_RESULTS = 25_000
"""GitHub takes this many results of one run."""
FORBIDDEN = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF], "\ufffd")
"""Characters that no XML document may hold."""


def render_github(diagnostics: Iterable[Diagnostic]) -> str:
    """Workflow commands that GitHub shows beside the lines of a pull request.

    It shows ten errors and ten warnings of a step, so the first of each are given, and one more line says how many
    there are.
    """
    lines: list[str] = []
    for severity in ("error", "warning"):
        found = [one for one in ordered(diagnostics) if one.severity == severity]
        kept = found if len(found) <= SHOWN else found[: SHOWN - 1]
        lines += [_command(one) for one in kept]
        if len(found) > len(kept):
            lines.append(f"::{severity} title=nnspec::… and {len(found) - len(kept)} more")
    return "".join(f"{line}\n" for line in lines)


def _command(found: Diagnostic) -> str:
    span = found.span
    place = {"file": span.file, "line": span.line, "endLine": span.end_line} if span else {}
    if span and span.line == span.end_line:  # columns of a range of lines mean nothing there
        place |= {"col": span.column, "endColumn": span.end_column}
    properties = {**place, "title": f"nnspec {found.code}"}
    written = ",".join(f"{key}={_escaped(str(value), ':,')}" for key, value in properties.items())
    message = f"{found.message}\nhelp: {found.help}" if found.help else found.message
    return f"::{found.severity} {written}::{_escaped(message)}"


def _escaped(text: str, more: str = "") -> str:
    for character in f"%\r\n{more}":
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def render_sarif(diagnostics: Iterable[Diagnostic], titles: Mapping[str, str], version: str) -> str:
    """SARIF 2.1.0, as code scanning reads it; `titles` leads from codes to what they mean in a few words."""
    found = ordered(diagnostics)[:SARIF_RESULTS]
    codes = sorted({one.code for one in found})
    rules = [
        {
            "id": code,
            "shortDescription": {"text": titles.get(code, code)},
            "helpUri": URL + code,
            "defaultConfiguration": {"level": "warning" if code.startswith("W") else "error"},
        }
        for code in codes
    ]
    driver = {"name": "nnspec", "version": version, "informationUri": URL, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, codes.index(one.code)) for one in found],
    }
    document = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False)


def _result(found: Diagnostic, rule: int) -> dict[str, Any]:
    text = f"{found.message}\n{found.help}" if found.help else found.message
    result: dict[str, Any] = {
        "ruleId": found.code,
        "ruleIndex": rule,
        "level": found.severity,
        "message": {"text": text},
    }
    if found.span:
        place = {"artifactLocation": {"uri": _uri(found.span.file)}, "region": _region(found.span)}
        result["locations"] = [{"physicalLocation": place}]
    if found.reached:
        result["relatedLocations"] = [_related(number, span) for number, span in enumerate(found.reached)]
    if found.edits:
        result["fixes"] = [{"description": {"text": found.help or "mend it"}, "artifactChanges": _changes(found.edits)}]
    return result


def _related(number: int, span: Span) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": _uri(span.file)}, "region": _region(span)}
    return {"id": number, "message": {"text": "reached from here"}, "physicalLocation": place}


def _changes(edits: Sequence[Edit]) -> list[dict[str, Any]]:
    return [
        {
            "artifactLocation": {"uri": _uri(edit.span.file)},
            "replacements": [{"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}],
        }
        for edit in edits
    ]


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _uri(file: str) -> str:
    path = PurePosixPath(file)
    return path.as_uri() if path.is_absolute() else quote(file)


def render_junit(diagnostics: Iterable[Diagnostic], files: Iterable[str]) -> str:
    """JUnit XML: a case per file, which fails where an error was found; warnings stand in its output."""
    found = ordered(diagnostics)
    by_file: dict[str, list[Diagnostic]] = {file: [] for file in files}
    for one in found:
        by_file.setdefault(one.span.file if one.span else "nnspec", []).append(one)
    cases = [_case(file, own) for file, own in by_file.items()]
    failures = sum(any(one.severity == "error" for one in own) for own in by_file.values())
    counts = f'tests="{len(cases)}" failures="{failures}" errors="0"'
    suite = [f'  <testsuite name="nnspec check" {counts} skipped="0" time="0">', *cases, "  </testsuite>"]
    return "\n".join(
        ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites {counts}>", *suite, "</testsuites>", ""]
    ).translate(FORBIDDEN)


def _case(file: str, found: Sequence[Diagnostic]) -> str:
    lines = [f'    <testcase name={quoteattr(file)} classname="nnspec.check" time="0">']
    errors = [one for one in found if one.severity == "error"]
    if errors:
        message = f"{errors[0].code}: {errors[0].message}"
        text = "\n".join(map(_line, errors))
        lines.append(
            f"      <failure message={quoteattr(message)} type={quoteattr(errors[0].code)}>{escape(text)}</failure>"
        )
    if warnings := [one for one in found if one.severity != "error"]:
        lines.append(f"      <system-out>{escape(chr(10).join(map(_line, warnings)))}</system-out>")
    return "\n".join([*lines, "    </testcase>"])


def _line(found: Diagnostic) -> str:
    where = f"{found.span}: " if found.span else ""
    help = f"; {found.help}" if found.help else ""
    return f"{where}{found.severity}[{found.code}]: {found.message}{help}"
