"""The help, arguments and options of `charlm gradcheck`."""

from __future__ import annotations

from typing import Any

import click

from charlm.cli.options.completion import configs
from charlm.cli.options.shared import json_option, set_option

HELP = """\
Check the gradients of the model of CONFIG against central differences, in float64.

CONFIG is a bundled name or a .yaml file. The weights and the batch are random. Some numbers of each parameter are
checked; half of them are those with the largest gradients. The exit code is 1 if a gradient is wrong.

\b
  charlm gradcheck lstm
  charlm gradcheck my.yaml --numbers 100
"""


@click.command(help=HELP)
@click.argument("config", shell_complete=configs)
@set_option("Set a key of the config, e.g. --set model.layers=2. Repeatable.")
@click.option(
    "--numbers",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="How many numbers of each parameter are checked.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Chooses the weights, the batch, and the numbers that are checked.",
)
@json_option
@click.pass_obj
def gradcheck(obj: dict[str, Any], /, **options: Any) -> int:
    from charlm.cli.gradcheck import gradcheck

    return gradcheck(obj, **options)
