"""From the grammar to the parse tables, with Lark; the only file that imports it.

Lark checks the grammar and computes the LALR(1) automaton. Its own parser is not used: it offers no way to go on
after an error, and builds every node twice.
"""

from __future__ import annotations

import json
from typing import Any

import lark
from lark.lexer import PatternStr, TerminalDef
from lark.parsers.lalr_analysis import IntParseTable, Shift

from nnspec.language.tables import TABLES, Rule, Tables, Terminal, grammar_path


def compute(grammar: str) -> Tables:
    """The tables of `grammar`, with the states in the order of their discovery: equal grammars give equal tables."""
    parser = lark.Lark(grammar, parser="lalr", lexer="basic", maybe_placeholders=False)
    table = parser.parser.parser._parse_table
    if not isinstance(table, IntParseTable):
        table = IntParseTable.from_ParseTable(table)
    order = _discovery(table.states, table.start_states["start"])
    number = {state: index for index, state in enumerate(order)}
    rule_number = {rule: index for index, rule in enumerate(parser.rules)}

    def encoded(action: Any, argument: Any) -> int:
        return number[argument] if action is Shift else ~rule_number[argument]

    states = tuple(
        {
            symbol: encoded(*step)
            for symbol, step in sorted(table.states[state].items())
            if symbol != "$END" or step[0] is not Shift
        }
        for state in order
    )
    terminals = tuple(_terminal(definition, parser.ignore_tokens) for definition in parser.terminals)
    return Tables(terminals, tuple(_rule(rule) for rule in parser.rules), states, number[table.end_states["start"]])


def _discovery(states: dict[int, dict[str, tuple[Any, Any]]], start: int) -> list[int]:
    order, known = [start], {start}
    for state in order:
        for _, (action, argument) in sorted(states[state].items()):
            if action is Shift and argument not in known:
                known.add(argument)
                order.append(argument)
    return order


def _terminal(definition: TerminalDef, ignored: list[str]) -> Terminal:
    literal = isinstance(definition.pattern, PatternStr)
    return Terminal(definition.name, definition.pattern.value, literal, definition.name in ignored)


def _rule(rule: Any) -> Rule:
    kept = tuple(
        ~index if symbol.name.startswith("_") else index
        for index, symbol in enumerate(rule.expansion)
        if not (symbol.is_term and symbol.filter_out)
    )
    steps_aside = rule.options.expand1 and not rule.alias and len(kept) == 1
    return Rule(rule.origin.name, "" if steps_aside else rule.alias or rule.origin.name, len(rule.expansion), kept)


def _written(tables: Tables, grammar: str) -> str:
    """JSON with one row per line, so that a change of the grammar can be read in a diff."""
    rows: dict[str, Any] = {"terminals": tables.terminals, "rules": tables.rules, "states": tables.states}
    blocks = [
        f'"{key}": [\n' + ",\n".join(json.dumps(row, separators=(",", ":")) for row in value) + "\n]"
        for key, value in rows.items()
    ]
    return "{\n" + ",\n".join([f'"grammar": {json.dumps(grammar)}', f'"final": {tables.final}', *blocks]) + "\n}\n"


def main() -> None:
    """Writes the tables of the grammar beside the parser."""
    grammar = grammar_path().read_text(encoding="utf-8")
    TABLES.write_text(_written(compute(grammar), grammar), encoding="utf-8")


if __name__ == "__main__":
    main()
