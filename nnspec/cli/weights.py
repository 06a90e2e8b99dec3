"""`nnspec weights FILE`: the tensors of a file, where a rename table and a spec take them, and the file under other
names."""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnspec.cli import settings
from nnspec.cli.config import WrongUsage
from nnspec.diagnostics.errors import Fault

if TYPE_CHECKING:
    from nnspec.compiler.account import Account, Landing
    from nnspec.ir.renaming import Table
    from nnspec.runtime.tensor_file import Tensor


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE|RUN", help=FILE)
    command.add_argument("--rename", metavar="TABLE", help="a TOML or JSON file with a rename table")
    command.add_argument("--reverse", action="store_true", help="go through the table from its right to its left side")
    command.add_argument("--spec", metavar="SPEC", help="say which parameter each tensor is, and what does not fit")
    command.add_argument("--to", metavar="FILE", help="write the tensors under their new names, as safetensors")
    command.add_argument("--format", choices=("text", "json"), default="text", help="text by default")
    command.add_argument("--json", action="store_const", const="json", dest="format", help="the same as --format json")
    settings.declare(command)
    command.set_defaults(run=run)


FILE = """safetensors; the index of a set of such files (model.safetensors.index.json); a folder that has one of these;
or a run directory"""


def run(options: argparse.Namespace) -> int:
    from nnspec.compiler.account import account
    from nnspec.compiler.rename_file import rename_table
    from nnspec.compiler.weight_files import require_path
    from nnspec.compiler.weights import find_weights
    from nnspec.runtime.tensor_file import list_tensors

    if options.reverse and (options.spec or not options.rename):
        raise WrongUsage("--reverse goes with --rename, and without --spec")
    if (options.set or options.root) and not options.spec:
        raise WrongUsage("--set and --root go with --spec")
    path = find_weights(options.file)
    if options.to:
        require_path(options.to, options.file)
    table = rename_table(options.rename or ())
    listed = list_tensors(path / "weights.safetensors" if path.is_dir() else path)
    tensors = {name: listed[name] for name in sorted(listed, key=_by_number)}
    if options.reverse:
        return _reversed(options, table, tensors)
    spec = None
    if options.spec:
        options.weights = options.file
        spec = settings.load_fitting(options, required=False)
    found = account(tensors, table, spec, path)
    if options.format == "json":
        print(json.dumps(_record(options.file, found, spec is not None, bool(options.rename)), indent=2))
    else:
        _print(options, found, None if spec is None else spec.name)
    if found.fault:
        raise found.fault
    if options.to:
        _write(options)
    return 0


def _write(options: argparse.Namespace) -> None:
    from nnspec.compiler.weight_files import load_weights, save_weights, write_weights

    if options.reverse:
        save_weights(options.to, options.file, rename=options.rename)
    else:
        write_weights(Path(options.to), load_weights(options.file, rename=options.rename or ()))
    if options.format == "text":
        print(f"{options.to}: written, {Path(options.to).stat().st_size:,} bytes")


def _reversed(options: argparse.Namespace, table: Table, tensors: dict[str, Tensor]) -> int:
    """List where the paths of a spec lead on the way back, and write the file."""
    origins = {path: table.back(path) for path in tensors}
    if lost := next((path for path, origin in origins.items() if origin is None), ""):
        known = "it is a name of the source: leave off --reverse" if table(lost).rule else ""
        raise Fault("E702", f"{options.rename} has no way back for {lost}", help=known)
    if all(origin == (path, 0, 1, "") for path, origin in origins.items()) and tensors:
        help = "without --reverse it leads from its names to those of a spec"
        raise Fault("E702", f"no rule of {options.rename} leads to a tensor of {options.file}", help=help)
    records = []
    rows = []
    for path, origin in origins.items():
        assert origin is not None
        part = f" (part {origin.part + 1} of {origin.parts})" if origin.parts > 1 else ""
        records.append(
            {**_tensor(path, tensors[path]), "to": [origin.name], "part": origin.part, "parts": origin.parts}
        )
        rows.append(
            (
                path,
                _type(tensors[path]),
                origin.name + part + (f", {origin.mark}" if origin.mark and len(tensors[path].shape) > 1 else ""),
            )
        )
    if options.format == "json":
        print(
            json.dumps({"version": 1, "file": options.file, **_totals(tensors.values()), "tensors": records}, indent=2)
        )
    else:
        print(_title(options.file, tensors.values()))
        if not options.to:
            print("\n" + _columns(("tensor", "type", "becomes"), rows))
    if options.to:
        _write(options)
    return 0


def _print(options: argparse.Namespace, found: Account, spec: str | None) -> None:
    from nnspec.compiler.foreign_config import as_options

    print(_title(options.file, [landing.tensor for landing in found.landings]))
    heads = ("tensor", "type", "becomes") if options.rename or spec else ("tensor", "type", "bytes")
    rows = [_row(landing, bool(options.rename or spec)) for landing in found.landings]
    if not options.to:
        print("\n" + _columns(heads, rows, right=() if options.rename or spec else (2,)))
    if options.rename or spec:
        print(("" if options.to else "\n") + _summary(found, spec))
    if found.config and found.config.settings and not spec:
        print(f"{found.config.file}: {as_options(found.config.settings)}")


def _summary(found: Account, spec: str | None) -> str:
    """`146 loaded, 2 left aside: all that gpt2 needs`."""
    from nnspec.compiler.account import LOADED

    states = Counter(landing.state for landing in sorted(found.landings, key=lambda landing: landing.state != LOADED))
    missing = [f"{len(found.missing)} missing"] if found.missing else []
    said = ", ".join([*(f"{count} {state}" for state, count in states.items()), *missing])
    return f"{said}: all that {spec} needs" if spec and not found.fault else said


def _row(landing: Landing, leads: bool) -> tuple[str, str, str]:
    from nnspec.compiler.account import ASIDE, COPY, LOADED

    if not leads:
        return landing.name, _type(landing.tensor), f"{landing.tensor.size:,}"
    turned = landing.mark == "squeeze" or (landing.mark == "transpose" and len(landing.tensor.shape) > 1)
    said = _shortened(landing.paths) + (f", {landing.mark}" if turned else "")
    if landing.state == ASIDE:
        said = "left aside"
    elif landing.state == COPY:
        said = f"a copy of {landing.paths[0]}"
    elif landing.state != LOADED:
        said += f"   {landing.state}"
    return landing.name, _type(landing.tensor), said


def _shortened(paths: Sequence[str]) -> str:
    """Paths that differ in one place as one: `h.0.{query,key,value}.weight`."""
    if len(paths) < 2:
        return "".join(paths)
    columns = list(zip(*(path.split(".") for path in paths), strict=False))
    differing = [place for place, column in enumerate(columns) if len(set(column)) > 1]
    if len(differing) != 1 or len({path.count(".") for path in paths}) > 1:
        return ", ".join(paths)
    parts = [column[0] for column in columns]
    parts[differing[0]] = f"{{{','.join(columns[differing[0]])}}}"
    return ".".join(parts)


def _record(file: str, found: Account, fits: bool, renames: bool) -> dict[str, Any]:
    tensors = [landing.tensor for landing in found.landings]
    records = []
    for landing in found.landings:
        record = _tensor(landing.name, landing.tensor)
        if fits or renames:
            record |= {"to": list(landing.paths), "mark": landing.mark, "state": landing.state}
        records.append(record)
    record = {"version": 1, "file": file, **_totals(tensors), "tensors": records}
    if found.config:
        record["settings"] = dict(found.config.settings)
    if fits:
        record["missing"] = [{"path": item.path, "shape": list(item.shape)} for item in found.missing]
        record["fits"] = found.fault is None
    return record


def _tensor(name: str, tensor: Tensor) -> dict[str, Any]:
    return {"name": name, "dtype": tensor.dtype, "shape": list(tensor.shape), "bytes": tensor.size}


def _totals(tensors: Iterable[Tensor]) -> dict[str, int]:
    from math import prod

    known = list(tensors)
    return {
        "count": len(known),
        "numbers": sum(prod(tensor.shape) for tensor in known),
        "bytes": sum(tensor.size for tensor in known),
    }


def _title(file: str, tensors: Iterable[Tensor]) -> str:
    known = list(tensors)
    sums = _totals(known)
    dtypes = " and ".join(sorted({tensor.dtype for tensor in known}))
    plural = "" if sums["count"] == 1 else "s"
    return f"{file}: {sums['count']:,} tensor{plural}, {sums['numbers']:,} numbers, {sums['bytes']:,} bytes of {dtypes}"


def _by_number(name: str) -> list[tuple[int, str]]:
    """`h.2` before `h.10`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _type(tensor: Tensor) -> str:
    return f"{tensor.dtype}[{', '.join(map(str, tensor.shape))}]"


def _columns(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    lines = [heads, tuple("─" * width for width in widths), *rows]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
