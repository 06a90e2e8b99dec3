"""The `require` section: what must be true of the model; where it is not, the actual number and what weighs most."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Sequence
from math import prod
from typing import Any

from nnspec.diagnostics.errors import Fault
from nnspec.ir.arithmetic import describe, is_number
from nnspec.ir.dims import Dim, product, substitute, symbols
from nnspec.ir.records import ParameterRecord, Poison, Record, Tensor
from nnspec.ir.statements import Statements
from nnspec.ir.wording import suggestion
from nnspec.language import syntax
from nnspec.language.spelling import spelled

UNMET = "E501"

COMPARE = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
COUNT_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
BYTE_UNITS = {"": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}
BYTES = {
    "float64": 8,
    "int64": 8,
    "float32": 4,
    "int32": 4,
    "float16": 2,
    "bfloat16": 2,
    "uint8": 1,
    "bool": 1,
    "string": 8,
}
SUBJECTS = {"params": COUNT_UNITS, "macs": COUNT_UNITS, "size": BYTE_UNITS, "activation_memory": BYTE_UNITS}


SAID = {
    **dict.fromkeys(("parameters", "weights", "num_params", "param_count"), "did you mean params?"),
    **dict.fromkeys(("flops", "flop", "FLOPs", "gflops"), "did you mean macs? One is a multiplication and an addition"),
    **dict.fromkeys(("memory", "ram", "vram", "activations"), "did you mean activation_memory?"),
    **dict.fromkeys(("accuracy", "loss", "latency"), "that is known after training; require is held before it"),
}
"""By what somebody may want to require, what to say."""


class Requirements:
    """Holds the lines of the require section against the elaborated model."""

    def __init__(self, statements: Statements, env: Any, parameters: Sequence[ParameterRecord]) -> None:
        self.statements = statements
        self.record: Record = statements.record
        self.env = env
        self.parameters = parameters

    def check(self, section: syntax.Section) -> None:
        for entry in section.entries:
            try:
                if isinstance(entry, syntax.Comparison):
                    self._comparison(entry)
                elif isinstance(entry, syntax.Signature):
                    self._signature(entry)
            except Fault as fault:
                self.record.report(fault, entry.span)

    def _comparison(self, entry: syntax.Comparison) -> None:
        subject = entry.left.name
        if subject not in SUBJECTS:
            help = SAID.get(subject) or suggestion(subject, SUBJECTS, "it compares")
            raise Fault("E401", f"require knows no {subject}", help=help)
        limit = self.statements.expressions.decided(self.env, entry.right, "a requirement")
        if isinstance(limit, Poison):
            return
        if not is_number(limit) or entry.unit not in SUBJECTS[subject]:
            units = ", ".join(filter(None, SUBJECTS[subject]))
            raise Fault(
                "E410",
                f"{subject} is compared with a number, alone or in {units}, not {describe(limit)} {entry.unit}".strip(),
            )
        wanted = limit * SUBJECTS[subject][entry.unit]
        weights = self._weights(subject)
        actual = sum(weights.values())
        if not COMPARE[entry.operator](actual, wanted):
            heaviest = ", ".join(f"{name} {_grouped(count)}" for name, count in weights.most_common(3) if count)
            unit = " bytes" if SUBJECTS[subject] is BYTE_UNITS else ""
            raise Fault(
                UNMET,
                f"{subject} is {_grouped(actual)}{unit}, and {subject} {entry.operator} {_grouped(wanted)} is required",
                help=f"most is in {heaviest}" if heaviest else "",
            )

    def _weights(self, subject: str) -> Counter[str]:
        """The subject by layer, for one row."""
        if subject in ("params", "size"):
            found: Counter[str] = Counter()
            for path, own in {p.path: p for p in self.parameters}.items():
                if subject == "size" or own.spec.trainable:
                    found[path] += prod(own.spec.shape) * (BYTES[own.spec.dtype] if subject == "size" else 1)
            return found
        if subject == "macs":
            return self._by_node(subject, lambda node: node.macs)
        return self._by_node(
            subject, lambda node: sum((product(t.type.shape) * BYTES[t.type.dtype] for t in node.outputs), start=0)
        )

    def _by_node(self, subject: str, weight: Any) -> Counter[str]:
        found: Counter[str] = Counter()
        for node in self.record.nodes:
            found[node.entity.path or node.operator.name] += self._for_one_row(subject, weight(node))
        return found

    def _for_one_row(self, subject: str, amount: Dim) -> int:
        batch = {str(t.type.shape[0]) for t in self.env.inputs if t.type.shape}
        known = substitute(amount, dict.fromkeys(symbols(amount) & batch, 1))
        if isinstance(known, int):
            return known
        free = ", ".join(sorted(symbols(known)))
        raise Fault(
            "E410",
            f"{subject} depends on the symbolic size {free}",
            help="only the number of rows may be free; declare the others with numbers",
        )

    def _signature(self, entry: syntax.Signature) -> None:
        name = entry.name.name
        found = self._value(entry)
        wanted = self.statements.declared.type(self.env, entry.type)
        if isinstance(found, Poison) or isinstance(wanted, Poison):
            return
        if found.type != wanted:
            raise Fault(UNMET, f"{name} is {found.type}, and {wanted} is required")

    def _value(self, entry: syntax.Signature) -> Tensor | Poison:
        name = entry.name.name
        outputs = {key: value for key, value, _ in self.env.outputs}
        inputs = {tensor.name: tensor for tensor in self.env.inputs}
        known = {"output": outputs, "input": inputs, "value": self.env.values}[entry.role]
        found = known.get(name)
        if not isinstance(found, (Tensor, Poison)):
            own = [key for key, value in known.items() if isinstance(value, Tensor)]
            help = suggestion(name, own, f"its {entry.role}s are")
            raise Fault("E204", f"the model has no {entry.role} {name}", help=help)
        return found


def written(entry: syntax.Comparison | syntax.Signature) -> str:
    """A line of the section in one layout: `params <= 1_000`, `output probability: float32[N, 3]`."""
    if isinstance(entry, syntax.Comparison):
        limit = spelled(entry.right)
        if isinstance(entry.right, syntax.Literal) and isinstance(entry.right.value, int):
            limit = f"{entry.right.value:_}"
        return f"{entry.left.name} {entry.operator} {limit} {entry.unit}".strip()
    dims = entry.type.dims
    shape = f"[{', '.join(spelled(dim) for dim in dims)}]" if dims is not None else ""
    role = "" if entry.role == "value" else f"{entry.role} "
    return f"{role}{entry.name.name}: {entry.type.dtype.name if entry.type.dtype else ''}{shape}"


def _grouped(number: Any) -> str:
    """A number as the language writes it: 1_000."""
    return f"{number:_}" if isinstance(number, int) and number < 2**128 else describe(number)
