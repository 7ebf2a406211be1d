"""The help, arguments and options of `charlm plot`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from charlm.cli.options.shared import HomePath, runs_argument

HELP = """\
Plot the training losses and held-out scores of one or more runs, beside the baselines of their text.

It needs the extra `plot`. With --watch, show one running training as a page in a browser on this machine: its
progress, curves and samples. The page needs the extra `report`; it changes nothing and ends with the run.

\b
  charlm plot runs/novel
  charlm plot runs/novel runs/novel-2 -o both.svg
"""


@click.command(help=HELP)
@runs_argument
@click.option(
    "-o",
    "--output",
    type=HomePath(path_type=Path),
    metavar="FILE",
    help="The picture to write, with a name in .png or .svg (default: curves.png).",
)
@click.option(
    "--watch", is_flag=True, help="Show a running training as a page, and print its address."
)
@click.pass_obj
def plot(obj: dict[str, Any], /, **options: Any) -> int:
    from charlm.cli.plot import plot

    return plot(obj, **options)
