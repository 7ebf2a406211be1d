"""What is typed after `charlm runs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from charlm.cli.options.completion import runs as known_runs
from charlm.cli.options.shared import HomePath

HELP = """\
List the runs in FOLDER (default: runs) and in the folders below it, the latest first.

A run is running, finished (a budget was used up), stopped (on demand), failed (with an error), or killed.
A run that was stopped or killed, or failed, goes on with `charlm train --resume RUN`.
"""


@click.command(help=HELP)
@click.argument("folder", default="runs", type=HomePath(path_type=Path), shell_complete=known_runs)
@click.option(
    "--follow", is_flag=True, help="Show what the run in FOLDER reports, with a bar, until it ends."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a run.")
@click.pass_obj
def runs(obj: dict[str, Any], /, **given: Any) -> int:
    """Carry the command out."""
    from charlm.cli.runs import runs

    return runs(obj, **given)
