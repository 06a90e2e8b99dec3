"""Sums of matrix products, each of which adds to the one before: Gemm(a, b, c) is a b + c in one pass."""

from __future__ import annotations

from dataclasses import replace

from nnspec.graph.graph import Graph, Node, Value
from nnspec.graph.rewrite import uses, with_nodes


def sums_into_products(g: Graph) -> Graph:
    """Make a chain of an Add or Sum of products, such as the gradient of what query, key and value are made of.

    ONNX Runtime does the same with a MatMul and an Add alone, and runs the result at another place than the file says.
    """
    return _Chains(g).run()


class _Chains:
    def __init__(self, g: Graph) -> None:
        self._g = g
        self._counts = uses(g)
        self._gone: set[Node] = set()
        self._nodes: list[Node] = []

    def run(self) -> Graph:
        for node in list(self._g.nodes):
            if not (node.op_type in ("Add", "Sum") and self._chained(node)):
                self._nodes.append(node)
        return with_nodes(self._g, [node for node in self._nodes if node not in self._gone], {})

    def _chained(self, node: Node) -> bool:
        """Append the chain that makes the result of `node`; False where there is none to make."""
        result = node.outputs[0]
        operands = [x for x in node.inputs if x is not None]
        if any(x.type != result.type for x in operands) or not all(isinstance(dim, int) for dim in result.shape):
            return False
        products = {x: found for x in operands if (found := self._product(x)) and operands.count(x) == 1}
        others = [x for x in operands if x not in products]
        if not products or (not others and len(products) < 2):
            return False
        if not others:
            others = [next(iter(products))]
            del products[others[0]]
        total = others[0] if len(others) == 1 else self._add(node, others)
        for steps in products.values():
            self._gone.update(steps)
            total = self._gemm(node, steps[-1], total)
        self._reshape(node, total, result)
        return True

    def _product(self, x: Value) -> list[Node]:
        """The nodes from x back to the product of two matrices that makes it for x alone; none for another origin."""
        steps: list[Node] = []
        while (node := x.node) is not None and self._counts.get(x) == 1 and node not in self._gone:
            steps.append(node)
            first, second, *rest = (*node.inputs, None)
            if node.op_type == "Reshape" and first is not None:
                x = first
                continue
            matrices = first is not None and second is not None and first.rank == second.rank == 2
            return steps if matrices and rest == [None] and node.op_type in ("Gemm", "MatMul") else []
        return []

    def _add(self, node: Node, others: list[Value]) -> Value:
        return self._append(replace(node, op_type="Add" if len(others) == 2 else "Sum", inputs=tuple(others)))

    def _gemm(self, node: Node, product: Node, total: Value) -> Value:
        """The product plus the total so far, as a matrix."""
        shape = product.outputs[0].static_shape
        if total.shape != shape:
            target = self._g.constant(list(shape), "int64")
            total = self._append(Node("Reshape", (total, target), product.outputs, {}, node.origin))
        return self._append(replace(product, op_type="Gemm", inputs=(*product.inputs, total)))

    def _reshape(self, node: Node, total: Value, result: Value) -> None:
        """Give the total to those that read the result."""
        last = self._nodes[-1]
        if total.type == result.type:
            made = replace(last, outputs=(result,))
            self._nodes[-1] = made
        else:
            made = Node("Reshape", (total, self._g.constant(list(result.static_shape), "int64")), (result,), {})
            made.origin = node.origin
            self._nodes.append(made)
        result.node = made

    def _append(self, node: Node) -> Value:
        """The node with a result of its own."""
        value = Value(self._g.unique(node.outputs[0].name), node.outputs[0].type)
        made = replace(node, outputs=(value,))
        value.node = made
        self._nodes.append(made)
        return value
