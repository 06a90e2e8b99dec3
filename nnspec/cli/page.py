"""`nnspec page SPEC -o page.html`: a page that trains an image classifier in the browser."""

from __future__ import annotations

import argparse
from pathlib import Path

from nnspec.cli import settings


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument("spec", metavar="SPEC", help="of an image classifier")
    command.add_argument("-o", "--output", required=True, metavar="FILE", help="the HTML file to write")
    command.add_argument(
        "--weights", metavar="RUN|FILE", help="begin with these; by default with the initial values of the spec"
    )
    command.add_argument("--data", metavar="DIR", help="the folder that paths of data are relative to")
    command.add_argument(
        "--runtime", metavar="DIR", help="the npm package onnxruntime-web; by default node_modules/onnxruntime-web"
    )
    settings.declare(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from nnspec.browser.write import write_page
    from nnspec.compiler.weights import read_settings
    from nnspec.training.trainer import Trainer

    spec = settings.load_spec(options, read_settings(options.weights))
    trainer = Trainer(spec, folder=options.data)
    if options.weights is not None:
        trainer.load_parameters(options.weights)
    facts = write_page(trainer, options.output, options.runtime)
    size = Path(options.output).stat().st_size / 1e6
    some = (
        f"{facts['rows']:,}" if facts["rows"] == facts["available"] else f"{facts['rows']:,} of {facts['available']:,}"
    )
    print(
        f"{options.output}: {some} pictures to learn from, {facts['held']:,} held out, {size:.1f} MB, needs no server"
    )
    return 0
