"""The grammar, and the tables that are kept beside the parser."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from pathlib import Path

import lark
import pytest

from nnspec.language import build_expressions, build_file, build_statements, generate, tables

GRAMMAR = tables.grammar_path().read_text(encoding="utf-8")
ACTIONS = build_file.ACTIONS | build_statements.ACTIONS | build_expressions.ACTIONS


def test_the_kept_tables_are_those_of_the_grammar() -> None:
    assert json.loads(tables.TABLES.read_text(encoding="utf-8"))["grammar"] == GRAMMAR, (
        "run `python -m nnspec.language.generate`"
    )
    assert tables.load() == generate.compute(GRAMMAR)


def test_the_grammar_has_no_conflicts() -> None:
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    level = lark.logger.level
    lark.logger.addHandler(handler)
    lark.logger.setLevel(logging.DEBUG)
    try:
        lark.Lark(GRAMMAR, parser="lalr", lexer="basic", maybe_placeholders=False, debug=True)
    finally:
        lark.logger.removeHandler(handler)
        lark.logger.setLevel(level)
    assert log.getvalue() == ""


def test_every_rule_has_its_action_and_every_action_its_rule() -> None:
    wanted = {rule.action for rule in tables.load().rules if rule.action and not rule.origin.startswith("_")}
    assert wanted == set(ACTIONS)


def test_a_grammar_without_kept_tables_is_computed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = tables.load()
    for content in ("", "{", json.dumps({"grammar": "another"})):
        (tmp_path / "tables.json").write_text(content)
        monkeypatch.setattr(tables, "TABLES", tmp_path / "tables.json")
        assert tables.load() == kept
    monkeypatch.setattr(tables, "TABLES", tmp_path / "missing.json")
    assert tables.load() == kept


def test_generation_writes_what_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(generate, "TABLES", tmp_path / "tables.json")
    generate.main()
    assert (tmp_path / "tables.json").read_bytes() == tables.TABLES.read_bytes()


def test_parsing_imports_nothing_heavy() -> None:
    code = (
        "import sys; from nnspec.language.parser import parse; parse('nnspec 1', 'f');"
        "print(sorted({'lark', 'pydantic', 'numpy', 'onnx', 'onnxruntime', 'pickle'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
