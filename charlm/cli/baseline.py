"""`charlm baseline`: what counting and compressing reach on a text."""

from __future__ import annotations

import json

import click

from charlm.baselines.measure import measure
from charlm.baselines.ngram import MAX_ORDER
from charlm.cli.options import encoding_option, own_text
from charlm.cli.scores import baselines_data, every_order, score_table
from charlm.text.preparing import corpus_of
from charlm.wording import counted


@click.command(short_help="Say what counting and compressing reach on a text.")
@click.argument("texts", nargs=-1, required=True, metavar="TEXT...")
@click.option(
    "--order",
    type=click.IntRange(1, 32),
    default=MAX_ORDER,
    show_default=True,
    help="The highest order of n-grams.",
)
@click.option(
    "--val-frac",
    type=click.FloatRange(0, 0.5, min_open=True),
    default=0.1,
    show_default=True,
    help="The part of the text, at its end, that is scored.",
)
@encoding_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def baseline(
    texts: tuple[str, ...], order: int, val_frac: float, encoding: str | None, as_json: bool
) -> int:
    """Score the end of TEXT by models without a network, made of what is before it.

    These are: all characters equally likely, single characters' frequencies, modified Kneser-Ney n-grams, and xz.
    TEXT is files, folders of .txt files, or - for standard input.
    """
    corpus = corpus_of(own_text(texts, encoding=encoding, val_frac=val_frac))
    found = measure(corpus.vocab, corpus.train_ids, corpus.held_out_ids, order)
    if as_json:
        click.echo(json.dumps(baselines_data(found)))
        return 0
    symbol = "byte" if corpus.vocab.is_bytes else "character"
    click.echo(
        f"{counted(found.held_out_characters, symbol)} after {found.train_characters:,}"
        + (f" ({found.sample_note})" if found.sampled else "")
    )
    click.echo(score_table(every_order(found)))
    return 0
