"""The help, arguments and options of `charlm compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from charlm.cli.options.completion import comparisons
from charlm.cli.options.shared import HomePath, folder_option, kernels_option

HELP = """\
Train several models on the same text, each with several seeds, and compare them.

NAME is a bundled comparison (see --list) or the .yaml file of one. CONFIG is a run config: a bundled
name or a .yaml file. RUN is the folder of a run that is trained already. TEXT is your own text.

\b
charlm compare srnn-vs-lstm        a bundled comparison
charlm compare srnn gru novel.txt  models on your text
charlm compare runs/a runs/b       finished runs
charlm compare small novel.txt --grid model.layers=1,2

Models are compared by their score of held-out text if there is any, else by their loss in training.
Models that cannot be compared are refused. Finished trainings are kept in the folder of the
comparison: the same command continues a comparison that was stopped or killed.
"""


@click.command(help=HELP)
@click.argument(
    "sources", nargs=-1, metavar="NAME | CONFIG... RUN... [TEXT...]", shell_complete=comparisons
)
@folder_option("The folder of the comparison (default: comparisons/NAME).")
@click.option("--seeds", type=click.IntRange(min=1), metavar="N", help="Seeds for each model.")
@click.option(
    "--grid",
    multiple=True,
    metavar="KEY=VALUE,VALUE...",
    help="Compare the values of a key, e.g. --grid model.layers=1,2. Several grids: all combinations.",
)
@click.option(
    "--budget",
    multiple=True,
    metavar="KIND=AMOUNT",
    help="Give all models the same steps=N, chars=N or time=TIME, and about params=N parameters.",
)
@click.option(
    "--steps", type=click.IntRange(min=1), metavar="N", help="Short for --budget steps=N."
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="Processes that train at the same time (more than 1 needs the extra `parallel`).",
)
@click.option(
    "--cluster",
    metavar="tcp://HOST:PORT",
    help="Train on a Dask cluster, with this scheduler (needs the extra `cluster`).",
)
@kernels_option
@click.option(
    "--format",
    "form",
    type=click.Choice(("table", "md", "csv", "json", "html")),
    default="table",
    show_default=True,
    help="How to print the result; csv has a row for each training, json all measurements, html is a page.",
)
@click.option("--json", "form", flag_value="json", help="Short for `--format json`.")
@click.option(
    "--plot",
    type=HomePath(path_type=Path, dir_okay=False),
    metavar="FILE.png",
    help="Draw the loss curves (needs the extra `plot`).",
)
@click.option(
    "--fail-if",
    multiple=True,
    metavar="CONDITION",
    help="Exit with code 3 if this is true, such as 'bpc>2.2' for the best model or 'lstm.bpc>2.2'; "
    "can be given several times.",
)
@click.option("--list", "list_bundled", is_flag=True, help="List the bundled comparisons.")
@click.pass_obj
def compare(obj: dict[str, Any], /, **options: Any) -> int:
    from charlm.cli.compare import compare

    return compare(obj, **options)
