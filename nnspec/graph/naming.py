"""The names of values in a model file."""

from __future__ import annotations

from collections.abc import Mapping

from nnspec.graph.graph import Graph, GraphError, Value


class Names:
    """Inputs and parameters keep their names, a computed output takes the declared one, everything else gives way."""

    def __init__(self, g: Graph) -> None:
        self._names = {value: value.name for value in (*g.inputs, *g.parameters.values())}
        self._taken = set(self._names.values())
        self._scope = ""
        self.outputs = {name: name for name in g.outputs}
        """The name in the file of each output."""
        self.copies: list[tuple[str, Value]] = []
        """Outputs that need an Identity: inputs, parameters and constants, and what already is an output."""
        for name, value in g.outputs.items():
            self._declare(name, value)

    def within(self, body: Graph, scope: str, captured: Mapping[Value, str]) -> Names:
        """Names for the body of a node: ONNX wants them to differ from those around it. Captured values have theirs."""
        inner = Names.__new__(Names)
        inner._names, inner._taken, inner._scope = dict(captured), self._taken, f"{scope}/"
        inner.outputs, inner.copies = {}, []
        for value in body.inputs:
            inner[value]
        for name, value in body.outputs.items():
            inner.outputs[name] = own = inner._free(name)
            inner._declare(own, value)
        return inner

    def __getitem__(self, value: Value) -> str:
        """The name of a value, given at first sight."""
        if value not in self._names:
            self._names[value] = name = self._free(value.name)
            self._taken.add(name)
        return self._names[value]

    def _free(self, wanted: str) -> str:
        base = name = f"{self._scope}{wanted}"
        count = 1
        while name in self._taken:
            count += 1
            name = f"{base}_{count}"
        return name

    def _declare(self, name: str, value: Value) -> None:
        if name in self._taken:
            raise GraphError(f"the output {name!r} has the name of an input or parameter")
        self._taken.add(name)
        if value.node is None or value in self._names:
            self.copies.append((name, value))
        else:
            self._names[value] = name
