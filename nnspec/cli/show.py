"""`nnspec show SPEC`: each layer with its shapes, parameters and MACs, or the whole specification as JSON."""

from __future__ import annotations

import argparse
import json
from math import prod

from nnspec.cli import settings
from nnspec.ir import dims
from nnspec.ir.spec import Node, Parameter, Spec, Value
from nnspec.ir.types import shape_text


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument("spec", metavar="SPEC")
    command.add_argument(
        "--format",
        choices=("text", "json", "mermaid", "schema"),
        default="text",
        help="schema is the JSON Schema of json",
    )
    settings.declare(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    if options.format == "schema":
        print(json.dumps(Spec.model_json_schema(), indent=2))
        return 0
    spec = settings.load_spec(options, required=False)
    print({"text": table, "json": as_json, "mermaid": mermaid}[options.format](spec))
    return 0


def as_json(spec: Spec) -> str:
    return spec.model_dump_json(indent=2)


def table(spec: Spec) -> str:
    """A line per layer, then the totals."""
    values = {value.name: value for value in (*spec.inputs, *spec.values)}
    parameters = {parameter.path: parameter for parameter in spec.parameters}
    rows = [(value.name, "input", str(value.type), "", "") for value in spec.inputs]
    counted: set[str] = set()
    total: dims.Dim = 0
    for node in spec.nodes:
        if node.component == "constant":
            continue
        rows.append(_row(node, values, parameters, counted))
        total = total + node.macs
    heads = ("layer", "kind", "output", "params", "MACs")
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(5)]
    lines = [_line(row, widths) for row in (heads, tuple("─" * w for w in widths), *rows)]
    return "\n".join([_title(spec), "", *lines, "", *_totals(spec, total)])


def _title(spec: Spec) -> str:
    chosen = ", ".join(f"{name} = {value}" for name, value in spec.settings.items())
    return f"{spec.name}({chosen})   {spec.path}"


def _row(
    node: Node, values: dict[str, Value], parameters: dict[str, Parameter], counted: set[str]
) -> tuple[str, str, str, str, str]:
    """One layer; a shared parameter counts where it stands first."""
    new = [path for path in node.parameters.values() if path not in counted and parameters[path].trainable]
    counted.update(new)
    count = sum(prod(parameters[path].shape) for path in new)
    shown = ", ".join(str(values[name].type) for name in node.outputs)
    return (
        node.path,
        node.component,
        shown,
        f"{count:,}" if count else "",
        f"{node.macs:,}" if isinstance(node.macs, int) and node.macs else str(node.macs or ""),
    )


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = [
        cell.ljust(width) if i < 3 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _totals(spec: Spec, macs: dims.Dim) -> list[str]:
    statistics = sum(prod(p.shape) for p in spec.parameters if not p.trainable)
    size = sum(prod(p.shape) * (8 if p.dtype.endswith("64") else 4) for p in spec.parameters)
    per_row = dims.substitute(
        macs, {name: 1 for value in spec.inputs for name in dims.symbols(value.shape[0] if value.shape else 1)}
    )
    lines = [
        f"parameters  {spec.parameter_count:,}"
        + (f" and {statistics:,} statistics" if statistics else "")
        + f", {size:,} bytes"
    ]
    shown = f"{per_row:,}" if isinstance(per_row, int) else str(per_row)
    return [
        *lines,
        f"MACs        {shown} for one row",
        *(f"output      {o.name}: {_output_type(spec, o.value)}" for o in spec.outputs),
    ]


def _output_type(spec: Spec, name: str) -> str:
    value = next(v for v in (*spec.inputs, *spec.values) if v.name == name)
    return f"{value.dtype}{shape_text(value.shape)}"


def mermaid(spec: Spec) -> str:
    """The graph as a Mermaid flow chart, which GitHub draws."""
    made = {value.name: f"i{index}" for index, value in enumerate(spec.inputs)}
    values = {value.name: value for value in (*spec.inputs, *spec.values)}
    lines = ["flowchart TD", *(f'  {made[v.name]}(["{v.name}<br/>{v.type}"])' for v in spec.inputs)]
    for index, node in enumerate(spec.nodes):
        lines.append(f'  n{index}["{node.path}<br/>{node.component} {values[node.outputs[0]].type}"]')
        made.update(dict.fromkeys(node.outputs, f"n{index}"))
        lines += [f"  {made[name]} --> n{index}" for name in (*node.inputs, *node.arguments.values())]
    for index, output in enumerate(spec.outputs):
        lines += [f'  o{index}(["{output.name}"])', f"  {made[output.value]} --> o{index}"]
    return "\n".join(lines)
