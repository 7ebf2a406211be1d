"""The help, arguments and options of `charlm baseline`."""

from __future__ import annotations

from typing import Any

import click

from charlm.cli.options.shared import encoding_option, json_option, texts_argument

HELP = """\
Score the end of TEXT with simple models of the text before it, for comparison with a network.

The models are: all characters equally likely (uniform), letter frequencies (unigram), modified Kneser-Ney n-grams,
and the compressor xz. TEXT is files, folders of .txt files, or - for standard input.
"""


@click.command(help=HELP)
@texts_argument
@click.option(
    "--order",
    type=click.IntRange(1, 32),
    metavar="N",
    help="The highest order of n-grams (default: 8).",
)
@click.option(
    "--val-frac",
    type=click.FloatRange(0, 0.5, min_open=True),
    metavar="F",
    default=0.1,
    show_default=True,
    help="The fraction of the text, at its end, that is scored.",
)
@encoding_option
@json_option
def baseline(**options: Any) -> int:
    from charlm.cli.baseline import baseline

    return baseline(**options)
