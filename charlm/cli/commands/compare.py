"""The help, arguments and options of `charlm compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from charlm.cli.options.completion import comparisons
from charlm.cli.options.shared import HomePath, kernels_option

HELP = """\
Train several models on the same text for the same number of steps, each with several seeds.

NAME is a bundled comparison (see --list) or the .yaml file of a comparison. For two or more run configs, the
comparison is the number of steps that each model needs to reach the slowest model's final loss. All configs must
predict the same symbols of the same text.
"""


@click.command(help=HELP)
@click.argument("sources", nargs=-1, metavar="NAME | CONFIG CONFIG...", shell_complete=comparisons)
@click.option("--seeds", type=click.IntRange(min=1), metavar="N", help="Seeds for each model.")
@click.option("--steps", type=click.IntRange(min=1), metavar="N", help="Updates for each model.")
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
