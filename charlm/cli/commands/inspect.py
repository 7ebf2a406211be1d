"""The help, arguments and options of `charlm inspect`."""

from __future__ import annotations

from typing import Any

import click

from charlm.cli.options.shared import (
    checkpoint_option,
    color_option,
    html_option,
    json_option,
    kernels_option,
    png_option,
    run_argument,
    text_encoding_option,
    texts_argument,
)

HELP = """\
Search the units of RUN for those that follow something in TEXT, and show the text coloured by a unit's value.

TEXT is files, folders of .txt files, or - for standard input. A unit follows, for example, the position in the line,
brackets or quotes, if its value after each character correlates with it. The column "shuffled" is the control: the
best correlation of the same search with shuffled labels, which is chance.

\b
  charlm inspect runs/novel novel.txt --color | less -R
  charlm inspect runs/novel novel.txt --html unit.html
"""


@click.command(help=HELP)
@run_argument
@texts_argument
@click.option(
    "--layer", type=int, metavar="N", help="Search this layer only, 1 is the lowest (default: all)."
)
@click.option(
    "--unit",
    metavar="N",
    help="Show unit N of the layer (the top one by default): 7 or h7 is an output, c7 a memory cell of an "
    "LSTM (default: the unit with the best correlation).",
)
@click.option(
    "--chars",
    type=click.IntRange(min=2),
    default=20_000,
    show_default=True,
    metavar="N",
    help="Read no more than the first N characters.",
)
@color_option
@html_option("Write the coloured text and the table as a page.")
@png_option("Write both as a picture (needs the extra `plot`).")
@json_option
@text_encoding_option
@checkpoint_option
@kernels_option
@click.pass_obj
def inspect(obj: dict[str, Any], /, **options: Any) -> int:
    from charlm.cli.inspect import inspect

    return inspect(obj, **options)
