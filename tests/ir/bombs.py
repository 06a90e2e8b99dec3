"""Small specs that would take all time or memory, each with the code that answers it; a script that checks them all."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

GIGABYTE = 2**30


def model(*body: str, blocks: str = "", input: str = "float32[N, 4]") -> str:
    lines = "".join(f"  {line}\n" for line in body)
    return f"nnspec 1\nmodel m {{\n  input x: {input}\n{lines}}}\n{blocks}"


def block(name: str, *body: str) -> str:
    return f"block {name} {{\n  input x\n" + "".join(f"  {line}\n" for line in body) + "}\n"


def chained(count: int, *body: str) -> str:
    """Blocks b0 to b<count>; in `body` NEXT is the next one, and the last only applies relu."""
    blocks = [block(f"b{index}", *(line.replace("NEXT", f"b{index + 1}") for line in body)) for index in range(count)]
    return "".join(blocks) + block(f"b{count}", "relu")


LETTERS = "abcdefghijklmnopqrstuvwxyz"
SUM = "(" + " + ".join(LETTERS) + ")"

BOMBS: dict[str, tuple[str, str]] = {
    "a billion repeats": ("E222", model("repeat 1_000_000_000 { dense(4) }")),
    "a billion repeats of nothing": ("E222", model("repeat 1_000_000_000 { }", "relu")),
    "nested repeats": ("E222", model("repeat 1_000 { repeat 1_000 { repeat 1_000 { relu } } }")),
    "nested repeats with counts by let": (
        "E222",
        model("let n = 1_000", "repeat n { repeat n { repeat n { relu } } }"),
    ),
    "nested repeats behind conditions": ("E222", model("repeat 1_000 as i { if i >= 0 { repeat 1_000 { relu } } }")),
    "growing repeats": ("E222", model("let n = 2", "repeat 60 { let n = n * n", "repeat n { relu } }")),
    "doubling blocks": ("E222", model("b0", blocks=chained(30, "NEXT -> NEXT"))),
    "doubling blocks in expressions": ("E222", model("b0", blocks=chained(30, "y = (x -> NEXT) + (x -> NEXT)"))),
    "doubling blocks behind conditions": ("E222", model("b0", blocks=chained(30, "if true { NEXT", "NEXT }"))),
    "a chain of ten thousand blocks": ("E222", model("b0", blocks=chained(10_000, "NEXT"))),
    "deep blocks with deep conditions": (
        "E222",
        model("b0", blocks=chained(45, "if true { " * 50 + "NEXT" + " }" * 50)),
    ),
    "deep blocks with deep expressions": (
        "E222",
        model("b0", blocks=chained(45, "y = " + "x + (" * 50 + "x -> NEXT" + ")" * 50)),
    ),
    "recursion through two blocks": ("E224", model("a", blocks=block("a", "b -> b") + block("b", "a -> a"))),
    "recursion through forty blocks": (
        "E222",
        model("b0", blocks="".join(block(f"b{i}", *(f"x -> b{j}" for j in range(40))) for i in range(40))),
    ),
    "a trillion parameters": ("E222", model("dense(1_000_000_000_000)")),
    "many large layers": ("E222", model("dense(100_000)", "repeat 100 { dense(100_000) }")),
    "a huge padding": ("E222", model("conv2d(64, 3, padding = 1_000_000)", input="float32[N, 3, 8, 8]")),
    "a large dimension": ("E222", model("dense(3)", input=f"float32[N, {2**59}]")),
    "a product of dimensions": ("E222", model("x -> relu", input="float32[1_000_000, 1_000_000, 1_000_000]")),
    "a huge dimension": ("E222", model("dense(3)", input="float32[N, 1_000_000_000_000 * 1_000_000_000_000]")),
    "broadcasting": (
        "E222",
        model(
            "a = reshape(1, 1, 100_000_000)",
            "b = x -> reshape(1, 100_000_000, 1)",
            "c = x -> reshape(100_000_000, 1, 1)",
            "a + b + c",
            input="float32[N, 100_000_000]",
        ),
    ),
    "a long symbolic product": ("E222", model("relu", input="float32[" + " * ".join([SUM] * 4) + "]")),
    "a long symbolic shape": (
        "E222",
        model("flatten", input="float32[N, " + ", ".join(f"{a} + {a}{a}" for a in LETTERS) + "]"),
    ),
    "a growing coefficient": ("E222", model("repeat 1_000 { tile([1, 1, 9]) }", input="float32[N, 3, T]")),
    "a square in a loop": ("E217", model("let k = 3", "repeat 10_000 { let k = k * k }", "dense(k)")),
    "a fraction in a loop": ("E217", model("let k = 1", "repeat 10_000 { let k = k / 3 }", "relu")),
    "a float in a loop": ("E217", model("let k = 2.0", "repeat 10_000 { let k = k * k }", "relu")),
    "a doubling list": ("E222", model("let k = [1]", "repeat 100 { let k = k + k }", "relu")),
    "a nesting list": ("E222", model("let k = [1]", "repeat 100 { let k = [k, k] }", "y = k")),
    "a deep list": ("E222", model("let k = [1]", "repeat 10_000 { let k = [k] }", "y = k")),
    "a long list in a loop": ("E222", model("repeat 100_000 { let k = [" + ", ".join(["1"] * 5_000) + "] }", "relu")),
    "a long list by name in a loop": (
        "E222",
        model("let k = [" + ", ".join(["1"] * 5_000) + "]", "repeat 100_000 { let j = k }", "relu"),
    ),
    "comparing lists in a loop": (
        "E222",
        model("let k = [" + ", ".join(["1"] * 5_000) + "]", "repeat 100_000 { if k == k { let j = 1 } }", "relu"),
    ),
    "long strings in a loop": (
        "E217",
        model('let k = "a"', f'repeat 1_000 {{ let k = k + "{"a" * 60_000}" }}', "relu"),
    ),
    "long strings that are wrong": ("E205", model(f'repeat 100 {{ dense("{"a" * 60_000}") }}')),
    "many errors": ("E201", model(*["x -> densse(3)"] * 50_000)),
    "many errors among many names": (
        "E204",
        model(*[f"name_{i} = x" for i in range(10_000)], *[f"x + nome_{i}" for i in range(200)]),
    ),
}  # fmt: skip


def peak() -> int:
    """Bytes at most so far. (getrusage would count those of the process that started this one.)"""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def main() -> None:
    """Print code, seconds and bytes at most of each, as JSON."""
    resource.setrlimit(resource.RLIMIT_AS, (GIGABYTE, GIGABYTE))
    from nnspec.api import check_project
    from nnspec.ir.project import read

    found = {}
    for name, (_, text) in BOMBS.items():
        start = time.process_time()
        codes = [one.code for one in check_project(read("a.nn", text.encode()))]
        seconds = time.process_time() - start
        found[name] = (codes[:2], seconds, peak())
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
