"""The help, arguments and options of `charlm sample`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from charlm.cli.options.shared import checkpoint_option, kernels_option, run_argument

HELP = """\
Generate text with RUN, a run directory or a checkpoint file. The prime is the start of each
text and is printed too.

The texts of --prime and --stop are prepared like the text of RUN: line ends, Unicode normalization.

\b
charlm sample runs/novel -n 3 --length 200
charlm sample runs/novel --prime @letter.txt --top-p 0.9
charlm sample runs/novel --probs --length 20
charlm sample runs/novel --model ngram
charlm sample runs/novel --interactive

Filters apply in llama.cpp's order: --repeat-penalty, --top-k, --typical, --top-p, --min-p. The temperature is last.

A line end follows each text. If texts have several lines, a terminal shows a line such as --- 2 of 3 --- before
each of them; a program that reads them can use --separator or --json.
"""


def _setting(flag: str, metavar: str, kind: Any, about: str) -> Callable[..., Any]:
    """Return an option whose rule is that of ``charlm.lm.decoding.Sampling``."""
    return click.option(flag, type=kind, metavar=metavar, help=about)


@click.command(help=HELP)
@run_argument
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
    type=float,
    metavar="T",
    default=1.0,
    show_default=True,
    help="Below 1: safer text, above 1: more surprising text, 0: always the most likely character.",
)
@_setting("--repeat-penalty", "X", float, "Above 1: the last characters become less likely.")
@_setting(
    "--repeat-window", "N", int, "How many last characters the penalty applies to (default: 64)."
)
@_setting("--top-k", "N", int, "Keep the N likeliest characters.")
@_setting(
    "--typical",
    "P",
    float,
    "Keep those with surprisal nearest to the entropy, until their total probability is P.",
)
@_setting(
    "--top-p", "P", float, "Keep the likeliest characters until their total probability is P."
)
@_setting(
    "--min-p",
    "P",
    float,
    "Keep the characters that are at least P times as likely as the likeliest.",
)
@click.option("--greedy", is_flag=True, help="Take the likeliest character each time.")
@click.option(
    "--by-word",
    is_flag=True,
    help="Sample the first character of each word, then take the likeliest.",
)
@_setting(
    "--beam", "N", int, "Beam search for the likeliest text, which keeps N texts at each step."
)
@click.option(
    "-p",
    "--prime",
    default="",
    metavar="TEXT",
    help="The text to continue; @FILE for a file, - for standard input.",
)
@click.option(
    "--stop", default="", metavar="TEXT", help="End before this text; @FILE and - as with --prime."
)
@click.option(
    "--unknown",
    type=click.Choice(["error", "skip", "replace"]),
    help="What to do about characters of the prime that the model does not know (default: <UNK> if it has one, "
    "else error).",
)
@click.option(
    "--seed", type=click.IntRange(min=0), metavar="N", help="The same seed gives the same texts."
)
@click.option(
    "--mix",
    multiple=True,
    metavar="RUN=WEIGHT",
    help="Mix in the probabilities of another run with the same alphabet. Repeatable.",
)
@click.option(
    "--model",
    "kind",
    type=click.Choice(["network", "ngram"]),
    default="network",
    help="ngram: sample from n-grams of the text of RUN instead.",
)
@click.option(
    "--order", type=click.IntRange(1, 32), metavar="N", help="The n of the n-grams (default: 7)."
)
@click.option(
    "--text",
    "moved",
    multiple=True,
    metavar="TEXT",
    help="Where the text of RUN is now, if it was moved (with --model ngram).",
)
@click.option(
    "--probs", is_flag=True, help="Show the probability of each character and the next best."
)
@click.option("--interactive", is_flag=True, help="Write together with the model, on a terminal.")
@click.option(
    "--separator",
    metavar="TEXT",
    help=r"Print this after each text instead of a line end; it may contain \n, \t and \0.",
)
@checkpoint_option
@kernels_option
@click.option(
    "--json", "as_json", is_flag=True, help="Print a JSON object for each text, one on a line."
)
@click.pass_obj
def sample(obj: dict[str, Any], /, **options: Any) -> int:
    from charlm.cli.sample import sample

    return sample(obj, **options)
