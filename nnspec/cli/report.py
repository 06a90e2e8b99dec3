"""`nnspec report RUN`: write the report of a run once more."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from nnspec.cli.output import warn

if TYPE_CHECKING:
    from nnspec.report.write import Rows


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", metavar="RUN", help="the run directory")
    command.add_argument("--data", metavar="DIR", help="the folder that paths of data are relative to; that of the run")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from nnspec.report.write import write_report

    print(write_report(options.folder, folder=options.data))
    return 0


def try_report(folder: Path, rows: Rows | None = None, *, quiet: bool = False) -> None:
    """Write the report at the end of a run; `rows` gives its splits, which are in memory already. Its failure is a
    warning: the run is worth more than its picture."""
    from nnspec.report.write import write_report

    try:
        path = write_report(folder, rows=rows)
    except Exception as error:
        warn(f"warning: the report could not be written: {error}")
    else:
        if not quiet:
            print(f"report   {path}")
