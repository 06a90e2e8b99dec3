"""The names of values in a model file."""

from __future__ import annotations

from nnspec.graph.graph import Graph, GraphError, Value


class Names:
    """Inputs and parameters keep their names, a computed output takes the declared one, everything else gives way."""

    def __init__(self, g: Graph) -> None:
        self._names = {value: value.name for value in (*g.inputs, *g.parameters.values())}
        self._taken = set(self._names.values())
        self.copies: list[tuple[str, Value]] = []
        """Outputs that need an Identity: inputs, parameters and constants, and what already is an output."""
        for name, value in g.outputs.items():
            self._declare(name, value)

    def __getitem__(self, value: Value) -> str:
        """The name of a value, given at first sight."""
        if value not in self._names:
            name, count = value.name, 1
            while name in self._taken:
                count += 1
                name = f"{value.name}_{count}"
            self._taken.add(name)
            self._names[value] = name
        return self._names[value]

    def _declare(self, name: str, value: Value) -> None:
        if name in self._taken:
            raise GraphError(f"the output {name!r} has the name of an input or parameter")
        self._taken.add(name)
        if value.node is None or value in self._names:
            self.copies.append((name, value))
        else:
            self._names[value] = name
