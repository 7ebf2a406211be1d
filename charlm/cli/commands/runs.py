"""The help, arguments and options of `charlm runs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from charlm.cli.options.completion import runs as known_runs
from charlm.cli.options.shared import HomePath

HELP = """\
List the runs in FOLDER (default: runs) and in its subfolders, the latest first.

The status of a run is running, finished (a limit was reached), stopped (by the user), failed (with an error) or
killed. `charlm train --resume RUN` continues a run that was stopped or killed, or that failed.
"""


@click.command(help=HELP)
@click.argument("folder", default="runs", type=HomePath(path_type=Path), shell_complete=known_runs)
@click.option(
    "--follow",
    is_flag=True,
    help="Show the results of the run in FOLDER, with a progress bar, until it ends.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each run.")
@click.pass_obj
def runs(obj: dict[str, Any], /, **options: Any) -> int:
    from charlm.cli.runs import runs

    return runs(obj, **options)
