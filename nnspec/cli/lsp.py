"""`nnspec lsp`: the language server, on standard input and output."""

from __future__ import annotations

import argparse

from nnspec.cli.config import WrongUsage


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument("--stdio", action="store_true", help="as is the default; many editors say it")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    try:
        from nnspec.editors.server import serve
    except ModuleNotFoundError as error:
        if error.name not in ("pygls", "lsprotocol"):
            raise
        raise WrongUsage("the language server needs pygls", "pip install 'nnspec[lsp]'") from None
    serve()
    return 0
