"""From parsed files to the validated specification: the one entry to elaboration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from nnspec.diagnostics.errors import Diagnostic, Fault
from nnspec.diagnostics.span import Span
from nnspec.ir import limits
from nnspec.ir.naming import Scope
from nnspec.ir.project import Project
from nnspec.ir.records import (
    POISON,
    Block,
    DataRecord,
    Environment,
    NodeRecord,
    ParameterRecord,
    Poison,
    Record,
    Registries,
    Tensor,
    TrainRecord,
)
from nnspec.ir.requirements import Requirements
from nnspec.ir.sections import Sections
from nnspec.ir.statements import Statements, check_kind
from nnspec.language import syntax


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
    outputs: list[tuple[str, Tensor]]
    data: DataRecord | None
    train: TrainRecord | None
    export: tuple[Any, Span] | None
    requirements: tuple[str, ...]


def elaborate(
    project: Project, registries: Registries, settings: Mapping[str, Any]
) -> tuple[Analysis | None, list[Diagnostic]]:
    """What the spec says, or None with everything that is wrong. A library of blocks gives None and no findings."""
    elaborator = _Elaborator(project, registries)
    try:
        result = elaborator.run(settings)
    except limits.TooLarge:
        result = None
    found = [*project.diagnostics, *elaborator.record.diagnostics]
    return (None if found else result), found


class _Elaborator:
    def __init__(self, project: Project, registries: Registries) -> None:
        self.project = project
        self.record = Record(registries)
        self.statements = Statements(self.record)

    def run(self, settings: Mapping[str, Any]) -> Analysis | None:
        self._check_names()
        models = [d for d in self.project.main.definitions if d.keyword == "model"]
        sections = self._sections()
        for extra in models[1:]:
            self.record.report(
                Fault(
                    "E306",
                    f"a file has one model, and {models[0].name.name} stands in line {models[0].span.line}",
                    help="make it a block, or move it to a file of its own",
                ),
                extra.name.span,
            )
        if not models:
            self._check_library(sections)
            return None
        env = self._model(models[0], settings)
        self._check_unused_blocks()
        return self._finish(models[0], env, sections)

    # The file

    def _check_names(self) -> None:
        """Blocks and layers are one name space."""
        layers = self.record.registries["layer"]
        for definition in self.project.main.definitions:
            if definition.keyword == "block" and definition.name.name in layers:
                self.record.report(
                    Fault(
                        "E210",
                        f"there is a layer {definition.name.name} in the library",
                        help="give the block another name",
                    ),
                    definition.name.span,
                )

    def _sections(self) -> dict[str, syntax.Section]:
        found: dict[str, syntax.Section] = {}
        for section in self.project.main.sections:
            if section.keyword in found:
                self.record.report(
                    Fault(
                        "E306",
                        f"there is a section {section.keyword} already, in line {found[section.keyword].span.line}",
                    ),
                    section.span,
                )
            self._check_keys(section)
            found.setdefault(section.keyword, section)
        return found

    def _check_keys(self, section: syntax.Section) -> None:
        seen: dict[str, int] = {}
        for entry in section.entries:
            name = (
                entry.key
                if isinstance(entry, syntax.Setting)
                else entry.name
                if isinstance(entry, syntax.Target)
                else None
            )
            if name is None:
                continue
            if name.name in seen and section.keyword != "train" and isinstance(entry, syntax.Setting):
                self.record.report(Fault("E210", f"{name.name} is set already, in line {seen[name.name]}"), name.span)
                section.entries = [e for e in section.entries if e is not entry]
            seen.setdefault(name.name, name.span.line)

    def _check_library(self, sections: dict[str, syntax.Section]) -> None:
        if self.project.broken:
            return
        for section in sections.values():
            self.record.report(
                Fault("E220", f"the section {section.keyword} stands in a file without a model"), section.span
            )
        if not self.project.main.definitions and not sections:
            self.record.report(
                Fault(
                    "E220",
                    "there is neither a model nor a block in this file",
                    help="model name { input x: float32[N, 4] … }",
                ),
                None,
            )
        self._check_unused_blocks()

    def _check_unused_blocks(self) -> None:
        """Check what can be checked of a block that nothing calls: names and options, with inputs of unknown shape."""
        own = [d for d in self.project.main.definitions if d.keyword == "block" and id(d) not in self.record.called]
        for definition in own:
            block = self.project.blocks[definition.name.name]
            if block.definition is definition:
                self._dry_run(block)

    def _dry_run(self, block: Block) -> None:
        env = Environment(block.blocks, Scope("dry"), incomplete=self.project.broken)
        for parameter in block.definition.parameters:
            env.values[parameter.name.name] = (
                self.statements.expressions.evaluate(env, parameter.default) if parameter.default else POISON
            )
            env.fixed[parameter.name.name] = "a parameter"
        declared = [s for s in block.definition.body if isinstance(s, syntax.Input)]
        for statement in declared:
            env.values[statement.name.name] = POISON
            for dim in statement.type.dims or [] if statement.type else []:
                for name in _names(dim):
                    env.values.setdefault(name, POISON)
        env.current = POISON
        nodes, parameters = self.record.nodes, self.record.parameters
        self.record.nodes, self.record.parameters = [], []
        self.statements.body(env, [s for s in block.definition.body if not isinstance(s, syntax.Input)])
        self.record.nodes, self.record.parameters = nodes, parameters

    # The model

    def _model(self, model: syntax.Definition, settings: Mapping[str, Any]) -> Environment:
        env = Environment(self.project.blocks, Scope("model"), incomplete=self.project.broken and not model.body)
        self._settings(env, model, settings)
        for statement in [s for s in model.body if isinstance(s, syntax.Input)]:
            self._input(env, statement)
        env.current = env.inputs[0] if len(env.inputs) == 1 else None
        if any(value is POISON for value in env.values.values()):
            env.current = POISON
        rest = [s for s in model.body if not isinstance(s, syntax.Input)]
        self.statements.body(env, rest)
        if not env.inputs and not self.project.broken and not self.record.diagnostics:
            self.record.report(
                Fault("E220", f"model {model.name.name} has no input", help="input x: float32[N, 4]"), model.name.span
            )
        return env

    def _settings(self, env: Environment, model: syntax.Definition, settings: Mapping[str, Any]) -> None:
        known = [parameter.name.name for parameter in model.parameters]
        for name in settings:
            if name not in known:
                close = get_close_matches(name, known, n=1, cutoff=0.5)
                own = ", ".join(known) or "none"
                self.record.report(
                    Fault(
                        "E307",
                        f"model {model.name.name} has no parameter {name}",
                        help=f"did you mean {close[0]}?" if close else f"its parameters are {own}",
                    ),
                    model.name.span,
                )
        for parameter in model.parameters:
            name = parameter.name.name
            default = self.statements.expressions.evaluate(env, parameter.default) if parameter.default else POISON
            value = settings.get(name, default)
            if parameter.default is None and name not in settings:
                self.record.report(
                    Fault(
                        "E206",
                        f"the parameter {name} has no default and is not set",
                        help=f"--set {name}=…, or {name} = … here",
                    ),
                    parameter.name.span,
                )
            try:
                check_kind(name, value, default)
            except Fault as fault:
                value = self.record.report(Fault("E307", fault.message, fault.help), parameter.name.span)
            env.values[name] = tuple(value) if isinstance(value, list) else value
            env.fixed[name] = "a parameter"

    def _input(self, env: Environment, statement: syntax.Input) -> None:
        name = statement.name.name
        if name in env.values:
            self.record.report(
                Fault("E210", f"{name} is {env.fixed.get(name, 'an input')} already"), statement.name.span
            )
            return
        if statement.type is None or statement.type.dims is None:
            env.values[name] = self.record.report(
                Fault(
                    "E215",
                    f"the input {name} of a model needs a dtype and a shape",
                    help=f"input {name}: float32[N, 4]",
                ),
                statement.name.span,
            )
            return
        type = self.statements.declared_type(env, statement.type)
        if isinstance(type, Poison):
            env.values[name] = POISON
            return
        tensor = Tensor(type, statement.name.span, "input", name)
        env.values[name] = tensor
        env.inputs.append(tensor)

    # The result

    def _finish(
        self, model: syntax.Definition, env: Environment, sections: dict[str, syntax.Section]
    ) -> Analysis | None:
        outputs = self._outputs(model, env)
        parameters = self._parameters()
        parts = Sections(self.statements, env)
        targets = parts.targets(sections["train"]) if "train" in sections else {}
        train = parts.train(sections["train"], targets) if "train" in sections else None
        data = parts.data(sections["data"], targets) if "data" in sections else None
        export = parts.export(sections["export"]) if "export" in sections else None
        sound = not self.record.diagnostics and not self.project.broken
        if "require" in sections and sound:
            Requirements(self.statements, env, self.record.parameters).check(sections["require"])
        return Analysis(
            model.name.name,
            self.project.main.path,
            self.project.files,
            {p.name.name: env.values[p.name.name] for p in model.parameters},
            env.inputs,
            self.record.nodes,
            parameters,
            outputs,
            data,
            train,
            (export.component, sections["export"].span) if export else None,
            self._requirement_lines(sections),
        )

    def _parameters(self) -> dict[str, ParameterRecord]:
        """The parameters by path; equal paths are one where an instance is used again, and an error elsewhere."""
        found: dict[str, ParameterRecord] = {}
        for own in self.record.parameters:
            first = found.setdefault(own.path, own)
            if first is own:
                continue
            if own.shared is None or first.shared is not own.shared or first.use == own.use:
                fault = Fault(
                    "E221",
                    f"two parameters have the path {own.path}; the other is in line {first.span.line}",
                    help="give one of the statements another name",
                )
                self.record.report(fault, own.span)
            elif first.spec.shape != own.spec.shape:
                uses = (
                    f"{list(first.spec.shape)} from the first use of {own.shared.name}, and {list(own.spec.shape)} here"
                )
                self.record.report(Fault("E216", f"{own.path} is {uses}"), own.span)
        return found

    def _outputs(self, model: syntax.Definition, env: Environment) -> list[tuple[str, Tensor]]:
        found = []
        for name, value, span in env.outputs:
            if not name:
                self.record.report(Fault("E220", "an output of a model has a name", help="output name = …"), span)
            if isinstance(value, Tensor):
                found.append((name, value))
        if not env.outputs and isinstance(env.current, Tensor) and env.current not in env.inputs:
            found.append(("output", env.current))
        elif not env.outputs and not isinstance(env.current, Poison) and env.inputs and not self.record.diagnostics:
            self.record.report(
                Fault("E220", f"model {model.name.name} has no output", help="output name = … makes one"),
                model.name.span,
            )
        return found

    def _requirement_lines(self, sections: dict[str, syntax.Section]) -> tuple[str, ...]:
        if "require" not in sections:
            return ()
        lines = self.project.files[self.project.main.path].splitlines()
        return tuple(lines[entry.span.line - 1].strip() for entry in sections["require"].entries)


def _names(expr: syntax.Expr) -> set[str]:
    match expr:
        case syntax.Name(name=name):
            return {name}
        case syntax.Binary(left=left, right=right):
            return _names(left) | _names(right)
    return set()
