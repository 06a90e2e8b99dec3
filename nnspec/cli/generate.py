"""`nnspec generate SPEC --weights RUN --prompt TEXT`: text from a language model."""

from __future__ import annotations

import argparse

from nnspec.cli import settings
from nnspec.cli.train import positive


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument("spec", metavar="SPEC", help="a .nn file")
    command.add_argument("--weights", required=True, metavar="RUN|FILE", help="a run directory, or a safetensors file")
    settings.declare_rename(command)
    command.add_argument("--prompt", default="", metavar="TEXT", help="what to go on with; a new line by default")
    command.add_argument("--tokens", type=positive, default=200, metavar="N", help="how many to write; 200 by default")
    command.add_argument(
        "--temperature",
        type=_at_least_0,
        default=1.0,
        metavar="X",
        help="1 by default; lower is safer, higher bolder, and 0 always takes the likeliest",
    )
    command.add_argument("--top-k", type=positive, metavar="K", help="only the K most likely")
    command.add_argument(
        "--top-p", type=_part, metavar="P", help="only the most likely that have the probability P together"
    )
    command.add_argument(
        "--seed", type=int, default=0, metavar="N", help="the same seed writes the same text; 0 by default"
    )
    settings.declare(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from nnspec.compiler.generation import Choice, Generator

    spec = settings.load_fitting(options, required=False)
    choice = Choice(options.temperature, options.top_k, options.top_p)
    pieces = Generator(spec, settings.weights(options)).text(options.prompt, options.tokens, choice, options.seed)
    print(options.prompt, end="", flush=True)
    for piece in pieces:
        print(piece, end="", flush=True)
    print()
    return 0


def _at_least_0(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number of at least 0")
    return number


def _part(text: str) -> float:
    number = float(text)
    if not 0 < number <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and at most 1")
    return number
