"""The help, arguments and options of `charlm search`."""

from __future__ import annotations

from typing import Any

import click

from charlm.cli.options.completion import settings
from charlm.cli.options.shared import (
    config_and_texts_argument,
    folder_option,
    json_option,
    set_option,
)

HELP = """\
Search for better settings: train with different values for a short time, and score the best again.

CONFIG and TEXT are as for `charlm train`. A part of the text has to be held out. Needs the extra `search` (Optuna).

\b
charlm search novel.txt --param model.dropout=0..0.5
charlm search small novel.txt --param model.cell=lstm,gru

For a learning rate: --param train.learning_rate=log:1e-3..3e-2 --max-time 30m.

Trials that are worse than most are stopped early. At the end, the best values and the config as it is are
trained again with fresh seeds. The best config is written to DIR/best.yaml. Type the same command again to
continue a search, or in several terminals to share one.
"""


@click.command(help=HELP)
@config_and_texts_argument
@click.option(
    "--param",
    "params",
    multiple=True,
    metavar="KEY=VALUES",
    shell_complete=settings,
    help="What to vary: KEY=a,b,c, KEY=low..high, or KEY=log:low..high for all orders of magnitude. Repeatable.",
)
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    metavar="N",
    help="Trials in all (default: 10 for each --param, at most one for each combination).",
)
@click.option(
    "--max-time",
    metavar="TIME",
    help="Time for this call, such as 30m, with the fresh scores. Trials are shortened to fit (default: no limit).",
)
@click.option(
    "--budget",
    metavar="steps=N|time=TIME",
    help="The length of a trial (default: the config's own, or what --max-time allows).",
)
@click.option(
    "--confirm",
    type=click.IntRange(min=1),
    default=2,
    metavar="N",
    help="Fresh seeds with which the best config, and the config as it is, are scored again (default: 2).",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Seed of the proposals (default: 0). Equal scores then lead to equal proposals.",
)
@folder_option(
    "The folder of the search (default: searches/NAME). If it has this search, the search goes on."
)
@set_option("Set a key of the config for all trials. Repeatable.")
@json_option
@click.pass_obj
def search(obj: dict[str, Any], /, **options: Any) -> int:
    from charlm.cli.search import search

    return search(obj, **options)
