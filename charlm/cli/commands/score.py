"""The help, arguments and options of `charlm score`."""

from __future__ import annotations

from typing import Any

import click

from charlm.cli.options.shared import (
    checkpoint_option,
    html_option,
    kernels_option,
    run_argument,
    text_encoding_option,
    texts_argument,
)

HELP = """\
Score each line of TEXT with the model of RUN. TEXT is files, folders of .txt files, or - for standard input.

A line of output has three columns, with a tab between them: the log-probability of the line in nats (higher is
likelier), its bits per character (lower is likelier, whatever the length), and the line.

The first command shows the least likely lines, the second the oddest ones for their length:

\b
  charlm score runs/novel words.txt | sort -n | head
  charlm score runs/novel words.txt | sort -k2 -rn | head

The end of a line is one symbol and counts. A model of lines reads each line alone, from its start to <EOS>, and skips
empty lines. A model of a stream carries its state from line to line, as charlm eval does; with --alone it begins each
line with an empty state. Without --alone, the sum over all lines is the score of charlm eval.
"""


@click.command(help=HELP)
@run_argument
@texts_argument
@click.option(
    "--alone",
    is_flag=True,
    help="Score each line as if there were no other lines (models of a stream).",
)
@click.option(
    "--per-char",
    is_flag=True,
    help="Print a table of all characters instead: line, char_id, char, surprisal_bits, rank.",
)
@click.option(
    "--color", is_flag=True, help="Print the text instead, each character coloured by its rank."
)
@html_option("Write a page instead: the text coloured by rank, the likeliest characters, charts.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each line.")
@text_encoding_option
@checkpoint_option
@kernels_option
@click.pass_obj
def score(obj: dict[str, Any], /, **options: Any) -> int:
    from charlm.cli.score import score

    return score(obj, **options)
