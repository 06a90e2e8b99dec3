"""Every form of the language, and the tree that it becomes."""

from __future__ import annotations

import pytest

from nnspec.diagnostics.span import Span
from nnspec.language import syntax
from nnspec.language.parser import parse

from .shorthand import ACCEPTANCE, entries, expression, model, section, shown, statements, valid

EXPRESSIONS = [
    ("1_000", "1000"),
    ("3e-4", "0.0003"),
    ("0.5", "0.5"),
    ("true", "True"),
    ("none", "None"),
    ('"a\\"b\\n"', "'a\"b\\n'"),
    ("'it'", "'it'"),
    ("a + b * c - d", "((a + (b * c)) - d)"),
    ("a - b - c", "((a - b) - c)"),
    ("a / b // c % d @ e", "((((a / b) // c) % d) @ e)"),
    ("-a * b", "((- a) * b)"),
    ("- - a", "(- (- a))"),
    ("a + b == c", "((a + b) == c)"),
    ("(a < b) == c", "((a < b) == c)"),
    ("not a == b and c or d", "(((not (a == b)) and c) or d)"),
    ("a or b and c", "(a or (b and c))"),
    ("x + y -> relu", "((x + y) -> relu)"),
    ("(x -> f) + y", "((x -> f) + y)"),
    ("x -> a -> b(2) -> c", "(x -> a -> b(2) -> c)"),
    ("(a, b) -> concat(axis = 1)", "(<a, b> -> concat(axis=1))"),
    ("(a, b,)", "<a, b>"),
    ("f(memory = x -> dense(8))", "f(memory=(x -> dense(8)))"),
    ("f(x -> g, [1, [2, -3]],)", "f((x -> g), [1, [2, (- 3)]])"),
    ("dense(vocab, weight = embed.weight)", "dense(vocab, weight=embed.weight)"),
    ("a.b.c", "a.b.c"),
    ("nn.ReLU()", "nn.ReLU()"),
    ("x -> nn.ReLU", "(x -> nn.ReLU)"),
    ("[]", "[]"),
    ("f()", "f()"),
    ("data + model -> train(use = target)", "((data + model) -> train(use=target))"),
    ("f(\n  a,\n\n  # why\n  b = 2\n)", "f(a, b=2)"),
    ("a\n  -> f\n\n  # a comment\n  -> g", "(a -> f -> g)"),
    ("a\n- b\n* c", "(a - (b * c))"),
    ("a\nand b\nor c", "((a and b) or c)"),
    ("a\n<= b", "(a <= b)"),
]
STATEMENTS = [
    ("input x", "Input(x, None)"),
    ("input x: float32[N, 8 * H]", "Input(x, TypeExpr(float32, [N, (8 * H)]))"),
    ("input x: [N, C]", "Input(x, TypeExpr(None, [N, C]))"),
    ("input x: float32", "Input(x, TypeExpr(float32, None))"),
    ("input x: float32[]", "Input(x, TypeExpr(float32, []))"),
    ("output y = x -> f", "Output(y, (x -> f))"),
    ("output y", "Output(None, y)"),
    ("output h + x -> relu", "Output(None, ((h + x) -> relu))"),
    ("layer enc = dense(64)", "LayerInstance(enc, dense(64))"),
    ("layer enc = relu", "LayerInstance(enc, relu)"),
    ("let k = 2 * n", "Let(k, (2 * n))"),
    ("y = dense(3)", "Assign([y], dense(3))"),
    ("a, b = x -> split(2, axis = 1)", "Assign([a, b], (x -> split(2, axis=1)))"),
    ("relu", "Apply(relu)"),
    ("dense(3) -> relu", "Apply((dense(3) -> relu))"),
    ("x == 3", "Apply((x == 3))"),
    ("if a { f }", "If([[a, [Apply(f)]]], [])"),
    ("if a { f } else { g }", "If([[a, [Apply(f)]]], [Apply(g)])"),
    ("if a { f }\n\nelse if b { }\n# c\nelse { g }", "If([[a, [Apply(f)]], [b, []]], [Apply(g)])"),
    ("if a {\n f\n g\n}", "If([[a, [Apply(f), Apply(g)]]], [])"),
    ("repeat 2 { f }", "Repeat(None, 2, None, None, [Apply(f)])"),
    ("repeat n + 1 as i { f }", "Repeat(None, (n + 1), i, None, [Apply(f)])"),
    ("layers = repeat n as i { f }", "Repeat(layers, n, i, None, [Apply(f)])"),
    ("repeat 2, a = true { f }", "Repeat(None, 2, None, a=True, [Apply(f)])"),
    ("layers = repeat n as i, a = not b { f }", "Repeat(layers, n, i, a=(not b), [Apply(f)])"),
    ("for c in [1, 2] { f }", "For([c], [1, 2], [Apply(f)])"),
    ("for t, c in [[1, 2]] { f }", "For([t, c], [[1, 2]], [Apply(f)])"),
    ("data = csv", "Assign([data], csv)"),
    ("target -> model", "Apply((target -> model))"),
]
RESERVED = ["input", "output", "layer", "let", "if", "else", "repeat", "for", "in", "as", "and", "or", "not"]
RESERVED += ["true", "false", "none"]
LINES = [
    ("data", 'train = csv("a.csv")', "Setting(train, csv('a.csv'))"),
    ("data", 'features = ["a", "b"]', "Setting(features, ['a', 'b'])"),
    ("export", "opset = 21", "Setting(opset, 21)"),
    ("train", "loss = a + 0.3 * b", "Setting(loss, (a + (0.3 * b)))"),
    ("train", "target species: label[N]", "Target(species, TypeExpr(label, [N]))"),
    ("train", "target = 3", "Setting(target, 3)"),
    ("require", "params <= 1_000", "Comparison(params, <=, 1000, )"),
    ("require", "size < 4 MB", "Comparison(size, <, 4, MB)"),
    ("require", "macs == 2 * 3 k", "Comparison(macs, ==, (2 * 3), k)"),
    ("require", "output probability: float32[N, 3]", "Signature(output, probability, TypeExpr(float32, [N, 3]))"),
    ("require", "input x: [N]", "Signature(input, x, TypeExpr(None, [N]))"),
    ("require", "h: float32[N, 4]", "Signature(value, h, TypeExpr(float32, [N, 4]))"),
]


@pytest.mark.parametrize(("text", "tree"), EXPRESSIONS)
def test_expression(text: str, tree: str) -> None:
    assert expression(text) == tree


@pytest.mark.parametrize(("text", "tree"), STATEMENTS)
def test_statement(text: str, tree: str) -> None:
    assert statements(text) == [tree]


@pytest.mark.parametrize(("keyword", "text", "tree"), LINES)
def test_line_of_a_section(keyword: str, text: str, tree: str) -> None:
    assert entries(keyword, text) == [tree]


@pytest.mark.parametrize("word", RESERVED)
def test_reserved_words_are_keys_of_sections(word: str) -> None:
    assert entries("data", f"a = 1\n{word} = 2\nb = 3") == ["Setting(a, 1)", f"Setting({word}, 2)", "Setting(b, 3)"]


def test_items() -> None:
    file = valid(
        'nnspec 1\nuse "blocks/resnet.nn": residual, stem\n'
        "use std.transformer: encoder_layer\n"
        "block b(n, k = 2 * 3) { }\nmodel m() { }\nmodel n { }\ndata { }\nrequire { }\n"
    )
    assert shown(file.uses) == "[Use('blocks/resnet.nn', [residual, stem]), Use(std.transformer, [encoder_layer])]"
    assert shown(file.definitions[0]) == "Definition(block, b, [Parameter(n, None), Parameter(k, (2 * 3))], [])"
    assert [shown(one) for one in file.definitions[1:]] == [
        "Definition(model, m, [], [])",
        "Definition(model, n, [], [])",
    ]
    assert [section.keyword for section in file.sections] == ["data", "require"]
    assert file.version == 1


def test_spans_count_code_points_from_one() -> None:
    file = valid(model('  e = "ü"  # ß\n\tx = f(\n    a,\n  ) -> g'))
    first, second = file.definitions[0].body
    assert first.span == Span("test.nn", 3, 3, 3, 10)
    assert second.span == Span("test.nn", 4, 2, 6, 9)
    assert file.definitions[0].span == Span("test.nn", 2, 1, 2, 8)


def test_spans_of_headers_end_before_the_brace() -> None:
    file = valid(model("layers = repeat 2 as i { f }\nfor c in [1] { f }\nif a == 1 { f }") + "train { a = 1 }\n")
    ends = [(statement.span.column, statement.span.end_column) for statement in file.definitions[0].body]
    assert ends == [(1, 23), (1, 13), (1, 10)]
    assert file.sections[0].span == Span("test.nn", 7, 1, 7, 6)


def test_operators_know_their_place() -> None:
    (statement,) = valid(model("let v = (a) + b")).definitions[0].body
    assert isinstance(statement, syntax.Let) and isinstance(statement.value, syntax.Binary)
    assert statement.value.operator_span == Span("test.nn", 3, 13, 3, 14)
    assert statement.value.span == Span("test.nn", 3, 9, 3, 16)


@pytest.mark.parametrize("path", ACCEPTANCE, ids=lambda path: path.stem)
def test_acceptance_files_parse(path) -> None:
    file, found = parse(path.read_bytes(), str(path))
    assert found == []
    assert file.definitions


@pytest.mark.parametrize("path", ACCEPTANCE, ids=lambda path: path.stem)
def test_line_ends_and_byte_order_mark_do_not_matter(path) -> None:
    text = path.read_text(encoding="utf-8")
    plain = parse(text, "f")
    assert parse(text.replace("\n", "\r\n"), "f") == plain
    assert parse(b"\xef\xbb\xbf" + text.encode(), "f") == plain
    assert parse(text.rstrip("\n"), "f") == plain


def test_an_empty_section_and_a_last_line_without_newline() -> None:
    assert valid(section("data", "").rstrip("\n")).sections[0].entries == []
