"""`nnspec lsp`: the language server, on standard input and output."""

from __future__ import annotations

import argparse

from nnspec.cli.config import WrongUsage


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument("--stdio", action="store_true", help="the default; here because many editors ask for it")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    try:
        from nnspec.editors.server import serve
    except ModuleNotFoundError as error:
        if error.name not in ("pygls", "lsprotocol"):
            raise
        raise WrongUsage("the language server needs pygls", "pip install 'pygls>=2'") from None
    serve()
    return 0
