"""From parsed files to the validated specification: the one entry to elaboration."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from nnspec.diagnostics.errors import Diagnostic, Fault
from nnspec.diagnostics.span import Span
from nnspec.ir.advising import advise
from nnspec.ir.allowed import allowed
from nnspec.ir.data_section import DataReader, rows_left_out
from nnspec.ir.naming import Scope
from nnspec.ir.outline import Outline
from nnspec.ir.project import Project
from nnspec.ir.recipes import recipe
from nnspec.ir.records import POISON, Environment, NodeRecord, ParameterRecord, Poison, Record, Registries, Stop, Tensor
from nnspec.ir.requirements import UNMET, Requirements, written
from nnspec.ir.section_records import DataRecord, TrainRecord
from nnspec.ir.sections import Settings, read_export
from nnspec.ir.settings import bind_settings
from nnspec.ir.statements import Statements
from nnspec.ir.train_section import TrainReader, read_targets
from nnspec.language import syntax
from nnspec.language.collection import without_collection


@dataclass(eq=False, slots=True)
class Analysis:
    """A spec in which nothing is wrong, ready to become the IR."""

    name: str
    path: str
    files: dict[str, str]
    settings: dict[str, Any]
    inputs: list[Tensor]
    nodes: list[NodeRecord]
    parameters: dict[str, ParameterRecord]
    """By path; shared ones once."""
    outputs: list[tuple[str, Tensor, Span]]
    data: DataRecord | None
    train: TrainRecord | None
    export: tuple[Any, Span] | None
    requirements: tuple[str, ...]
    unmet: list[Diagnostic]
    """Requirements that do not hold. They stop check, compile and train, but not who loads the spec to work on it."""
    warnings: list[Diagnostic]


def elaborate(
    project: Project, registries: Registries, settings: Mapping[str, Any]
) -> tuple[Analysis | None, list[Diagnostic]]:
    """What the spec says, and everything that is wrong with it, warnings included.

    The first is None for a library of blocks, and where more is wrong than a requirement that does not hold.
    """
    elaborator = _Elaborator(project, registries)
    result = None
    with suppress(Stop), without_collection():
        result = elaborator.run(settings)
    found = [*project.diagnostics, *elaborator.record.diagnostics]
    broken = any(finding.code != UNMET for finding in found)
    warnings = [finding for finding in elaborator.record.warnings if not allowed(finding, project.files)]
    if result is not None:
        result.warnings = warnings
    return (None if broken else result), [*found, *warnings]


@dataclass(eq=False, slots=True)
class Survey:
    """What is known of a file, be it right or wrong, for editors."""

    record: Record
    env: Environment | None
    """The names of the model at its end."""
    found: list[Diagnostic]


def survey(project: Project, registries: Registries, settings: Mapping[str, Any]) -> Survey:
    """Everything that elaboration saw, up to where it stopped."""
    elaborator = _Elaborator(project, registries)
    with suppress(Stop), without_collection():
        elaborator.run(settings)
    record = elaborator.record
    warnings = [finding for finding in record.warnings if not allowed(finding, project.files)]
    return Survey(record, elaborator.env, [*project.diagnostics, *record.diagnostics, *warnings])


INPUTS = recipe("Input")
"""What is said to somebody who calls for an input instead of declaring it: then that none is declared is no news."""


class _Elaborator:
    def __init__(self, project: Project, registries: Registries) -> None:
        self.project = project
        self.record = Record(registries)
        self.record.torn = any(found.code == "E102" and "{" in found.message for found in project.diagnostics)
        self.outline = Outline(project, self.record)
        self.statements = Statements(self.record)
        self.env: Environment | None = None
        """The names of the model, once it is read."""

    def run(self, settings: Mapping[str, Any]) -> Analysis | None:
        self.outline.check()
        result = self._model(self.outline.models[0], settings) if self.outline.models else None
        self._rehearse_unused_blocks()
        return result

    def _rehearse_unused_blocks(self) -> None:
        kept = self.record.nodes, self.record.parameters
        self.record.nodes, self.record.parameters = [], []
        for definition in self.outline.blocks:
            block = self.project.blocks[definition.name.name]
            if block.definition is definition and id(definition) not in self.record.called:
                self.statements.blocks.rehearse(block)
        self.record.nodes, self.record.parameters = kept

    # The model

    def _model(self, model: syntax.Definition, settings: Mapping[str, Any]) -> Analysis:
        env = self.env = Environment(self.project.blocks, Scope("model"), lost=set(self.project.lost))
        bind_settings(self.statements.expressions, env, model, settings)
        declared = self.statements.declared
        top, rest = declared.split(model.body)
        for statement in top:
            if isinstance(statement, syntax.Input):
                self._input(env, statement)
            else:
                self.statements.body(env, [statement])
        lost = not env.inputs or any(value is POISON for value in env.values.values())
        env.current = POISON if lost else env.inputs[0] if len(env.inputs) == 1 else None
        self.statements.body(env, rest)
        self._check_inputs(model, env)
        self._check_outputs(model, env)
        return self._finish(model, env)

    def _input(self, env: Environment, statement: syntax.Input) -> None:
        name, stated = statement.name, statement.type
        if name.name in env.fixed or isinstance(env.values.get(name.name), Tensor):
            what = env.fixed.get(name.name, "an input")
            self.record.report(Fault("E210", f"{name.name} is {what} already"), name.span)
            return
        if stated is None or stated.dtype is None or stated.dims is None:
            fault = Fault(
                "E215",
                f"the input {name.name} of a model needs a dtype and a shape",
                help=f"input {name.name}: float32[N, 4]",
            )
            env.values[name.name] = self.record.report(fault, name.span)
            return
        type = self.statements.declared.type(env, stated)
        section = self.outline.sections.get("data")
        if not isinstance(type, Poison) and (left_out := rows_left_out(section, name.name, type)):
            type = self.record.report(left_out, stated.span)
        if isinstance(type, Poison):
            env.values[name.name] = type
            return
        env.values[name.name] = Tensor(type, name.span, "input", name.name)
        env.inputs.append(env.values[name.name])
        self.statements.declared.bind_symbols(env, type)

    def _check_inputs(self, model: syntax.Definition, env: Environment) -> None:
        inputs = any(isinstance(statement, (syntax.Input, syntax.Broken)) for statement in model.body)
        if not inputs and not any(found.help == INPUTS for found in self.record.diagnostics):
            fault = Fault("E220", f"model {model.name.name} has no input", help="input x: float32[N, 4]")
            self.record.report(fault, model.name.span)

    def _check_outputs(self, model: syntax.Definition, env: Environment) -> None:
        """Outputs have names, and not those of inputs; without any, the last value is the output."""
        inputs = {tensor.name for tensor in env.inputs}
        for name, value, span in env.outputs:
            if isinstance(value, Poison):
                continue
            if not name:
                self.record.report(Fault("E220", "an output of a model has a name", help="output name = …"), span)
            elif name in inputs:
                fault = Fault("E210", f"{name} is an input already", help="give the output a name of its own")
                self.record.report(fault, span)
        if env.outputs or isinstance(env.current, Poison):
            return
        if env.current is not None and env.current not in env.inputs:
            env.outputs.append(("output", env.current, env.current.span))
        elif env.inputs and not any(isinstance(statement, syntax.Broken) for statement in model.body):
            fault = Fault("E220", f"model {model.name.name} has no output", help="output name = … makes one")
            if self.record.idle:
                fault.help = f"the loop in line {self.record.idle[0].line} ran zero times, and made nothing"
            self.record.report(fault, model.name.span)

    # The result

    def _finish(self, model: syntax.Definition, env: Environment) -> Analysis:
        parameters = self._parameters()
        settings = {
            keyword: Settings(self.statements.expressions, env, section)
            for keyword, section in self.outline.sections.items()
            if keyword != "require"
        }
        training = settings.get("train")
        targets = read_targets(training, self.statements.declared) if training else {}
        train = TrainReader(training, targets, parameters, settings.get("data")).read() if training else None
        data = DataReader(settings["data"], targets).read() if "data" in settings else None
        export = read_export(settings["export"]) if "export" in settings else None
        self._check_requirements(env)
        self._warn(env, train)
        return Analysis(
            model.name.name,
            self.project.main.path,
            self.project.files,
            {p.name.name: env.values[p.name.name] for p in model.parameters},
            env.inputs,
            self.record.nodes,
            parameters,
            [(name, value, span) for name, value, span in env.outputs if isinstance(value, Tensor)],
            data,
            train,
            (export.component, settings["export"].section.span) if export else None,
            self._requirement_lines(),
            [finding for finding in self.record.diagnostics if finding.code == UNMET],
            [],
        )

    def _parameters(self) -> dict[str, ParameterRecord]:
        """The parameters by path; equal paths are one where an instance is used again, and an error elsewhere."""
        found: dict[str, ParameterRecord] = {}
        for own in self.record.parameters:
            first = found.setdefault(own.path, own)
            if first is own:
                continue
            if not _same_in_another_use(first, own):
                fault = Fault(
                    "E221",
                    f"two parameters have the path {own.path}; the other is in line {first.span.line}",
                    help="give one of the statements another name",
                )
                self.record.report(fault, own.span)
            elif first.spec.shape != own.spec.shape or first.spec.dtype != own.spec.dtype:
                uses = f"{list(first.spec.shape)} in the first use, and {list(own.spec.shape)} here"
                self.record.report(Fault("E216", f"{own.path} is {uses}"), own.span)
        return found

    def _check_requirements(self, env: Environment) -> None:
        """Hold the require section against the model, if nothing else is wrong with it."""
        section = self.outline.sections.get("require")
        if section and not self.record.diagnostics and not self.project.broken:
            Requirements(self.statements, env, self.record.parameters).check(section)

    def _warn(self, env: Environment, train: TrainRecord | None) -> None:
        """Say what is legal and looks like a mistake, where nothing is wrong."""
        sections = self.outline.sections
        if self.record.diagnostics or self.project.broken:
            return
        required = sections["require"].entries if "require" in sections else []
        names = [entry.name.name for entry in required if isinstance(entry, syntax.Signature)]
        advise(self.record, self.project.main, env, train, sections.get("train"), names)

    def _requirement_lines(self) -> tuple[str, ...]:
        section = self.outline.sections.get("require")
        entries = section.entries if section else []
        return tuple(written(entry) for entry in entries if isinstance(entry, (syntax.Comparison, syntax.Signature)))


def _same_in_another_use(first: ParameterRecord, other: ParameterRecord) -> bool:
    """Whether two records of one path come from two uses of one instance."""
    return first.uses != other.uses and [place for place, _ in first.uses] == [place for place, _ in other.uses]
