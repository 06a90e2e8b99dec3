"""`--set name=value`: parameters of the model from the command line."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnspec.ir.spec import Spec

WORDS = {"true": True, "false": False, "none": None}


def declare(command: argparse.ArgumentParser) -> None:
    """Add `--set` and `--root`."""
    command.add_argument(
        "--set",
        action="append",
        default=[],
        type=setting,
        metavar="NAME=VALUE",
        help="a parameter of the model, such as hidden=32; may be given again",
    )
    command.add_argument(
        "--root", metavar="DIR", help="the folder that files of `use` must lie in; by default that of the spec"
    )


def declare_rename(command: argparse.ArgumentParser) -> None:
    """Add `--rename`, which goes with `--weights`."""
    command.add_argument(
        "--rename", metavar="TABLE", help="a file with a rename table, from the names in --weights to those of the spec"
    )


def weights(options: argparse.Namespace) -> Any:
    """What `--weights` and `--rename` name together, None without both. Raises E610 for a table without weights."""
    if not options.rename:
        return options.weights
    from nnspec.compiler.weights import Foreign
    from nnspec.diagnostics.errors import Fault

    if options.weights is None:
        raise Fault(
            "E610", "--rename goes with --weights", help="--weights FILE names the weights that have other names"
        )
    return Foreign(options.weights, options.rename)


def load_fitting(options: argparse.Namespace, *, required: bool = True) -> Spec:
    """The spec of a command, with the settings that its weights are for: those of a run, or those in the `config.json`
    beside weights with a rename table; `--set` goes over both."""
    from nnspec.compiler.weights import Foreign, find_weights, read_settings
    from nnspec.diagnostics.errors import SpecError

    known = read_settings(options.weights)
    given = weights(options)
    if isinstance(given, Foreign):
        from nnspec.compiler.foreign_config import read_config
        from nnspec.compiler.rename_file import rename_table

        config = read_config(find_weights(given.file), rename_table(given.rename))
        there = load_spec(options, required=False).settings
        known |= {name: value for name, value in (config.settings if config else {}).items() if name in there}
    try:
        return load_spec(options, known, required=required)
    except SpecError:
        _require_settings(options, known)
        raise


def _require_settings(options: argparse.Namespace, known: Mapping[str, Any]) -> None:
    """Raise E702 where a run was trained with parameters that the model of the spec does not have."""
    from nnspec.diagnostics.errors import Fault

    there = load_spec(options, required=False).settings if known else {}
    strange = [name for name in known if name not in there]
    if strange:
        given = Path(options.weights)
        run = given if given.is_dir() else given.parent
        what = f"{options.spec} has no {'parameter' if len(strange) == 1 else 'parameters'} {', '.join(strange)}"
        raise Fault(
            "E702",
            f"{options.weights} is a run of another model: {what}",
            help=f"the spec of the run is {run / 'spec.nn'}",
        )


def setting(text: str) -> tuple[str, Any]:
    """Name and value of one `--set`."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name.strip(), literal(value.strip())


def literal(text: str) -> Any:
    """A number, true, false, none, a list of these, or a string, with or without quotes."""
    if text in WORDS:
        return WORDS[text]
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    if text.startswith("[") and text.endswith("]"):
        inner = text[1:-1].strip()
        return tuple(literal(item.strip()) for item in inner.split(",")) if inner else ()
    for number in (int, float):
        try:
            return number(text) if text.lower() not in ("inf", "nan", "infinity", "-inf") else text
        except ValueError:
            continue
    return text


def load_spec(options: argparse.Namespace, known: Mapping[str, Any] | None = None, *, required: bool = True) -> Spec:
    """The spec that a command names, with `--set` over the settings that are `known` already.

    Raises SpecError, and where it is `required` also for a line of the require section that does not hold.
    """
    from nnspec.api import RequirementWarning, load
    from nnspec.diagnostics.errors import SpecError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RequirementWarning)
        spec = load(options.spec, set={**(known or {}), **dict(options.set)}, root=options.root)
    if required and spec.unmet:
        raise SpecError(spec.unmet)
    return spec
