"""`nnspec run model.onnx --input name=FILE`: outputs from arrays, tables, JSON or images."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnspec.cli import settings
from nnspec.cli.interrupts import warnings_as_lines
from nnspec.cli.output import warn
from nnspec.cli.rows_line import RowsLine
from nnspec.cli.train import positive
from nnspec.diagnostics.errors import Fault

if TYPE_CHECKING:
    from nnspec.compiler.deployed import Deployed
    from nnspec.data.io import Inputs
    from nnspec.data.reading.sequence import Batch
    from nnspec.diagnostics.errors import Diagnostic


INPUT = """csv, tsv, json, jsonl, npy, npz, parquet, IDX, an image, a folder of images or a pattern such as
'photos/*.jpg'; - is standard input. FILE.npz:array names an array of an archive, FILE.csv:a,b columns of a table. A
table with a header gives the columns that fed the input in training; one whose first line is all numbers has no header,
and gives all its columns in their order. Images are resized as in training"""
FIT = "instead of as in training: bring images to the size of the input"
OUTPUT = "csv, json, jsonl, npz, npy or parquet; CSV on standard output without it"
BATCH = "rows that the model takes at once; without it, what suits their size"
ON_ERROR = "stop at a row that is not what it should be, the default, or leave it out and say so"
WHITE = "what white is in the pixels that feed an input of floats: 1 for 0 to 1, 255 for 0 to 255"
SAID = 12
"""Rows left out that are named; the others are counted."""


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument("spec", metavar="SPEC|MODEL.onnx", help="a .nn file, or a model file")
    command.add_argument("--weights", metavar="RUN|FILE", help="with a spec: a run directory, or a safetensors file")
    settings.declare_rename(command)
    command.add_argument("--input", action="append", default=[], metavar="NAME=FILE", help=INPUT)
    command.add_argument("--fit", choices=("stretch", "crop", "pad"), help=FIT)
    command.add_argument("--white", type=float, choices=(1, 255), metavar="1|255", help=WHITE)
    command.add_argument("-o", "--output", metavar="FILE", help=OUTPUT)
    formats = ("csv", "json", "jsonl", "npz", "npy", "parquet")
    command.add_argument("--format", choices=formats, help="instead of what the ending of --output says")
    command.add_argument("--head", type=positive, metavar="N", help="only the first N rows")
    command.add_argument("--batch", type=positive, metavar="N", help=BATCH)
    command.add_argument("--on-error", choices=("stop", "skip"), default="stop", help=ON_ERROR)
    settings.declare(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from nnspec.compiler.answers import How
    from nnspec.data.io import Wishes, open_inputs
    from nnspec.data.outputs import chosen_format, write_parts
    from nnspec.runtime.session import available_cores

    chosen_format(options.output, options.format)  # before an hour of work
    model = _model(options)
    how = How(options.batch, options.head, options.on_error, available_cores())
    wishes = Wishes(options.fit, options.white, lenient=options.on_error == "skip")
    with warnings_as_lines(), open_inputs(options.input, model.inputs, model.meaning, wishes=wishes) as inputs:
        watched = options.output is not None or not sys.stdout.isatty()
        parts = _Parts(inputs, model.over(inputs, how), RowsLine(sys.stderr, inputs.rows, shown=watched), options)
        try:
            write_parts(parts, options.output, model.class_names, options.format)
        finally:
            parts.line.clear()
    parts.summarize()
    return 0


class _Parts:
    """The outputs, batch by batch, behind the column that says which rows they are for."""

    def __init__(
        self,
        inputs: Inputs,
        found: Iterator[tuple[Batch, dict[str, Any]]],
        line: RowsLine,
        options: argparse.Namespace,
    ) -> None:
        self.line = line
        self._inputs, self._found = inputs, found
        self._numbered = options.on_error == "skip"
        self._done = self._skipped = 0

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        import numpy as np

        from nnspec.data.outputs import FILE, ROW, with_column

        files = np.array(self._inputs.files, object) if self._inputs.files else None
        for batch, outputs in self._found:
            self._left_out(batch.skipped)
            if outputs and files is not None:
                yield with_column(outputs, FILE, files[batch.numbers])
            elif outputs:
                yield with_column(outputs, ROW, batch.numbers) if self._numbered else outputs
            self._done += len(batch.numbers)
            self.line(self._done)
        if not self._done:
            raise Fault("E609", "there is no row that can be read")

    def _left_out(self, skipped: Sequence[Diagnostic]) -> None:
        for found in skipped:
            self._skipped += 1
            if self._skipped <= SAID:
                self.line.clear()
                warn(f"warning: left out: {found.message}")

    def summarize(self) -> None:
        """Say how many rows were left out."""
        if self._skipped > SAID:
            warn(f"warning: {self._skipped} rows were left out, {self._skipped - SAID} more than are named above")


def _model(options: argparse.Namespace) -> Deployed:
    from nnspec.compiler.deployed import Deployed

    if Path(options.spec).is_dir():
        raise _folder(Path(options.spec))
    if not options.spec.endswith(".nn"):
        if options.weights or options.rename or options.set:
            raise Fault(
                "E610", f"{options.spec} holds its weights and settings", help="--weights and --set go with a spec"
            )
        return Deployed.load(options.spec)
    from nnspec.compiler.export import compile_model

    if options.weights is None:
        raise Fault(
            "E610", f"{options.spec} is a spec, which has no weights", help="--weights RUN names those of a run"
        )
    spec = settings.load_fitting(options, required=False)
    model = compile_model(spec, settings.weights(options), precision="float32", quantize="none")
    return Deployed(model.onnx, beside=model.beside)


def _folder(path: Path) -> Fault:
    """E707 for a folder in the place of a model."""
    model = path / "model.onnx"
    if model.is_file():
        return Fault("E707", f"{path} is a run directory", help=f"its model is {model}")
    if (path / "run.json").is_file():
        help = f"its training has not ended yet; give its spec, with --weights {path}"
        return Fault("E707", f"{path} is a run directory that has no model", help=help)
    return Fault("E707", f"{path} is a folder, a spec or a model file is needed")
