"""`nnspec show SPEC`: each layer with its shapes, parameters and MACs, or the whole specification as JSON.

Of a model file it shows the same for the spec in it, then what the file is and where its weights are from.
"""

from __future__ import annotations

import argparse
import json

from nnspec.cli import settings
from nnspec.ir.spec import Spec
from nnspec.report.layers import HEADS, layer_rows, title, totals


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument("spec", metavar="SPEC|MODEL.onnx", help="a .nn file, or a model file")
    command.add_argument(
        "--format",
        choices=("text", "json", "mermaid", "schema", "spec"),
        default="text",
        help="schema is the JSON Schema of json, spec the text that a model file was compiled from",
    )
    settings.declare(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    if options.format == "schema":
        print(json.dumps(Spec.model_json_schema(), indent=2))
        return 0
    if options.spec.endswith(".onnx"):
        return _model(options)
    spec = settings.load_spec(options, required=False)
    if options.format == "spec":
        print(spec.files[spec.path], end="")
        return 0
    print({"text": table, "json": as_json, "mermaid": mermaid}[options.format](spec))
    return 0


def _model(options: argparse.Namespace) -> int:
    """Show a model file."""
    from nnspec.cli.show_model import lineage, spec_of, summary
    from nnspec.compiler.foreign import read_model
    from nnspec.diagnostics.errors import Fault
    from nnspec.graph import onnx_file

    if options.set:
        raise Fault("E610", f"{options.spec} holds its settings", help="--set goes with a spec")
    model = read_model(options.spec, {}, trial=False)
    said = onnx_file.metadata(model)
    spec = spec_of(options.spec, said)
    if spec is None and options.format != "text":
        raise Fault("E705", f"{options.spec} was not compiled by nnspec: it has no spec")
    if options.format == "spec":
        print(said["nnspec.spec"], end="")
    elif spec is None:
        print(summary(model))
    elif options.format == "text":
        print("\n\n".join((table(spec), summary(model), lineage(said))))
    else:
        print({"json": as_json, "mermaid": mermaid}[options.format](spec))
    return 0


def as_json(spec: Spec) -> str:
    return spec.model_dump_json(indent=2)


def table(spec: Spec) -> str:
    """A line per layer, then the totals."""
    rows = layer_rows(spec)
    widths = [max(len(row[i]) for row in (HEADS, *rows)) for i in range(5)]
    lines = [_line(row, widths) for row in (HEADS, tuple("─" * w for w in widths), *rows)]
    sums = (f"{name:<10}  {text}" for name, text in totals(spec).items())
    return "\n".join([f"{title(spec)}   {spec.path}", "", *lines, "", *sums])


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = [
        cell.ljust(width) if i < 3 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def mermaid(spec: Spec) -> str:
    """The graph as a Mermaid flow chart, which GitHub draws."""
    made = {value.name: f"i{index}" for index, value in enumerate(spec.inputs)}
    values = {value.name: value for value in (*spec.inputs, *spec.values)}
    lines = ["flowchart TD", *(f'  {made[v.name]}(["{v.name}<br/>{v.type}"])' for v in spec.inputs)]
    for index, node in enumerate(spec.nodes):
        lines.append(f'  n{index}["{node.path}<br/>{node.component} {values[node.outputs[0]].type}"]')
        made.update(dict.fromkeys(node.outputs, f"n{index}"))
        lines += [f"  {made[name]} --> n{index}" for name in node.read]
    for index, output in enumerate(spec.outputs):
        lines += [f'  o{index}(["{output.name}"])', f"  {made[output.value]} --> o{index}"]
    return "\n".join(lines)
