"""Files that would hurt a careless checker, each given to `nnspec check` as a user would: text, sizes, uses, paths.

Run as a script it checks them all in one process of bounded memory, and prints for each the exit code, the first code
that was answered, the processor time and the memory at most so far, as JSON.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

GIGABYTE = 2**30
HEAD = "nnspec 1\nmodel m {\n  input x: float32[N, 4]\n"
LIBRARY = "nnspec 1\nblock wide(units) {\n  input x\n  dense(units)\n}\n"


def model(*lines: str, input: str = "float32[N, 4]", uses: str = "") -> str:
    body = "".join(f"  {line}\n" for line in lines)
    return f"nnspec 1\n{uses}model m {{\n  input x: {input}\n{body}}}\n"


def text(content: str | bytes) -> Callable[[Path], None]:
    """One file."""
    return lambda folder: write(folder / "a.nn", content)  # type: ignore[arg-type, return-value]


def write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))


def uses(path: str, prepare: Callable[[Path], object] = lambda folder: None) -> Callable[[Path], None]:
    """A spec that uses what stands, or is made to stand, at a path."""

    def make(folder: Path) -> None:
        write(folder / "a.nn", model("wide(3)", uses=f'use "{path}": wide\n'))
        prepare(folder)

    return make


def circle(count: int) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        names = [f"c{index}" for index in range(count)]
        for name, after in zip(names, [*names[1:], names[0]], strict=True):
            write(
                folder / f"{name}.nn", f'nnspec 1\nuse "{after}.nn": {after}\nblock {name} {{\n  input x\n  relu\n}}\n'
            )
        write(folder / "a.nn", model("c0", uses='use "c0.nn": c0\n'))

    return make


def chain(count: int) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        for index in range(count):
            used = f'use "c{index + 1}.nn": c{index + 1}\n'
            write(folder / f"c{index}.nn", f"nnspec 1\n{used}block c{index} {{\n  input x\n  relu\n}}\n")
        write(folder / "a.nn", model("c0", uses='use "c0.nn": c0\n'))

    return make


def diamond(folder: Path) -> None:
    """Each of 15 files uses the two of the next row, so that 2^15 ways lead down, and calls both."""
    for row in range(15):
        for side in "lr":
            both = f'use "l{row + 1}.nn": l{row + 1}\nuse "r{row + 1}.nn": r{row + 1}\n' if row < 14 else ""
            call = f"x -> l{row + 1} -> r{row + 1}" if row < 14 else "relu"
            write(folder / f"{side}{row}.nn", f"nnspec 1\n{both}block {side}{row} {{\n  input x\n  {call}\n}}\n")
    write(folder / "a.nn", model("l0 -> r0", "repeat 100 { l0 }", uses='use "l0.nn": l0\nuse "r0.nn": r0\n'))


def fan(folder: Path) -> None:
    for index in range(300):
        write(folder / f"f{index}.nn", LIBRARY.replace("wide", f"f{index}"))
    write(folder / "a.nn", model("relu", uses="".join(f'use "f{i}.nn": f{i}\n' for i in range(300))))


def doubling(count: int) -> str:
    blocks = [f"block b{i} {{\n  input x\n  b{i + 1} -> b{i + 1}\n}}\n" for i in range(count)]
    return model("b0") + "".join(blocks) + f"block b{count} {{\n  input x\n  relu\n}}\n"


BOMBS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "brackets 500_000 deep": ("E124", text(HEAD + "(" * 500_000)),
    "brackets 65 deep": ("E124", text(model("let k = " + "(" * 65 + "1" + ")" * 65))),
    "10^6 brackets": ("E124", text(HEAD + "(" * 10**6)),
    "bodies 65 deep": ("E124", text(model("if true { " * 65 + "relu" + " }" * 65))),
    "a megabyte of names": ("E115", text(HEAD + "  relu relu relu\n" * 60_000 + "}\n")),
    "a megabyte of a comment": ("E201", text(HEAD + "  densse(3)  #" + "a" * 10**6 + "\n}\n")),
    "a megabyte of one line": ("E201", text(model("x" + " -> relu" * 125_000 + " -> rellu"))),
    "17 million bytes": ("E301", text(" " * 17 * 2**20)),
    "10^6 tokens in a list": ("E123", text(model("let k = [" + "1, " * 500_000 + "1]", "dense(k)"))),
    "200_000 entries in lists": ("E205", text(model(*["let k = [" + "1, " * 19_900 + "1]"] * 10, "dense(k)"))),
    "3 * 10^6 tokens": ("E123", text("a " * 3 * 10**6)),
    "a whole number of 19 digits": ("E108", text(model("dense(1234567890123456789)"))),
    "a whole number of 5000 digits": ("E108", text(model(f"dense({'9' * 5000})"))),
    "1e999": ("E108", text(model("dropout(1e999)"))),
    "inf": ("E204", text(model("dropout(inf)"))),
    "nan": ("E204", text(model("dropout(nan)"))),
    "a name of 257 letters": ("E111", text(model(f"{'a' * 257} = relu"))),
    "a string of 64 KB and one": ("E125", text(model(f'let k = "{"a" * 65_537}"', "relu"))),
    "NUL": ("E122", text(model("relu\0"))),
    "a BOM in the middle": ("E122", text(model("relu\ufeff"))),
    "a BOM and CRLF are no bombs": ("E201", text("\ufeff" + model("rellu").replace("\n", "\r\n"))),
    "half of a surrogate pair": ("E121", text(model("relu  # \ud800"))),
    "text from right to left": ("E122", text(model("relu  # \u202e"))),
    "a blank of no width": ("E106", text(model("re\u200blu"))),
    "a letter that looks like another": ("E111", text(model("\u0440elu"))),
    "repeat 10^9": ("E222", text(model("repeat 1_000_000_000 { dense(4) }"))),
    "a template doubled 30 times": ("E222", text(doubling(30))),
    "nested repeats": ("E222", text(model("repeat 1_000 { repeat 1_000 { repeat 1_000 { relu } } }"))),
    "a file that uses itself": ("E303", circle(1)),
    "files that use each other": ("E303", circle(2)),
    "a circle of 50 files": ("E305", circle(50)),
    "a chain of 1000 files": ("E305", chain(1000)),
    "a diamond of files": ("E222", diamond),
    "300 files": ("E305", fan),
    "../../etc/passwd": ("E302", uses("../../etc/passwd")),
    "an absolute path": ("E302", uses("/etc/passwd")),
    "a path in the home folder": ("E302", uses("~/secret.nn")),
    "a path of a network share": ("E302", uses("\\\\\\\\unc\\\\share.nn")),
    "a URL": ("E302", uses("https://example.org/a.nn")),
    "a link that leads out": ("E302", uses("out.nn", lambda folder: (folder / "out.nn").symlink_to("/etc/passwd"))),
    "a linked folder that leads out": ("E302", uses("out/passwd", lambda f: (f / "out").symlink_to("/etc"))),
    "a pipe": ("E301", uses("pipe.nn", lambda folder: os.mkfifo(folder / "pipe.nn"))),
    "a link to /dev/zero": ("E302", uses("zero.nn", lambda folder: (folder / "zero.nn").symlink_to("/dev/zero"))),
    "a folder": ("E301", uses("sub", lambda folder: (folder / "sub").mkdir())),
    "a file that is a loop of links": ("E301", uses("loop.nn", lambda f: (f / "loop.nn").symlink_to("loop.nn"))),
    "a used file that is binary": ("E121", uses("b.nn", lambda f: write(f / "b.nn", bytes(range(256)) * 999))),
    "10^12 parameters": ("E222", text(model("dense(1_000_000_000_000)"))),
    "sizes whose product is beyond 2^63": (
        "E222",
        text(model("relu", input="float32[1_000_000_000, 1_000_000_000, 1_000_000_000]")),
    ),
    "a dimension of 0": ("E205", text(model("relu", input="float32[N, 0]"))),
    "a dimension below 0": ("E205", text(model("relu", input="float32[N, -4]"))),
    "broadcasting to 10^12 elements": (
        "E222",
        text(model("(x -> reshape(1, 1_000_000)) + (x -> reshape(1_000_000, 1))", input="float32[N, 1_000_000]")),
    ),
}  # fmt: skip


def peak() -> int:
    """Bytes at most so far."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def look(make: Callable[[Path], None]) -> tuple[int, str, float, int]:
    """What `check` answers to one of them, with seconds and bytes."""
    folder = Path(tempfile.mkdtemp())
    make(folder)
    os.chdir(folder)
    from nnspec.cli.main import main as nnspec

    stream = io.StringIO()
    start = time.process_time()
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        code = nnspec(["check", "--no-cache", "a.nn"])
    seconds = time.process_time() - start
    answered = re.search(r"error\[(E\d+)\]", stream.getvalue())
    return code, answered[1] if answered else stream.getvalue()[:200], seconds, peak()


def main() -> None:
    """Each in a process of its own, so that none counts the memory of another."""
    resource.setrlimit(resource.RLIMIT_AS, (GIGABYTE, GIGABYTE))
    import nnspec.api
    import nnspec.cli.check  # noqa: F401  before the processes part

    found = {}
    for name, (_, make) in BOMBS.items():
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, json.dumps(look(make)).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as stream:
            found[name] = json.loads(stream.read() or '[1, "no answer", 99, 0]')
        os.waitpid(child, 0)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
