"""`nnspec new KIND`: a starter spec that trains as it stands, with small data beside it."""

from __future__ import annotations

import argparse
from difflib import get_close_matches
from pathlib import Path
from random import Random

from nnspec.cli.config import WrongUsage
from nnspec.cli.starters import STARTERS, Starter
from nnspec.diagnostics.errors import Fault

WIDTH = max(map(len, STARTERS))


def declare(command: argparse.ArgumentParser) -> None:
    kinds = "; ".join(f"{name}: {starter.title}" for name, starter in STARTERS.items())
    command.add_argument("kind", nargs="?", metavar="KIND", help=f"{kinds}. Without one they are listed")
    command.add_argument("-o", "--output", metavar="FILE", help="the spec to write; KIND.nn by default")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    if options.kind is None:
        print("\n".join(f"{name:<{WIDTH}}  {starter.title}" for name, starter in STARTERS.items()))
        print("\n`nnspec new classifier -o spirals.nn` writes a spec and its data.")
        return 0
    starter = _starter(options.kind)
    path = Path(options.output or f"{starter.kind}.nn")
    data = path.with_suffix(starter.ending)
    name = path.stem.replace("-", "_")
    if not (name.isidentifier() and name.isascii()):
        raise Fault("E706", f"{path.stem} cannot be the name of a model", help="use letters, digits and _")
    if path.suffix != ".nn":
        raise Fault("E706", f"{path} does not end with .nn", help=f"write -o {path.with_suffix('.nn')}")
    if not path.parent.is_dir():
        raise Fault("E706", f"there is no folder {path.parent}", help="make it first")
    for target in (path, data):
        if target.exists():
            raise Fault("E706", f"{target} exists already", help="-o names another file")
    text = starter.text.replace("model NAME", f"model {name}").replace(f"NAME{starter.ending}", data.name)
    try:
        path.write_text(text, encoding="utf-8")
        data.write_bytes(starter.make(Random(1)))
    except OSError as error:
        raise Fault("E707", f"{error.filename or path} cannot be written: {error.strerror}") from error
    print(f"{path} and {data} are written. Next:")
    for line in _next(starter, path):
        print(f"  {line}")
    return 0


def _starter(kind: str) -> Starter:
    if kind in STARTERS:
        return STARTERS[kind]
    names = {name: name for name in STARTERS} | {
        other: name for name, starter in STARTERS.items() for other in starter.others.split()
    }
    close = get_close_matches(kind.lower().replace("-", "").replace("_", ""), names, n=1)
    raise WrongUsage(
        f"there is no starter {kind!r}",
        f"did you mean {names[close[0]]}?" if close else f"there are {', '.join(STARTERS)}",
    )


def _next(starter: Starter, path: Path) -> list[str]:
    run = f"runs/{path.stem}"
    lines = [f"nnspec check {path}", f"nnspec train {path} --out {run}"]
    return [*lines, starter.then.replace("SPEC", str(path)).replace("RUN", run)] if starter.then else lines
