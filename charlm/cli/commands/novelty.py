"""The help, arguments and options of `charlm novelty`."""

from __future__ import annotations

from typing import Any

import click

from charlm.cli.options.completion import runs
from charlm.cli.options.shared import HomePath, checkpoint_option, encoding_option, json_option

HELP = """\
Show what a model has copied from its training text: the longest copied span, and the share of k-grams that are new.

RUN generates a text, which is compared with the text that RUN was trained on. SAMPLES is a file with generated texts
(- for standard input), which are compared with the text of --train. Both are compared with held-out text, which was
not copied.

\b
charlm novelty runs/novel
charlm novelty samples.txt --train novel.txt
"""


@click.command(help=HELP)
@click.argument(
    "samples", type=HomePath(allow_dash=True), metavar="RUN|SAMPLES", shell_complete=runs
)
@click.option(
    "--train",
    multiple=True,
    metavar="TEXT",
    help="The training text (default: that of RUN). Its last part, --val-frac, is the held-out text.",
)
@click.option(
    "--val-frac",
    type=click.FloatRange(0, 0.5, min_open=True),
    metavar="F",
    help="The part of --train that was held out (default: that of RUN, or 0.1).",
)
@encoding_option
@click.option(
    "-l",
    "--length",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many characters RUN generates (default: 20,000, or the size of the held-out text if it is smaller).",
)
@click.option(
    "-t",
    "--temperature",
    type=float,
    metavar="T",
    default=1.0,
    show_default=True,
    help="The temperature at which RUN generates.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    metavar="N",
    default=0,
    show_default=True,
    help="The same seed generates the same text.",
)
@checkpoint_option
@json_option
@click.pass_obj
def novelty(obj: dict[str, Any], /, **options: Any) -> int:
    from charlm.cli.novelty import novelty

    return novelty(obj, **options)
