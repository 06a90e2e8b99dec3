"""The registry of typing rules, and the view of an operator that a rule sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from nnspec.ir.types import TensorType, axis_of

if TYPE_CHECKING:
    from nnspec.graph.graph import Value

Results = TensorType | tuple[TensorType, ...]


class Underdetermined(ValueError):
    """The result depends on the content of an operand that is not known when the graph is built; `type=` states it."""


class Call(NamedTuple):
    """One application of an operator, before it has a result."""

    op_type: str
    operands: tuple[Value | None, ...]
    attributes: Mapping[str, Any]
    outputs: int

    def has(self, index: int) -> bool:
        """Whether the optional operand `index` is given."""
        return index < len(self.operands) and self.operands[index] is not None

    def value(self, index: int) -> Value:
        operand = self.operands[index] if index < len(self.operands) else None
        if operand is None:
            raise ValueError(f"operand {index} is missing")
        return operand

    def type(self, index: int) -> TensorType:
        return self.value(index).type

    def types(self) -> list[TensorType]:
        """Types of the operands that are given."""
        return [operand.type for operand in self.operands if operand is not None]

    def integer(self, name: str, default: int) -> int:
        return int(self.attributes.get(name, default))

    def integers(self, name: str) -> tuple[int, ...]:
        """A list attribute; empty where it is not given."""
        return tuple(int(n) for n in self.attributes.get(name, ()))

    def axis(self, default: int, operand: int = 0) -> int:
        """The attribute `axis`, counted from the front of an operand."""
        return axis_of(self.type(operand), self.integer("axis", default))

    def content(self, index: int) -> tuple[int, ...]:
        """The integers in a constant operand, such as a target shape."""
        constant = self.value(index).constant
        if constant is None:
            raise Underdetermined(f"operand {index} is not a constant; state the result with type=")
        return tuple(int(n) for n in constant.reshape(-1))


Rule = Callable[[Call], Results]
R = TypeVar("R", bound=Rule)
_RULES: dict[str, Rule] = {}


def typed(*op_types: str) -> Callable[[R], R]:
    """Function decorator: the typing rule of these operators."""

    def add(rule: R) -> R:
        for op_type in op_types:
            if op_type in _RULES:
                raise ValueError(f"two typing rules for {op_type}")
            _RULES[op_type] = rule
        return rule

    return add


def operators() -> tuple[str, ...]:
    """The operators that graphs can hold."""
    return tuple(sorted(_RULES))


def infer(
    op_type: str, operands: Sequence[Value | None], attributes: Mapping[str, Any], outputs: int
) -> tuple[TensorType, ...]:
    """Types of the results. Raises ValueError or a Fault that says what does not fit, Underdetermined where content
    decides."""
    if op_type not in _RULES:
        raise ValueError(f"{op_type} has no typing rule; add one with @typed({op_type!r}) in nnspec/graph/typing/")
    results = _RULES[op_type](Call(op_type, tuple(operands), attributes, outputs))
    types = (results,) if isinstance(results, TensorType) else results
    if len(types) != outputs:
        raise ValueError(f"{op_type} has {len(types)} results, {outputs} are asked for")
    return types


def same_dtype(types: Sequence[TensorType]) -> str:
    """The one dtype of all operands."""
    dtypes = {type.dtype for type in types}
    if len(dtypes) != 1:
        raise ValueError(f"operands of different dtypes: {', '.join(str(type) for type in types)}")
    return dtypes.pop()
