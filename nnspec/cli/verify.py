"""`nnspec verify model.onnx golden.npz`: whether a deployed model answers as it did when it was compiled."""

from __future__ import annotations

import argparse
import math

from nnspec.diagnostics.errors import Fault


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", metavar="MODEL.onnx")
    command.add_argument("golden", metavar="GOLDEN.npz", help="what compile wrote beside the model")
    command.add_argument(
        "--tolerance", type=part, metavar="PART", help="of the largest number of an output; 1e-4 by default"
    )
    command.set_defaults(run=run)


def part(text: str) -> float:
    """A finite number from 0 on: nothing is within nan, and everything within inf."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no tolerance, such as 1e-4")
    return value


def run(options: argparse.Namespace) -> int:
    from nnspec.compiler.deployed import Deployed
    from nnspec.compiler.golden import TOLERANCE, replay

    tolerance = TOLERANCE if options.tolerance is None else options.tolerance
    answers = replay(Deployed.load(options.model), options.golden)
    for answer in answers:
        size = ", ".join(map(str, answer.shape))
        scale = f", of numbers up to {answer.largest:.3g}" if answer.largest else ""
        print(f"{answer.name}[{size}]: largest difference {answer.gap:.3g}{scale}")
    wrong = [answer.name for answer in answers if not answer.within(tolerance)]
    if wrong:
        raise Fault("E720", f"{', '.join(wrong)}: {options.model} answers something else than {options.golden} records")
    print(f"{options.model} answers as {options.golden} records")
    return 0
