"""`nnspec diff OLD NEW`: what changed for those who deploy a model, and whether something breaks."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from nnspec.cli import settings
from nnspec.cli.output import warn
from nnspec.cli.revisions import checked_out, inside
from nnspec.ir.difference import Change, differences

if TYPE_CHECKING:
    from nnspec.ir.spec import Spec

SIGNS = {"added": "+", "removed": "-", "changed": "~", "renamed": "~"}
MOST = 12
"""Changes of one kind that are listed."""
BREAKS = {"clients": "breaks clients", "weights": "breaks saved weights"}


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument("old", metavar="OLD", help="a file, a git revision such as HEAD~1, or both: HEAD~1:spec.nn")
    command.add_argument("new", metavar="NEW", help="a file, or REVISION:FILE")
    command.add_argument(
        "--breaking", action="store_true", help="exit 1 where a deployed client or a saved weight file would break"
    )
    command.add_argument("--format", choices=("text", "json"), default="text", help="json for programs")
    settings.declare(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    old = options.old
    if not Path(old).is_file() and ":" not in old:
        old = f"{old}:{inside(options.new.partition(':')[2] or options.new)}"
    changes = differences(_load(options, old), _load(options, options.new))
    breaking = [change for change in changes if change.breaks]
    if options.format == "json":
        records = [change._asdict() for change in changes]
        print(json.dumps({"version": 1, "breaking": bool(breaking), "changes": records}, indent=2))
    else:
        print("\n".join(_lines(changes)) or "nothing changed for those who deploy it")
    if breaking and options.format == "text":
        counts = {who: sum(change.breaks == who for change in breaking) for who in BREAKS}
        said = (
            f"{n} change{'s' * (n != 1)} that {'break' if n != 1 else 'breaks'} {who}" for who, n in counts.items() if n
        )
        warn(" and ".join(said).replace("weights", "saved weights"))
    return 1 if options.breaking and breaking else 0


def _load(options: argparse.Namespace, named: str) -> Spec:
    chosen = argparse.Namespace(spec=named, set=options.set, root=options.root)
    revision, colon, path = named.partition(":")
    if Path(named).is_file() or not colon:
        return settings.load_spec(chosen, required=False)
    with tempfile.TemporaryDirectory(prefix="nnspec-") as folder:
        file = checked_out(revision, path, Path(folder))
        root = Path(folder) / options.root if options.root else file.parent
        return settings.load_spec(argparse.Namespace(spec=str(file), set=options.set, root=str(root)), required=False)


def _lines(changes: list[Change]) -> list[str]:
    lines: list[str] = []
    for kind in dict.fromkeys(change.what for change in changes):
        own = [change for change in changes if change.what == kind]
        own.sort(key=lambda change: not change.breaks)
        lines += [
            *([""] if lines else []),
            f"{kind}{'s' if kind in ('input', 'output', 'parameter', 'layer', 'cost') else ''}",
        ]
        lines += [f"  {SIGNS[change.change]} {_line(change)}" for change in own[:MOST]]
        if len(own) > MOST:
            lines.append(f"    … and {len(own) - MOST} more")
    return lines


def _line(change: Change) -> str:
    said = {
        "added": f"{change.name}: {change.after}",
        "removed": f"{change.name}: {change.before}",
        "renamed": f"{change.before} is {change.after} now",
    }.get(change.change, f"{change.name}: {change.before} is {change.after} now")
    return f"{said}   ({BREAKS[change.breaks]})" if change.breaks else said
