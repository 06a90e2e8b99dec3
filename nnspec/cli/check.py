"""`nnspec check PATH…`: every error of every file in one run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from nnspec.api import check_project
from nnspec.cli import settings
from nnspec.cli.output import print_findings
from nnspec.diagnostics.errors import Diagnostic, Fault
from nnspec.diagnostics.render import render_json
from nnspec.ir.project import read


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "paths", nargs="+", metavar="PATH", help="a file, a folder (every .nn file below it), or - for standard input"
    )
    command.add_argument("--format", choices=("text", "json"), default="text")
    command.add_argument(
        "--stdin-filename", default="<stdin>", metavar="FILE", help="the name of standard input in messages"
    )
    command.add_argument("--quiet", action="store_true", help="print errors alone")
    settings.declare(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    found: list[Diagnostic] = []
    sources: dict[str, str] = {}
    count = 0
    for path in _files(options.paths):
        content = sys.stdin.buffer.read() if path == "-" else None
        project = read(options.stdin_filename if path == "-" else path, content, options.root)
        found += check_project(project, dict(options.set))
        sources |= project.files
        count += 1
    errors = [finding for finding in found if finding.severity == "error"]
    if options.format == "json":
        print(render_json(found))
    elif errors or (found and not options.quiet):
        print_findings(errors if options.quiet else found, sys.stdout, sources)
    elif not options.quiet:
        print(f"{count} file{'s' * (count != 1)} checked, no errors")
    return 1 if errors else 0


def _files(paths: list[str]) -> Iterator[str]:
    """The files that the arguments name, each once."""
    seen: set[str] = set()
    for path in paths:
        folder = path != "-" and Path(path).is_dir()
        files = sorted(str(file) for file in Path(path).rglob("*.nn")) if folder else [path]
        if folder and not files:
            raise Fault("E301", f"there is no .nn file below {path}")
        for file in files:
            if file not in seen:
                seen.add(file)
                yield file
