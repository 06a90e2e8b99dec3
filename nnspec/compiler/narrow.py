"""Smaller forms of a deployed model: float16, and int8."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from nnspec.compiler.half_precision import in_half_precision
from nnspec.compiler.int8_dynamic import quantized_dynamically
from nnspec.compiler.int8_static import quantized_statically
from nnspec.diagnostics.errors import Fault
from nnspec.graph.graph import Graph
from nnspec.graph.passes import optimized
from nnspec.ir.spec import Spec

Array = np.ndarray[Any, Any]

Precision = Literal["float32", "float16"]
Quantize = Literal["int8", "int8-static", "int8-dynamic"]
QUANTIZE: tuple[Quantize, ...] = ("int8", "int8-static", "int8-dynamic")


class Form(NamedTuple):
    """The numbers of a model file."""

    precision: Precision = "float32"
    quantize: Quantize | None = None
    """int8 is int8-static where there are convolutions, int8-dynamic elsewhere."""
    float16_ends: bool = False
    """Whether float32 inputs and outputs are float16 too."""

    @property
    def is_plain(self) -> bool:
        return self.precision == "float32" and self.quantize is None


def form_of(spec: Spec, precision: str | None, quantize: str | None, float16_ends: bool) -> Form:
    """The form that is asked for, by arguments or else by the export section. Raises E721 for two at once, and for
    words that name none."""
    chosen = precision or (spec.export and spec.export.precision) or "float32"
    integers = quantize or (spec.export.quantize if spec.export else None)
    if chosen not in ("float32", "float16"):
        raise Fault("E721", f"there is no precision {chosen!r}", help="float32 or float16")
    if integers not in (None, "none", *QUANTIZE):
        raise Fault("E721", f"there is no quantization {integers!r}", help=", ".join((*QUANTIZE, "none")))
    form = Form("float16" if chosen == "float16" else "float32", _quantize(integers), float16_ends)
    if form.quantize and form.precision == "float16":
        raise Fault("E721", "a model is written in float16 or in int8, not in both", help="leave one of them out")
    if float16_ends and form.precision != "float16":
        raise Fault("E721", "inputs and outputs are float16 in a model of float16 alone", help="ask for float16 too")
    return form


def decided(form: Form, operators: Sequence[str]) -> Form:
    """The form for a model with these operators."""
    if form.quantize != "int8":
        return form
    return form._replace(quantize="int8-static" if "Conv" in operators else "int8-dynamic")


def narrowed(
    g: Graph,
    arrays: Mapping[str, Array],
    form: Form,
    rows: Mapping[str, Array] | None,
    random_rows: Mapping[str, Array],
) -> tuple[Graph, dict[str, Array]]:
    """The graph in a decided form, and its tensors. `rows` are inputs to measure activations on; E722 where they are
    needed and missing; `random_rows` stand for them where any will do. `g` must not be used any more."""
    if form.precision == "float16":
        g, found = in_half_precision(g, arrays, rows or random_rows, ends=form.float16_ends)
    elif form.quantize == "int8-dynamic":
        g, found = quantized_dynamically(g, arrays)
    elif form.quantize == "int8-static":
        if rows is None:
            raise Fault(
                "E722",
                "int8-static needs rows of data to measure activations on",
                help="int8-dynamic needs none",
            )
        g, found = quantized_statically(g, arrays, rows)
    else:
        return g, dict(arrays)
    return optimized(g), found


def _quantize(text: str | None) -> Quantize | None:
    return next((known for known in QUANTIZE if known == text), None)
