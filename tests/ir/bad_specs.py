"""Bad specs, each with the exact list of what is wrong: code, line, column. Line 4 is the first of a model's body."""

from __future__ import annotations

from .shorthand import model, raw

Places = list[tuple[str, int, int]]
BLOCK = "block f(units, rate = 0.5) {\n  input x: [N, C]\n  dense(units) -> dropout(rate)\n}\n"
TWO_INPUTS = ("input a: float32[N, 4]", "input b: float32[N, 4]")


def train(*lines: str) -> str:
    """A whole spec; the train section begins in line 6, `lines` in line 11."""
    body = "\n".join(f"  {line}" for line in lines)
    return model("logits = dense(3)") + (
        "train {\n  target kind: label[N]\n  loss = cross_entropy(logits, kind)\n  optimizer = adam(lr = 0.01)\n"
        f"  epochs = 3\n{body}\n}}\n"
    )


LAYERS: dict[str, tuple[str, Places]] = {
    "unknown layer": (model("densse(3)"), [("E201", 4, 3)]),
    "unknown bare layer": (model("reluu"), [("E201", 4, 3)]),
    "unknown layer behind an arrow": (model("x -> dense(3) -> reluu"), [("E201", 4, 20)]),
    "layer of pytorch": (model("x -> Linear(3)"), [("E201", 4, 8)]),
    "module of pytorch": (model("x -> nn.ReLU"), [("E201", 4, 8)]),
    "a loss as a layer": (model("x -> mse"), [("E201", 4, 8)]),
    "a value as a layer": (model("h = dense(3)", "x -> h"), [("E201", 5, 8)]),
    "two unknown layers": (model("x -> reluu -> geluu"), [("E201", 4, 8), ("E201", 4, 17)]),
    "unknown option": (model("dense(3, biass = false)"), [("E202", 4, 12)]),
    "unknown options": (model("dense(3, biass = false, innit = 1)"), [("E202", 4, 12), ("E202", 4, 27)]),
    "too many arguments": (model("relu(3)"), [("E202", 4, 8)]),
    "option given twice": (model("dense(3, units = 4)"), [("E202", 4, 12)]),
    "option of the wrong type": (model('dense("3")'), [("E205", 4, 9)]),
    "option out of range": (model("dropout(1.5)"), [("E205", 4, 11)]),
    "options out of range": (model("dense(-1, bias = 3)"), [("E205", 4, 9), ("E205", 4, 13)]),
    "fraction for a whole number": (model("dense(7 / 2)"), [("E205", 4, 9)]),
    "missing option": (model("dense"), [("E206", 4, 3)]),
    "missing option with parentheses": (model("dense()"), [("E206", 4, 3)]),
    "word without quotes": (model("gelu(approximate = tanh)"), [("E204", 4, 22)]),
    "word that is wrong": (model('gelu(approximate = "tan")'), [("E205", 4, 8)]),
    "initializer that is wrong": (model("dense(3, init = glorot_unifrom)"), [("E403", 4, 19)]),
    "option of an initializer": (model("dense(3, init = normal(deviation = -1))"), [("E205", 4, 26)]),
    "value for a number": (model("h = dense(3)", "dense(h)"), [("E212", 5, 9)]),
    "after an unknown layer nothing more is said": (
        model("h = densse(3)", "h -> relu -> softmax(axis = 5)", "q = h + x", "dense(2)"),
        [("E201", 4, 7)],
    ),
    "options are checked behind an error": (
        model("densse(3) -> dense(3, biass = 1)"),
        [("E201", 4, 3), ("E202", 4, 25)],
    ),
}  # fmt: skip
SHAPES: dict[str, tuple[str, Places]] = {
    "rank": (raw("input x: float32[N]", "dense(3)"), [("E203", 4, 3)]),
    "axis": (model("softmax(axis = 2)"), [("E207", 4, 3)]),
    "operands": (model("h = dense(3)", "y = x + h"), [("E208", 5, 9)]),
    "operands behind an arrow": (model("h = dense(3)", "x -> dense(3) -> relu", "y = h @ h"), [("E214", 6, 9)]),
    "concat": (
        raw("input a: float32[N, 4, 2]", "input b: float32[N, 3, 3]", "(a, b) -> concat(axis = 2)"),
        [("E208", 5, 13)],
    ),
    "symbolic sizes": (raw("input a: float32[N, S]", "input b: float32[N, T]", "a + b"), [("E214", 5, 5)]),
    "symbolic features": (raw("input x: float32[N, T]", "dense(3)"), [("E214", 4, 3)]),
    "dtype of a layer": (raw("input x: int64[N, 4]", "dense(3)"), [("E215", 4, 3)]),
    "dtypes of operands": (raw("input a: float32[N, 4]", "input b: int64[N, 4]", "y = a * b"), [("E215", 5, 9)]),
    "number of inputs": (model("(x, x) -> dense(3)"), [("E223", 4, 13)]),
    "number of results": (model("a, b, c = x -> split(2, axis = 1)", "a -> dense(3)"), [("E213", 4, 3)]),
    "several results as an operand": (model("y = x + (x -> split(2, axis = 1))"), [("E213", 4, 17)]),
    "several results as an output": (model("output y = split(2, axis = 1)"), [("E213", 4, 14)]),
    "a tuple as an operand": (model("y = x + (x, x)"), [("E213", 4, 11)]),
    "dimension 0": (raw("input x: float32[N, 0]", "dense(3)"), [("E205", 3, 23)]),
    "negative dimension": (raw("input x: float32[N, 4 - 5]", "dense(3)"), [("E205", 3, 25)]),
    "dimension of a fraction": (raw("input x: float32[N, 1 / 2]", "dense(3)"), [("E205", 3, 25)]),
    "dimension of text": (raw('input x: float32[N, "a"]', "dense(3)"), [("E205", 3, 23)]),
    "size of a block's input": (raw("input x: float32[N, 4, 4]", "f(3)", blocks=BLOCK), [("E203", 4, 3)]),
    "inside a block": (raw("input x: int64[N, 4]", "f(3)", blocks=BLOCK), [("E215", 8, 3)]),
    "once for all the uses of a block": (
        raw("input x: int64[N, 4]", "x -> f(3)", "x -> f(4)", blocks=BLOCK),
        [("E215", 9, 3)],
    ),
    "after a shape error nothing more is said": (
        model("h = x + (x -> dense(3))", "h -> dense(3)", "relu", "output p = softmax"),
        [("E208", 4, 9)],
    ),
    "shared features": (model("layer e = dense(3)", "x -> e -> relu -> e"), [("E216", 5, 21)]),
}  # fmt: skip
VALUES: dict[str, tuple[str, Places]] = {
    "undefined value": (model("y = x + z"), [("E204", 4, 11)]),
    "undefined value, twice": (model("y = z + z"), [("E204", 4, 7), ("E204", 4, 11)]),
    "undefined number": (model("dense(n)"), [("E204", 4, 9)]),
    "defined below": (model("y = x + h", "h = dense(4)"), [("E204", 4, 11)]),
    "undefined at the head": (model("z -> dense(3)"), [("E201", 4, 3)]),
    "undefined output": (model("dense(3)", "output z"), [("E201", 5, 10)]),
    "undefined in a list": (model("for c in [1, n] { dense(c) }", "relu"), [("E204", 4, 16)]),
    "undefined in a condition": (model("if n == 3 { relu }", "dense(3)"), [("E204", 4, 6)]),
    "a layer as an operand": (model("y = x + relu"), [("E218", 4, 11)]),
    "a layer as an argument": (model("y = x + dense(4)"), [("E218", 4, 11)]),
    "no current value": (raw(*TWO_INPUTS, "dense(3)"), [("E209", 5, 3)]),
    "value and layer": (model("relu = dense(3)", "relu"), [("E211", 5, 3)]),
    "a number named as a value": (model("n = 3", "x -> dense(n)"), [("E212", 4, 7)]),
    "a value named by let": (model("let h = x -> relu", "x -> dense(3)"), [("E212", 4, 16)]),
    "a number in a pipeline": (model("3 -> dense(3)"), [("E212", 4, 3)]),
    "a number among values": (model("(x, 3) -> concat(axis = 1)"), [("E212", 4, 7)]),
    "a condition on a value": (model("if x > 0 { relu }", "dense(3)"), [("E212", 4, 8)]),
    "a condition that is a number": (model("if 1 { relu }", "dense(3)"), [("E212", 4, 6)]),
    "a repeat of a fraction": (model("repeat 2.5 { dense(3) }"), [("E212", 4, 10)]),
    "a number that does not fit": (raw("input x: uint8[N, 4]", "y = x == 256"), [("E217", 4, 12)]),
    "division by zero": (model("let k = 3 / 0", "dense(3)"), [("E217", 4, 13)]),
    "adding text": (model('let k = 1 + "a"', "dense(3)"), [("E217", 4, 13)]),
    "comparing kinds": (model('if 1 < "a" { relu }', "dense(3)"), [("E217", 4, 8)]),
    "parameter bound again": (model("p = dense(3)", params="(p = 3)"), [("E210", 4, 3)]),
    "let of an input": (model("let x = 3", "dense(3)"), [("E210", 4, 7)]),
    "output given twice": (model("output y = dense(3)", "output y = dense(4)"), [("E210", 5, 10)]),
    "output named as an input": (model("output x = dense(3)"), [("E210", 4, 10)]),
    "instance named as a layer": (model("layer relu = dense(3)", "x -> dense(3)"), [("E210", 4, 9)]),
    "equal paths": (model("dense(4)", "dense_1 = dense(3)"), [("E221", 5, 13)]),
    "parameters before the first use": (
        model("layer e = dense(3)", "y = dense(3, weight = e.weight)"),
        [("E216", 5, 25)],
    ),
    "unknown parameter of an instance": (
        model("layer e = dense(3)", "x -> e", "y = x -> dense(3, weight = e.kernel)"),
        [("E204", 6, 30)],
    ),
    "argument of a block": (model("f(3, rte = 0.1)", blocks=BLOCK), [("E202", 4, 8)]),
    "missing argument of a block": (model("f", blocks=BLOCK), [("E206", 4, 3)]),
    "wrong argument of a block": (model('f(3, "0.1")', blocks=BLOCK), [("E205", 4, 8)]),
    "inputs of a block": (model("(x, x) -> f(3)", blocks=BLOCK), [("E223", 4, 13)]),
    "recursion": (model("g", blocks="block g {\n  input x\n  dense(4) -> g\n}\n"), [("E224", 8, 15)]),
}  # fmt: skip
SECTIONS: dict[str, tuple[str, Places]] = {
    "unknown setting": (train("epoch = 3"), [("E202", 11, 3)]),
    "unknown metric": (train("metrics = [acc(logits, kind)]"), [("E403", 11, 14)]),
    "unknown schedule": (train("average = emma(0.9)"), [("E403", 11, 13)]),
    "pattern": (train('freeze = ["stem.*"]'), [("E411", 11, 13)]),
    "monitor": (train('early_stop = patience(3, monitor = "validation.acc")'), [("E412", 11, 28)]),
    "two sections": (train() + "train {\n  seed = 3\n}\n", [("E306", 13, 1)]),
    "two models": (train() + "model n {\n  input x: float32[N, 4]\n  dense(3)\n}\n", [("E306", 13, 7)]),
    "budget": (model("dense(3)") + "require {\n  params <= 10\n}\n", [("E501", 7, 3)]),
    "signature": (model("output y = dense(3)") + "require {\n  output y: float32[N, 4]\n}\n", [("E501", 7, 3)]),
    "quantity": (model("dense(3)") + "require {\n  flops <= 10\n}\n", [("E401", 7, 3)]),
    "output to export": (model("output y = dense(3)") + 'export {\n  outputs = ["z"]\n}\n', [("E410", 7, 14)]),
    "no model": ("nnspec 1\ntrain {\n  seed = 3\n}\n", [("E220", 2, 1)]),
    "no input": ("nnspec 1\nmodel m {\n  dense(3)\n}\n", [("E220", 2, 7)]),
}

BAD_SPECS = LAYERS | SHAPES | VALUES | SECTIONS
