"""`nnspec fmt PATH…`: specs in their one layout."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

from nnspec.cli.config import config
from nnspec.cli.output import print_findings, warn
from nnspec.cli.paths import STDIN, spec_files
from nnspec.diagnostics.errors import Diagnostic, Fault
from nnspec.files import replace_file
from nnspec.ir.files import content_of
from nnspec.language.formatting.format import formatted


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="a file, a folder (every .nn file below it), a pattern, or - for standard input, which is written to "
        "standard output",
    )
    command.add_argument("--check", action="store_true", help="write nothing; exit 1 where a layout would change")
    command.add_argument("--diff", action="store_true", help="write nothing; print what would change, and exit 1")
    command.add_argument(
        "--stdin-filename", default="<stdin>", metavar="FILE", help="the name of standard input in messages"
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    found: list[Diagnostic] = []
    changed: list[str] = []
    count = 0
    for path in spec_files(options.paths, config().exclude):
        name = options.stdin_filename if path == STDIN else path
        try:
            content = sys.stdin.buffer.read() if path == STDIN else content_of(Path(path), path)
        except Fault as fault:
            found.append(fault.at(None))
            continue
        count += 1
        text, errors = formatted(content, name)
        found += errors
        if errors:
            continue
        if text.encode() != content:
            changed.append(name)
        if options.diff:
            sys.stdout.writelines(_difference(content.decode(), text, name))
        elif path == STDIN and not options.check:
            sys.stdout.write(text)
        elif text.encode() != content and not options.check:
            rewrite(Path(path).resolve(), text.encode())
    if found:
        print_findings(found, sys.stderr)
    _report(options, changed, count)
    return 1 if found or (changed and (options.check or options.diff)) else 0


def rewrite(target: Path, content: bytes) -> None:
    """Put a text in the place of another, whole or not at all; who may read and write it stays as it was."""
    mode = target.stat().st_mode
    replace_file(target, lambda temporary: temporary.write_bytes(content))
    target.chmod(mode)


def _difference(before: str, after: str, name: str) -> Iterator[str]:
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    for line in unified_diff(old, new, name, f"{name} (formatted)"):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _report(options: argparse.Namespace, changed: list[str], count: int) -> None:
    """What was done, or would be, on standard error."""
    if options.check:
        for name in changed:
            print(f"would change {name}")
    if options.check or options.diff or STDIN not in options.paths:
        verb = "would be changed" if options.check or options.diff else "changed"
        left = count - len(changed)
        parts = [f"{len(changed)} file{'s' * (len(changed) != 1)} {verb}"] if changed else []
        parts += [f"{left} left as {'it is' if left == 1 else 'they are'}"] if left else []
        warn(", ".join(parts) or "nothing to lay out")
