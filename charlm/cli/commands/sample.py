"""What is typed after `charlm sample`."""

from __future__ import annotations

from typing import Any

import click

from charlm.cli.options.completion import runs
from charlm.cli.options.shared import HomePath, checkpoint_option, json_option, kernels_option

HELP = """\
Draw texts from RUN, a run directory or a checkpoint file. A prime is printed before what follows it.

The prime and the stop text are prepared as the text of RUN was: its line ends, its normalisation.

A line end follows each text. If texts have several lines, a terminal shows a line such as --- 2 of 3 --- before
each of them; a program that reads them should use --json.
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
    help="Below 1 plays safe, above 1 takes risks, 0 takes the likeliest character.",
)
@click.option("-p", "--prime", default="", metavar="TEXT", help="The text to go on from.")
@click.option("--stop", default="", metavar="TEXT", help="End before this text.")
@click.option(
    "--seed", type=click.IntRange(min=0), metavar="N", help="The same seed gives the same texts."
)
@checkpoint_option
@kernels_option
@json_option
@click.pass_obj
def sample(obj: dict[str, Any], /, **given: Any) -> int:
    """Carry the command out."""
    from charlm.cli.sample import sample

    return sample(obj, **given)
