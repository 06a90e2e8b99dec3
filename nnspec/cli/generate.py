"""`nnspec generate SPEC --weights RUN --prompt TEXT`: text from a language model."""

from __future__ import annotations

import argparse
from pathlib import Path

from nnspec.cli import settings
from nnspec.cli.train import positive
from nnspec.diagnostics.errors import Fault


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "spec", metavar="SPEC|MODEL.onnx", help="a .nn file, or what compile --decode wrote, which has its weights"
    )
    command.add_argument("--weights", metavar="RUN|FILE", help="of a .nn file: a run directory, or a safetensors file")
    command.add_argument(
        "--tokenizer", metavar="FILE", help="a tokenizer.json, where neither the run nor the spec has one"
    )
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
        "--seed", type=_whole, default=0, metavar="N", help="the same seed writes the same text; 0 by default"
    )
    command.add_argument("--stop", metavar="TEXT", help="end before this text")
    settings.declare(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from nnspec.compiler.generation import Choice, Generator

    if Path(options.spec).suffix == ".onnx":
        if options.weights is not None:
            raise Fault("E719", f"{options.spec} has its own weights", help="leave --weights out")
        generator = Generator(options.spec, tokenizer=options.tokenizer)
    elif options.weights is None:
        raise Fault("E719", "a spec writes text with the weights of a run", help="--weights RUN")
    else:
        spec = settings.load_fitting(options, required=False)
        generator = Generator(spec, settings.weights(options), tokenizer=options.tokenizer)
    choice = Choice(options.temperature, options.top_k, options.top_p)
    pieces = generator.text(options.prompt, options.tokens, choice, options.seed, options.stop or None)
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


def _whole(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of at least 0")
    return number


def _part(text: str) -> float:
    number = float(text)
    if not 0 < number <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and at most 1")
    return number
