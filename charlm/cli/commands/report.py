"""The help, arguments and options of `charlm report`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from charlm.cli.options.shared import HomePath, runs_argument

HELP = """\
Write a report about one or more runs: one HTML file that needs no network.

It shows the score beside the baselines, the curves, the samples, the surprisal of held-out text, what the model looks
at, the config and how to repeat the run. Several runs are compared if they have the same text and symbols. It needs the
extra `report`.

\b
  charlm report runs/novel
  charlm report runs/novel runs/novel-2 -o both.html
"""


@click.command(help=HELP)
@runs_argument
@click.option(
    "-o",
    "--output",
    type=HomePath(path_type=Path),
    default="report.html",
    show_default=True,
    metavar="FILE.html",
    help="The file to write.",
)
@click.pass_obj
def report(obj: dict[str, Any], /, **options: Any) -> int:
    from charlm.cli.report import report

    return report(obj, **options)
