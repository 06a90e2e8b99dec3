"""Inputs for `check`: good and bad specs that were damaged, and specs generated from everything that is registered."""

from __future__ import annotations

import random
import re
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin

from nnspec.ir.fields import option_types
from nnspec.ir.types import DTYPES, TensorType
from nnspec.library import LIBRARY
from tests.bad.cases import FOLDER, stripped

ROOT = Path(__file__).parent.parent.parent
TOKEN = re.compile(rb"[A-Za-z_]\w*|\d[\w.]*|\"[^\"\n]*\"|->|//|[<>=!]=|\s+|.", re.DOTALL)
STRANGE = [
    b"\x00", b"\xff", b"\xe2\x80\x8b", "é".encode(), "→".encode(), b"\t", b"\r", b"`", b";", b"$", b"\\", b'"', b"'",
    b"{", b"}", b"(", b")", b"[", b"]", b"=", b":", b",", b"->", b"\n", b"#", b"..", b"**", b"==", b"@",
]  # fmt: skip
SNIPPETS = [
    b"repeat 3 as i {", b"repeat 999999 {", b"if x == 1 {", b"else", b"let k = 3", b"layer e = dense(4)", b"-> e",
    b"(x, x)", b"N", b"output", b"a, b = x -> split(2, axis = 1)", b"[1, 2]", b"0", b"-1", b"1e300", b"999999999999",
    b"none", b"8 * H", b"for c in [1, 2] {", b"weight = e.weight", b"/ 0", b'"a"', b"true", b"float32[N, 4]",
    b"input q: [N, C]", b"None", b"self.x", b"nn.Linear(3)", b"label[N]", b"csv(\"a.csv\")", b"params <= 1",
    b"dense(8)", b"use std.transformer: encoder_layer", b"train {", b"data {", b"model m {", b"block b {", b"4 MB",
]  # fmt: skip
NUMBERS = [0, 1, 2, 3, 7, 8, -1, 10**6, 10**12, 2**63, -(2**63), 0.0, 0.5, 1.5, -0.5, 1e-30, 1e30, 1e300]
EXTREME = ['""', '"same"', '"' + "a" * 300 + '"', "[]", "[[]]", "[1, [2]]", "true", "false", "none", "x", "N", "hidden"]


@cache
def corpus() -> list[bytes]:
    """Every spec of this repository, good and bad."""
    good = [path for folder in ("specs", "nnspec/std", "tests/acceptance") for path in (ROOT / folder).rglob("*.nn")]
    bad = sorted(FOLDER.rglob("*.nn"))
    return [path.read_bytes() for path in sorted(good)] + [stripped(path.read_bytes())[0] for path in bad]


def damaged(random: random.Random) -> bytes:
    """A spec with some bytes or words changed, or the beginning of one and the end of another."""
    text = random.choice(corpus())
    match random.randrange(4):
        case 0:
            return _bytes(random, text)
        case 1:
            first, second = text.splitlines(True), random.choice(corpus()).splitlines(True)
            return b"".join(first[: random.randint(0, len(first))] + second[random.randint(0, len(second)) :])
        case _:
            return _words(random, text)


def _bytes(random: random.Random, text: bytes) -> bytes:
    content = bytearray(text)
    for _ in range(random.randint(1, 6)):
        place = random.randrange(len(content) + 1)
        new = random.choice(STRANGE) if random.random() < 0.5 else random.randbytes(random.randint(0, 3))
        content[place : place + random.randint(0, 3)] = new
    return bytes(content)


def _words(random: random.Random, text: bytes) -> bytes:
    tokens = TOKEN.findall(text) or [b""]
    for _ in range(random.randint(1, 6)):
        one, other = random.randrange(len(tokens)), random.randrange(len(tokens))
        match random.randrange(6):
            case 0:
                tokens[one], tokens[other] = tokens[other], tokens[one]
            case 1:
                tokens[one] = b" "
            case 2:
                tokens[one] = tokens[other]
            case 3:
                tokens.insert(one, b" " + random.choice(SNIPPETS) + b" ")
            case 4:
                tokens[one] = str(random.choice(NUMBERS)).encode()
            case _:
                tokens[one] = random.choice(STRANGE)
    return b"".join(tokens)


# ---- generated from the registry


def generated(random: random.Random) -> bytes:
    """A spec of layers, losses, optimizers, sources, … as registered, with options of any type and size."""
    inputs = [f"  input {name}: {_type(random)}" for name in ("x", "y", "z")[: random.choice([1, 1, 2, 3])]]
    body = [f"  {_statement(random)}" for _ in range(random.randint(1, 6))]
    sections = [part for part in (_data(random), _train(random), _export(random), _require(random)) if part]
    lines = ["nnspec 1", "", "model m(hidden = 8) {", *inputs, *body, "}", *sections, ""]
    return "\n".join(lines).encode()


def _type(random: random.Random) -> str:
    sizes = [
        "N",
        *(random.choice(["4", "8", "16", "3", "1", "T", "H", "2*H", "N"]) for _ in range(random.randint(0, 4))),
    ]
    if random.random() < 0.1:
        sizes[random.randrange(len(sizes))] = str(random.choice(NUMBERS))
    dtype = random.choice(DTYPES) if random.random() < 0.4 else "float32"
    return f"{dtype}[{', '.join(sizes)}]"


def _statement(random: random.Random) -> str:
    layers = " -> ".join(_layer(random) for _ in range(random.randint(1, 3)))
    head = random.choice(["", "", "", "x -> ", "h -> ", "(x, y) -> ", "(x, h) -> ", "x + y -> ", "x @ h -> "])
    name = random.choice(["", "", "h = ", "a, b = ", "output logits = ", "let k = ", "layer e = "])
    text = f"{name}{head}{layers}"
    match random.randrange(12):
        case 0:
            return f"repeat {random.choice([0, 1, 3, 'hidden', -1, 2.5])} {{ {text} }}"
        case 1:
            return f"if hidden {random.choice(['<', '==', '>='])} {random.choice(NUMBERS)} {{ {text} }}"
        case 2:
            return f"for c in [1, 8, {random.choice(NUMBERS)}] {{ {text} }}"
        case _:
            return text


def _layer(random: random.Random) -> str:
    cls = LIBRARY["layer"][random.choice(list(LIBRARY["layer"]))]
    if cls.examples and random.random() < 0.4:
        return random.choice(cls.examples).call
    return _call(random, cls)


def _call(random: random.Random, cls: Any, depth: int = 0, first: tuple[str, ...] = ()) -> str:
    types = option_types(cls)
    names = [name for name in types if name not in cls.option_defaults or random.random() < 0.3]
    if random.random() < 0.05:
        names.append(random.choice(["biass", "activation", "dim", "units"]))
    values = [f"{name} = {_option(random, types.get(name, int), depth)}" for name in names]
    if random.random() < 0.2:
        values = [value.partition(" = ")[2] for value in values]
    if random.random() < 0.05 and values:
        values.append(random.choice(values))
    return f"{cls.name}({', '.join([*first, *values])})" if values or first or random.random() < 0.3 else cls.name


def _option(random: random.Random, annotation: Any, depth: int) -> str:
    """A value that fits an annotation, or is near to that, or is nothing of the kind."""
    if random.random() < 0.15:
        return random.choice([*EXTREME, *map(str, NUMBERS)])
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is TensorType or annotation is Any:
        return random.choice(["x", "h", "x + h", "x -> relu", "e.weight"])
    if annotation is bool:
        return random.choice(["true", "false"])
    if annotation is int or annotation is float:
        return str(random.choice([1, 2, 3, 4, 8, 16] if random.random() < 0.7 else NUMBERS))
    if annotation is str:
        return random.choice(['"float32"', '"same"', '"a.csv"', '"x"', '"*.weight"', '"validation.loss"'])
    if isinstance(annotation, type):
        kind = getattr(annotation, "kind", "")
        return _component(random, kind, depth + 1) if kind in LIBRARY and depth < 3 else "none"
    if origin is tuple:
        inner = arguments[0] if arguments else int
        return f"[{', '.join(_option(random, inner, depth + 1) for _ in range(random.choice([0, 1, 2, 2, 3, 4])))}]"
    literal = [
        argument for argument in arguments if isinstance(argument, (str, int)) and not isinstance(argument, type)
    ]
    if literal and len(literal) == len(arguments):
        word = random.choice(literal)
        return f'"{word}"' if isinstance(word, str) else str(word)
    return _option(random, random.choice(arguments), depth) if arguments else "none"


def _component(random: random.Random, kind: str, depth: int, first: tuple[str, ...] = ()) -> str:
    registry = LIBRARY[kind]
    return _call(random, registry[random.choice(list(registry))], depth, first)


def _section(random: random.Random, name: str, lines: list[str]) -> str:
    random.shuffle(lines)
    return "\n".join([f"{name} {{", *(f"  {line}" for line in lines), "}"]) if lines and random.random() < 0.7 else ""


def _data(random: random.Random) -> str:
    lines = [
        f"{key} = {_component(random, 'source', 1)}" for key in ("train", "validation", "test") if random.random() < 0.5
    ]
    lines += [f"validation = {random.choice(NUMBERS)}"] * (random.random() < 0.3)
    lines += [f"augment = [{_component(random, 'augmentation', 1)}]"] * (random.random() < 0.3)
    feeds = ['"a"', '["a", "b"]', "3", "[]"]
    lines += [f"{key} = {random.choice(feeds)}" for key in ("x", "y", "kind") if random.random() < 0.5]
    return _section(random, "data", lines)


def _train(random: random.Random) -> str:
    pair = (random.choice(["logits", "h", "x"]), random.choice(["kind", "x", "y"]))
    keys = LIBRARY["section"]["train"]
    types = option_types(keys)
    lines = [f"target kind: {random.choice(['label[N]', 'float32[N, 1]', 'int64[N, T]', _type(random)])}"]
    lines += [f"loss = {_component(random, 'loss', 1, pair)}"]
    lines += [f"optimizer = {_component(random, 'optimizer', 1)}"]
    lines += [f"metrics = [{_component(random, 'metric', 1, pair)}]"] * (random.random() < 0.5)
    lines += [f"epochs = {random.choice(NUMBERS)}"] * (random.random() < 0.8)
    for key in types:
        if key not in ("loss", "optimizer", "metrics", "epochs") and random.random() < 0.15:
            lines.append(f"{key} = {_option(random, types[key], 1)}")
    return _section(random, "train", lines)


def _export(random: random.Random) -> str:
    types = option_types(LIBRARY["section"]["export"])
    return _section(
        random, "export", [f"{key} = {_option(random, types[key], 1)}" for key in types if random.random() < 0.5]
    )


def _require(random: random.Random) -> str:
    subjects, units = ["params", "macs", "size", "activation_memory", "flops", "x"], ["", " k", " MB", " mb", " G"]
    lines = []
    for _ in range(random.randint(0, 2)):
        sign = random.choice(["<=", ">=", "==", "<", "="])
        lines.append(f"{random.choice(subjects)} {sign} {random.choice(NUMBERS)}{random.choice(units)}")
    lines += [f"{random.choice(['output logits', 'input x', 'h'])}: {_type(random)}"] * (random.random() < 0.4)
    return _section(random, "require", lines)


# ---- valid ones, from the examples that every layer has


def whole(random: random.Random) -> str:
    """A spec without errors: examples of layers, each on inputs of its own, and a loop, a block and sections."""
    layers = [cls for name in LIBRARY["layer"] for cls in [LIBRARY["layer"][name]] if cls.examples]
    inputs, body = [], []
    for number in range(random.randint(1, 6)):
        cls = random.choice(layers)
        example = random.choice(cls.examples)
        given = [*example.inputs, *(type for _, type in example.arguments if isinstance(type, str))]
        if len(given) < len(example.inputs) + len(example.arguments):
            continue  # an argument that is a list of values
        names = [f"x{number}_{index}" for index in range(len(given))]
        inputs += [f"  input {name}: {type}" for name, type in zip(names, given, strict=True)]
        values = names[len(example.inputs) :]
        call = _with(
            example.call, [f"{key} = {name}" for (key, _), name in zip(example.arguments, values, strict=True)]
        )
        heads = names[: len(example.inputs)]
        head = heads[0] if len(heads) == 1 else f"({', '.join(heads)})"
        body.append(f"  x{number}_0 -> relu" if not heads else f"  {head} -> {call}")
    inputs.append("  input z: float32[N, 8]")
    loops = ["  repeat 2 { z = z -> dense(8) -> tanh }", "  for c in [8, 4] { z = z -> dense(c) }"]
    body += [random.choice(loops), "  if hidden > 4 { z = z -> part(hidden) } else { z = z -> relu }"]
    lines = ["nnspec 1", "block part(units, rate = 0.1) {", "  input x", "  dense(units) -> dropout(rate)", "}"]
    lines += [f"model m(hidden = {random.choice([4, 8, 16])}) {{", *inputs, *body]
    lines += ["  output logits = z -> dense(3)", "}"]
    if random.random() < 0.7:
        optimizer = random.choice(["adam(lr = 0.01)", "sgd(lr = 0.1, momentum = 0.9)", "adamw(lr = cosine(0.01))"])
        lines += ["train {", "  target kind: label[N]", "  loss = cross_entropy(logits, kind)", "  epochs = 3"]
        lines += [f"  optimizer = {optimizer}", "  metrics = [accuracy(logits, kind)]", "}"]
    lines += ["require {", "  params <= 1 G", "  output logits: float32[N, 3]", "}"] * (random.random() < 0.5)
    return "\n".join([*lines, ""])


def _with(call: str, options: list[str]) -> str:
    if not options:
        return call
    return f"{call[:-1]}, {', '.join(options)})" if call.endswith(")") else f"{call}({', '.join(options)})"
