"""`nnspec check PATH…`: every error of every file in one run."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nnspec.cli import settings
from nnspec.cli.cache import Cache
from nnspec.cli.config import Config, config
from nnspec.cli.paths import STDIN, spec_files

if TYPE_CHECKING:
    from nnspec.diagnostics.errors import Diagnostic

FORMATS = ("text", "json", "github", "sarif", "junit")
FORMAT = "text for people, json for programs, github, sarif and junit for CI"
ROUNDS = 5
"""How often mending is tried: what one edit reveals, the next one may mend."""


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "paths",
        nargs="*",
        default=["."],
        metavar="PATH",
        help="a file, a folder (every .nn file below it), a pattern such as 'specs/**/*.nn', or - for standard input; "
        "the present folder by default",
    )
    command.add_argument("--format", choices=FORMATS, default="text", help=FORMAT)
    command.add_argument(
        "--stdin-filename", default="<stdin>", metavar="FILE", help="the name of standard input in messages"
    )
    command.add_argument("--strict", action="store_true", help="warnings fail too: exit code 1")
    command.add_argument("--fix", action="store_true", help="mend what can be mended safely")
    command.add_argument("--no-cache", action="store_true", help="check every file anew, changed or not")
    command.add_argument("--quiet", action="store_true", help="print errors only")
    settings.declare(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    project = config()
    check = _Check(options, project)
    for path in spec_files(options.paths, project.exclude):
        check.file(path)
    strict = options.strict or project.strict
    found = [one for one in check.found if one.severity == "error" or one.code not in project.allow]
    failing = [one for one in found if strict or one.severity == "error"]
    shown = failing if options.quiet else found
    _print(options, shown, check, bool(failing))
    return 1 if failing else 0


class _Check:
    """What was found in the files so far."""

    def __init__(self, options: argparse.Namespace, project: Config) -> None:
        self.options = options
        self.settings = dict(options.set)
        self.root = options.root or project.root
        self.cache = None if options.no_cache else Cache(self.settings, self.root)
        self.found: list[Diagnostic] = []
        self.sources: dict[str, str] = {}
        self.names: list[str] = []
        self.mended = 0

    def file(self, path: str) -> None:
        """Look at one file, and mend it where that is asked for."""
        name = self.options.stdin_filename if path == STDIN else path
        self.names.append(name)
        content = sys.stdin.buffer.read() if path == STDIN else None
        found, files = self._look(name, content)
        if self.options.fix and path != STDIN:
            found, files = self._mend(path, found, files)
        self.found += found
        self.sources |= files

    def _look(self, path: str, content: bytes | None) -> tuple[list[Diagnostic], dict[str, str]]:
        known = self.cache.known(path) if self.cache and content is None else None
        if known:
            return known.found, known.files
        from nnspec.api import check_project
        from nnspec.ir.project import read

        project = read(path, content, self.root)
        found = check_project(project, self.settings)
        if self.cache and content is None:
            self.cache.keep(path, project, found)
        return found, project.files

    def _mend(
        self, path: str, found: list[Diagnostic], files: dict[str, str]
    ) -> tuple[list[Diagnostic], dict[str, str]]:
        from nnspec.cli.fmt import rewrite
        from nnspec.diagnostics.mending import mended

        for _ in range(ROUNDS):
            text, count = mended(files.get(path, ""), found, path)
            if not count:
                break
            before = Path(path).read_bytes()
            if before.decode("utf-8", "replace") != files[path]:
                break  # somebody else changed it meanwhile
            rewrite(Path(path).resolve(), text.encode())
            self.mended += count
            found, files = self._look(path, None)
        return found, files


def _print(options: argparse.Namespace, found: Sequence[Diagnostic], check: _Check, failing: bool) -> None:
    if options.format == "text":
        if found:
            from nnspec.cli.output import print_findings

            print_findings(found, sys.stdout, check.sources)
            if failing and not any(one.severity == "error" for one in found):
                _say("warnings count as errors here")
        elif not options.quiet:
            count = len(check.names)
            print(f"{count} file{'s' * (count != 1)} checked, no errors")
        mendable = sum(bool(one.edits) for one in found)
        if mendable and not options.fix:
            _say(f"{mendable} of them can be mended: nnspec check --fix")
    else:
        sys.stdout.write(_machine(options.format, found, check))
    if check.mended:
        _say(f"{check.mended} finding{'s' * (check.mended != 1)} mended")


def _machine(format: str, found: Sequence[Diagnostic], check: _Check) -> str:
    from nnspec.diagnostics import machine, render

    if format == "json":
        return render.render_json(found) + "\n"
    local = [_relative(one) for one in found]
    if format == "github":
        return machine.render_github(local)
    if format == "junit":
        return machine.render_junit(local, check.names)
    from nnspec import __version__
    from nnspec.diagnostics.catalogue import CATALOGUE

    return machine.render_sarif(local, {code: entry.title for code, entry in CATALOGUE.items()}, __version__) + "\n"


def _relative(found: Diagnostic) -> Diagnostic:
    """A finding with its file as it is named from the working directory, which is what hosts of code know."""
    from dataclasses import replace

    if found.span is None or not found.span.file.startswith("/"):
        return found
    try:
        file = Path(found.span.file).relative_to(Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())).as_posix()
    except ValueError:
        return found
    return replace(found, span=found.span._replace(file=file))


def _say(text: str) -> None:
    """A line for a person, beside the output."""
    print(text, file=sys.stderr)
