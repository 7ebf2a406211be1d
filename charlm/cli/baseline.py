"""`charlm baseline`: how well n-grams and xz predict a text."""

from __future__ import annotations

import click

from charlm.baselines.measure import measure
from charlm.baselines.ngram import MAX_ORDER
from charlm.cli.options.advice import encoding_offered
from charlm.cli.options.shared import own_text
from charlm.cli.terminal.phrases import json_line
from charlm.cli.terminal.scores import baselines_data, every_order, score_table
from charlm.text.preparing import corpus_of
from charlm.wording import counted


def baseline(
    texts: tuple[str, ...], order: int | None, val_frac: float, encoding: str | None, as_json: bool
) -> int:
    """Run ``charlm baseline`` and return the exit code."""
    data = own_text(texts, encoding=encoding, val_frac=val_frac)
    with encoding_offered(data):
        corpus = corpus_of(data)
    measured = measure(corpus.vocab, corpus.train_ids, corpus.held_out_ids, order or MAX_ORDER)
    if as_json:
        click.echo(json_line(baselines_data(measured)))
        return 0
    symbol = "byte" if corpus.vocab.is_bytes else "character"
    click.echo(
        f"scored on the last {counted(measured.held_out_characters, symbol)}, "
        f"trained on the first {measured.train_characters:,}"
        + (f" ({measured.sample_note})" if measured.sampled else "")
    )
    click.echo(score_table(every_order(measured)))
    return 0
