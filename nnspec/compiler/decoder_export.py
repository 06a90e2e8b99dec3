"""The model file of a language model that is run step by step: keys and values of attention are inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nnspec.compiler.about import Classes, description, metadata, notes
from nnspec.compiler.decoding import Decoder, Steps, steps_of
from nnspec.compiler.export import CompiledModel, deployed_weights, known_opset
from nnspec.compiler.lowering import Library, lower_model
from nnspec.compiler.narrow import decided, form_of, narrowed
from nnspec.compiler.weight_folding import fold_weights
from nnspec.compiler.weights import Source
from nnspec.diagnostics.errors import Fault
from nnspec.graph import onnx_file
from nnspec.graph.caches import Caches, present_name
from nnspec.graph.errors import GraphError, OpsetError
from nnspec.graph.graph import Graph, numpy_dtype
from nnspec.graph.passes import optimized
from nnspec.graph.rows import in_rows
from nnspec.ir.spec import Spec
from nnspec.library import registries
from nnspec.runtime.edge import run_errors
from nnspec.runtime.session import Session

Array = np.ndarray[Any, Any]
Tensors = Mapping[str, Array]
TOLERANCE = 1e-4
"""Of the largest score: how far a score of a step may be from that of the whole sequence."""
LENGTHS = (3, 1, 1, 4)
"""Tokens of the runs that are held against the whole sequence."""


class CompiledDecoder(CompiledModel):
    """A verified model that is run step by step. `onnx` is the ModelProto."""

    def __init__(
        self, spec: Spec, model: Any, steps: Steps, classes: Classes | None = None, beside: Tensors | None = None
    ) -> None:
        super().__init__(spec, model, classes, beside=beside)
        self.steps = steps

    @run_errors()
    def run(self, inputs: Mapping[str, Any]) -> dict[str, Array]:
        """The outputs of one run: `inputs` are the tokens, `past/steps` and the caches `past/…`."""
        return self._session.run({name: np.asarray(inputs[name]) for name in self._session.inputs})


@run_errors()
def compile_decoder(
    spec: Spec,
    weights: Source | None = None,
    *,
    opset: int | None = None,
    precision: str | None = None,
    quantize: str | None = None,
) -> CompiledDecoder:
    """The model of a spec that is run step by step, held against the whole sequence at once.

    The arguments are those of `compile_model`, but for int8-static, which is for convolutions. Raises a RunError: E702
    for weights that do not fit, E719 for a spec that is no language model, or whose layers look at what comes later,
    E710 for an opset without an operator, E721 for int8-static, E722 where the smaller form loses its numbers.
    """
    library, steps, form = registries(), steps_of(spec), form_of(spec, precision, quantize, False)
    if form.quantize == "int8-static":
        raise Fault("E721", "a model that is run step by step has no int8-static", help="int8-dynamic needs no data")
    given, arrays = deployed_weights(spec, weights)
    about = {**metadata(spec, arrays, given.classes, given.lineage), **steps.metadata}

    def written(rows: Tensors | None = None) -> tuple[Any, Tensors]:
        graph, folded = fold_weights(in_rows(graph_of_steps(spec, library, steps, known_opset(spec, opset))), arrays)
        if rows is not None:
            graph, folded = narrowed(graph, folded, decided(form, ()), rows, rows)
        beside: dict[str, Array] = {}
        made = onnx_file.to_model(graph, folded, about, description(spec), notes(spec), beside=beside)
        onnx_file.check(made)
        return made, beside

    try:
        model, beside = written()
        _verify(model, beside, spec, library, steps, arrays)
        if not form.is_plain:
            kind = decided(form, ()).quantize
            about |= {"nnspec.quantize": kind} if kind else {"nnspec.precision": form.precision}
            rows = recorded_step(model, beside)
            model, beside = written(rows)
            _require_numbers(spec, model, beside, rows)
    except OpsetError as error:
        raise Fault("E710", f"{spec.name} cannot be written in opset {opset}: {error}") from error
    except GraphError as error:
        raise Fault(
            "E703", f"{spec.path}: {error}", help="this is a defect of nnspec: please report it with the spec"
        ) from error
    return CompiledDecoder(spec, model, steps, given.classes, beside)


def recorded_step(model: Any, beside: Tensors | None = None) -> dict[str, Array]:
    """Inputs for golden answers: three tokens of two sequences, behind five others. The same every time."""
    decoder = Decoder(model, rows=2, beside=beside)
    random = np.random.Generator(np.random.Philox(key=3))
    count = min(8, decoder.steps.places or 8)
    tokens = random.integers(0, decoder.steps.vocabulary, (2, count))
    if count > 1:
        decoder.scores(tokens[:, : count // 2])
    return decoder.feeds(tokens[:, count // 2 :])


def _require_numbers(spec: Spec, model: Any, beside: Tensors, rows: Tensors) -> None:
    """Raise E722 where a smaller form gives what is no number."""
    for name, array in Session(onnx_file.to_bytes(model), beside=beside).run(rows).items():
        if not np.isfinite(array).all():
            raise Fault("E722", f"{spec.name} in smaller numbers: output {name} is no finite number")


def graph_of_steps(spec: Spec, library: Library, steps: Steps, opset: int = 21) -> Graph:
    """The model as it is run step by step: inputs `past/…` beside the tokens, outputs `present/…` beside the scores."""
    g = Graph(f"{spec.name}_steps", opset=opset, deployed=True)
    g.caches = Caches(g)
    values = lower_model(spec, library, g)
    g.output(steps.scores, values[next(item.value for item in spec.outputs if item.name == steps.scores)])
    for name, grown in g.caches.grown.items():
        g.output(present_name(name), grown)
    return optimized(g)


def _verify(model: Any, beside: Tensors, spec: Spec, library: Library, steps: Steps, weights: Tensors) -> None:
    """Hold runs of several and of single tokens, of two sequences, against the whole sequences at once."""
    random = np.random.Generator(np.random.Philox(key=7))
    tokens = random.integers(0, steps.vocabulary, (2, min(sum(LENGTHS), steps.places or sum(LENGTHS))))
    g = Graph(spec.name)
    values = lower_model(spec, library, g)
    g.output(steps.scores, values[next(item.value for item in spec.outputs if item.name == steps.scores)])
    held: dict[str, Array] = {}
    reference = onnx_file.to_model(optimized(g), weights, beside=held)
    whole = Session(onnx_file.to_bytes(reference), beside=held)
    dtype = next(item.dtype for item in spec.inputs if item.name == steps.tokens)
    wanted = whole.run({steps.tokens: tokens.astype(numpy_dtype(dtype))})[steps.scores]
    decoder = Decoder(model, rows=2, beside=beside)
    parts = np.split(tokens, np.cumsum(LENGTHS)[:-1], axis=1)
    found = np.concatenate([decoder.scores(part) for part in parts if part.shape[1]], axis=1)
    if not np.allclose(found, wanted, rtol=0, atol=TOLERANCE * float(np.abs(wanted).max() or 1)):
        raise Fault(
            "E719",
            f"{spec.name} cannot be run step by step: what it says of a token depends on those that follow, or on "
            "more than attention keeps",
            help="besides causal attention, no layer may look along the sequence",
        )
