"""The JSON Schema of `nnspec check --format json`. Version 1 only ever gains fields; anything else is a version 2."""

from __future__ import annotations

from typing import Any

NUMBER = {"type": ["integer", "null"], "minimum": 1}
PLACE: dict[str, Any] = {
    "file": {"type": ["string", "null"], "description": "As it was named; null where no file is to blame."},
    "line": {**NUMBER, "description": "From 1."},
    "column": {**NUMBER, "description": "From 1, in code points."},
    "end_line": NUMBER,
    "end_column": {**NUMBER, "description": "Behind the last character."},
}
EDIT = {
    "type": "object",
    "description": "What stands at the place is replaced.",
    "required": [*PLACE, "text"],
    "properties": {**PLACE, "text": {"type": "string"}},
}
FINDING = {
    "type": "object",
    "required": [*PLACE, "code", "severity", "message", "help", "url"],
    "properties": {
        **PLACE,
        "code": {"type": "string", "pattern": "^[EW][0-9]{3}$", "description": "Keeps its meaning for ever."},
        "severity": {"enum": ["error", "warning"]},
        "message": {"type": "string", "description": "For people; may change."},
        "help": {"type": "string", "description": "What to do about it; may be empty, may change."},
        "url": {"type": "string", "format": "uri", "description": "The page of the code."},
        "fix": {
            "type": ["array", "null"],
            "description": "Edits that mend it safely, all of them together; null for none.",
            "items": EDIT,
        },
        "reached_from": {
            "type": "array",
            "description": "For what is wrong in a block: the calls and loops that led there, the innermost first.",
            "items": {"type": "object", "required": [*PLACE], "properties": PLACE},
        },
    },
}
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "nnspec check --format json",
    "type": "object",
    "required": ["version", "diagnostics"],
    "properties": {
        "version": {"const": 1},
        "diagnostics": {"type": "array", "description": "By file and place.", "items": FINDING},
    },
}
