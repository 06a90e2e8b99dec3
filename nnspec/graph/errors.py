"""The error of everything about graphs."""

from __future__ import annotations


class GraphError(Exception):
    """A graph is put together wrongly: a defect of the compiler, not of a spec. Names operator, operands and origin."""


class OpsetError(GraphError):
    """The graph needs another opset than the one it is written in. Names operator and origin."""
