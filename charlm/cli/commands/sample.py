"""The help, arguments and options of `charlm sample`."""

from __future__ import annotations

from typing import Any

import click

from charlm.cli.options.completion import runs
from charlm.cli.options.shared import HomePath, checkpoint_option, json_option, kernels_option

HELP = """\
Generate text with RUN, a run directory or a checkpoint file. The prime is the start of each
text and is printed too.

The texts of --prime and --stop are prepared like the text of RUN: line ends, Unicode normalization.

Each text ends with a line break. If texts have several lines, a terminal shows a line such as --- 2 of 3 ---
before each text. Programs should read --json.
"""


@click.command(help=HELP)
@click.argument("run", type=HomePath(), shell_complete=runs)
@click.option(
    "-n", "--number", type=click.IntRange(min=1), metavar="N", default=1, help="How many texts."
)
@click.option(
    "-l",
    "--length",
    type=click.IntRange(min=1),
    metavar="N",
    help="Characters at most (default: until <EOS>; 500 for a model of a stream).",
)
@click.option(
    "-t",
    "--temperature",
    type=click.FloatRange(min=0),
    metavar="T",
    default=1.0,
    show_default=True,
    help="Below 1: safer text, above 1: more surprising text, 0: always the most likely character.",
)
@click.option("-p", "--prime", default="", metavar="TEXT", help="The text to continue.")
@click.option("--stop", default="", metavar="TEXT", help="Stop before this text.")
@click.option(
    "--seed", type=click.IntRange(min=0), metavar="N", help="The same seed gives the same texts."
)
@checkpoint_option
@kernels_option
@json_option
@click.pass_obj
def sample(obj: dict[str, Any], /, **given: Any) -> int:
    from charlm.cli.sample import sample

    return sample(obj, **given)
