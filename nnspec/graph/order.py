"""The order of nodes in a file, from which ONNX Runtime takes the order in which it runs them."""

from __future__ import annotations

from nnspec.graph.graph import Graph
from nnspec.graph.rewrite import with_nodes


def backward_in_turn(g: Graph) -> Graph:
    """The nodes that nothing reads at the end, the first one last.

    ONNX Runtime walks back from such nodes, the last one first, and runs what each of them takes and is not there yet.
    In the order of the backward pass the first to come is then the gradient of the last layer, and every layer's
    gradient is done with before the one below; the other way round, it would go down to the first layer at once, and
    keep all that the gradients of the weights take until the end.
    """
    read = {x for node in g.nodes for x in node.inputs if x is not None}
    ends = [node for node in g.nodes if read.isdisjoint(node.outputs)]
    chosen = set(ends)
    return with_nodes(g, [*(node for node in g.nodes if node not in chosen), *reversed(ends)], {})
