"""The help, arguments and options of `charlm eval`."""

from __future__ import annotations

from typing import Any

import click

from charlm.cli.options.completion import texts
from charlm.cli.options.shared import (
    json_option,
    kernels_option,
    run_argument,
    text_encoding_option,
)

HELP = """\
Score TEXT, or the held-out part of the text of RUN, with the best checkpoint of RUN, or
with the last one if there is no best one.

TEXT is files, folders of .txt files, or - for standard input. It is prepared like the text of RUN. The held-out
part is read as one text, and the model first reads the end of the text before it. With --dynamic, the model and
the n-grams also learn from the characters that are already scored.
"""


@click.command("eval", help=HELP)
@run_argument
@click.argument("texts", nargs=-1, metavar="[TEXT...]", shell_complete=texts)
@click.option(
    "--split",
    type=click.Choice(["val", "test"]),
    help="Which part of the run's own text: held out (val) or kept for a final test (default: val).",
)
@text_encoding_option
@click.option(
    "--text",
    "moved",
    multiple=True,
    metavar="PATH",
    shell_complete=texts,
    help="The new place of the run's own text, if it was moved. Repeatable.",
)
@click.option(
    "--val-file",
    metavar="PATH",
    shell_complete=texts,
    help="The new place of the run's data.val_file, if it was moved.",
)
@click.option("--cold", is_flag=True, help="Start the held-out part with an empty state.")
@click.option(
    "--dynamic", is_flag=True, help="Learn from each piece of the text after it was scored."
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    metavar="R",
    help="Learning rate of --dynamic (default: chosen on the end of the training text).",
)
@click.option("--mix", type=click.Choice(["ngram"]), help="Mix with n-grams of the training text.")
@kernels_option
@json_option
@click.pass_obj
def eval_(obj: dict[str, Any], /, **options: Any) -> int:
    from charlm.cli.eval import eval_

    return eval_(obj, **options)
