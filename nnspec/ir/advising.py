"""What is said of a spec in which nothing is wrong: every warning that looks at the whole of it."""

from __future__ import annotations

from collections.abc import Sequence

from nnspec.ir.habits import (
    warn_of_class_counts,
    warn_of_dropped_outputs,
    warn_of_needless_biases,
    warn_of_rates,
    warn_of_squashed_logits,
)
from nnspec.ir.records import Environment, Record, Tensor
from nnspec.ir.section_records import TrainRecord
from nnspec.ir.unused import warn_of_untrained_outputs, warn_of_unused_names, warn_of_unused_values
from nnspec.language import syntax


def advise(
    record: Record,
    file: syntax.File,
    env: Environment,
    train: TrainRecord | None,
    section: syntax.Section | None,
    required: Sequence[str],
) -> None:
    """Warn of what looks like a mistake; `required` are the values that the require section names."""
    nodes = [*record.nodes, *(train.nodes if train else ())]
    makers = {tensor: node for node in nodes for tensor in node.outputs}
    kept = {value for _, value, _ in env.outputs if isinstance(value, Tensor)}
    if train:
        kept |= {tensor for node in train.nodes for tensor in node.inputs}
    warn_of_unused_names(record, file)
    warn_of_unused_values(record, env, train, required)
    warn_of_needless_biases(record, kept)
    if train and section:
        warn_of_dropped_outputs(record, env, train, makers)
        warn_of_squashed_logits(record, env, train, makers, section)
        warn_of_class_counts(record, train)
        warn_of_rates(record, train, section)
        warn_of_untrained_outputs(record, env, train, makers)
