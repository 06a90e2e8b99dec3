"""`nnspec explain CODE`: what an error means, with a failing and a mended example."""

from __future__ import annotations

import argparse
from difflib import get_close_matches

from nnspec.cli.output import warn
from nnspec.diagnostics.catalogue import CATALOGUE, explain


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument("code", nargs="?", metavar="CODE", help="such as E203; without one, all codes are listed")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    if options.code is None:
        print("\n".join(f"{code}  {entry.title}" for code, entry in sorted(CATALOGUE.items())))
        return 0
    code = options.code.upper().strip("[]")
    if code not in CATALOGUE:
        close = get_close_matches(code, CATALOGUE, n=1)
        warn(
            f"nnspec explain: there is no code {options.code}"
            + (f"; did you mean {close[0]}?" if close else "; `nnspec explain` lists them")
        )
        return 2
    print(explain(code))
    return 0
