"""The entry of the command line: find the command, run it, and turn what it raises into text and an exit code.

Exit codes: 0 done, 1 something is wrong with the input, 2 wrong usage, 130 interrupted, 143 terminated.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

COMMANDS = {
    "new": "write a starter spec, with data, that trains as it stands",
    "check": "report every error of every spec",
    "fmt": "bring specs into their one layout",
    "show": "list the layers of a model: shapes, parameters, MACs",
    "explain": "explain an error code, with an example that fails and one that works",
    "train": "train a model into a run directory",
    "report": "write the report of a run again",
    "eval": "measure loss and metrics of a trained model",
    "compile": "write a verified ONNX file",
    "page": "write a web page that trains an image classifier in the browser",
    "verify": "check that a deployed model gives the answers that were recorded",
    "run": "run a model on tables, arrays or images",
    "serve": "answer over HTTP, by the Open Inference Protocol",
    "generate": "write text with a language model",
    "weights": "list the tensors of a file, bring weights from other frameworks and back",
    "diff": "tell what changed in a spec for those who deploy the model",
    "lsp": "serve editors: diagnostics, hover, completion, rename, layout",
}


class Parser(argparse.ArgumentParser):
    """argparse with the nearest known name."""

    def error(self, message: str) -> NoReturn:
        from difflib import get_close_matches

        chosen = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        close = get_close_matches(chosen[1], re.findall(r"'(.*?)'", chosen[2]), n=1) if chosen else []
        hint = f"\n  help: did you mean {close[0]}?" if close else ""
        self.exit(2, f"{self.prog}: {message}{hint or _usage(self.prog)}\n")


def _usage(prog: str) -> str:
    return f"\n  help: `{prog} --help` lists what there is"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = _parser(arguments)
    options = parser.parse_args(arguments)
    if not hasattr(options, "run"):
        parser.print_help()
        return 2
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13  # as a shell says of SIGPIPE: what reads the output went away before the work was done
    except Exception as error:
        return _failed(error, getattr(options, "spec", None))


def _failed(error: Exception, subject: str | None) -> int:
    """Say what was raised; the exit code. Imported here is what a command that ends well may not need."""
    from nnspec.cli.config import WrongUsage
    from nnspec.cli.output import print_findings, report_defect
    from nnspec.diagnostics.errors import Fault, NnspecError

    if isinstance(error, WrongUsage):
        print(f"nnspec: {error}", file=sys.stderr)
        return 2
    if isinstance(error, NnspecError):
        print_findings(error.diagnostics, sys.stderr)
        return 1
    if isinstance(error, Fault):
        print_findings([error.at(None)], sys.stderr)
        return 1
    return report_defect(error, subject)  # the last edge: a defect is one line, with the way to the whole


def _parser(arguments: Sequence[str]) -> Parser:
    """The parser; only the command that is asked for is imported and declares its options."""
    from nnspec import __version__

    parser = Parser(
        prog="nnspec", description="A compiler for neural networks: check, train, compile and run .nn files."
    )
    parser.add_argument("--version", action="version", version=f"nnspec {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", parser_class=Parser)
    asked = next((word for word in arguments if not word.startswith("-")), "")
    for name in [asked] if asked in COMMANDS else COMMANDS:  # making them all takes as long as a check of a small spec
        text = COMMANDS[name]
        command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        if name == asked:
            import_module(f"nnspec.cli.{name}").declare(command)
            command.formatter_class = argparse.RawDescriptionHelpFormatter
            command.epilog = _examples(name) if {"-h", "--help"} & set(arguments) else None
    return parser


def _examples(command: str) -> str:
    """What stands below the help of a command."""
    from nnspec.cli.examples import EXAMPLES

    lines = "".join(f"\n  {line}" for line in EXAMPLES[command])
    return f"examples:{lines}"
