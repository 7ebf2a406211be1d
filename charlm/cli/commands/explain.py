"""The help, arguments and options of `charlm explain`."""

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
)

HELP = """\
Show how far back the model of RUN looks, what its gates do, and which units are dead.

The model reads the held-out part of the run's text, or all of the text if nothing is held out. The gradient at a lag
shows how much the character that far back matters. The scores with less context show how much the model gains from
context, compared with n-grams that see the same characters. An RNN that beats every n-gram has learned more than
counts can show.

With --text, explain one prediction: show its gradient with respect to each earlier character, as colours.

\b
  charlm explain runs/novel
  charlm explain runs/novel --text "It was late" --at 11
"""


@click.command(help=HELP)
@run_argument
@click.option("--text", metavar="TEXT", help="Explain a prediction in this text instead.")
@click.option(
    "--at",
    type=click.IntRange(min=1),
    metavar="N",
    help="Which character of --text is predicted, counted from 1 (default: the last).",
)
@click.option(
    "--chars",
    type=click.IntRange(min=1),
    default=500,
    show_default=True,
    metavar="N",
    help="How many characters to predict; they are spread over the text.",
)
@color_option
@html_option("Write the explained prediction as a page.")
@png_option("Plot gradients and scores (needs the extra `plot`).")
@json_option
@checkpoint_option
@kernels_option
@click.pass_obj
def explain(obj: dict[str, Any], /, **options: Any) -> int:
    from charlm.cli.explain import explain

    return explain(obj, **options)
