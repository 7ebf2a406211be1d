"""`charlm eval`: how well a trained model predicts a text."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import click
import numpy as np

from charlm.baselines.measure import Baselines, measure
from charlm.baselines.verdict import standing
from charlm.cli.options import kernels_option
from charlm.cli.output import Screen
from charlm.cli.scores import score_table
from charlm.config import DataConfig
from charlm.errors import TextError
from charlm.lm.compute import decide, operations_per_character
from charlm.lm.model import load
from charlm.lm.scoring import MIX_ORDER, Evaluation, score_text
from charlm.text.preparing import text_of
from charlm.text.vocab import Ids, Vocab
from charlm.training.standing import baselines_of, checkpoint_of, corpus_of_run


@click.command("eval", short_help="Score a text with a trained model.")
@click.argument("run")
@click.argument("texts", nargs=-1, metavar="[TEXT...]")
@click.option("--cold", is_flag=True, help="Begin the held-out text with an empty state.")
@click.option("--dynamic", is_flag=True, help="Learn from the text, each piece after its score.")
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    metavar="R",
    help="How fast --dynamic learns (default: chosen on the end of the training text).",
)
@click.option("--mix", type=click.Choice(["ngram"]), help="Mix with n-grams of the training text.")
@kernels_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def eval_(
    obj: dict[str, Any],
    run: str,
    texts: tuple[str, ...],
    cold: bool,
    dynamic: bool,
    rate: float | None,
    mix: str | None,
    kernels: str | None,
    as_json: bool,
) -> int:
    """Score TEXT, or the held-out part of the text of RUN, with the best checkpoint of RUN or its last.

    The held-out part is read as one text, with the state that the training text leaves. What --dynamic learns
    and what the n-grams count with it comes from characters that have been scored already.
    """
    screen = Screen(obj)
    if rate is not None and not dynamic:
        raise click.UsageError("--rate is of --dynamic: give both, or neither")
    if cold and texts:
        raise click.UsageError("--cold is of the held-out text: another TEXT begins cold anyway")
    checkpoint = checkpoint_of(run)
    model = load(checkpoint)
    train: Ids | None = None
    known: Baselines | None = None
    if not texts or dynamic or mix:
        corpus = corpus_of_run(checkpoint)
        train = corpus.train_ids
    if texts:
        ids, begin = text_ids(model.vocab, texts), 1
        if train is not None:
            known = measure(model.vocab, train, ids[1:])
    else:
        assert train is not None
        if not corpus.has_held_out:
            raise TextError(f"{run} holds nothing out: name a TEXT to score")
        ids, begin = np.append(train, corpus.held_out_ids), len(train)
        known = baselines_of(corpus, Path(run) if Path(run).is_dir() else None)
    work = operations_per_character(model.config, len(model.vocab)) * len(ids[begin:])
    model.kernels = decide(kernels or "auto", None, work * (4 if dynamic else 1)).functions()
    found = score_text(
        model, ids, begin, train, cold=cold, dynamic=dynamic, rate=rate, mix=mix is not None
    )
    if as_json:
        click.echo(json.dumps(_data(found, checkpoint, _state(cold, texts), dynamic, known)))
        return 0
    screen.say(f"{checkpoint}: {_how(found, _state(cold, texts), dynamic)}")
    _show(found, known)
    return 0


def text_ids(vocab: Vocab, texts: tuple[str, ...]) -> Ids:
    """Return the ids of some texts, behind the symbol that a text of the model begins with."""
    text = text_of(DataConfig(text=texts))
    if vocab.eos is None:
        first = vocab.index("\n") if "\n" in vocab else 0
        return np.append(first, vocab.encode(text))
    lines = [line for line in text.split("\n") if line]
    return np.append(vocab.eos, vocab.encode("".join(f"{line}\n" for line in lines), lines=True))


def _state(cold: bool, texts: tuple[str, ...]) -> str:
    return "cold" if cold or texts else "carried"


def _how(found: Evaluation, state: str, dynamic: bool) -> str:
    words = [f"state {state}"]
    if found.rate is not None:
        words.append(f"dynamic, rate {found.rate:g}")
    if found.weight is not None:
        counts = "that go on counting" if dynamic else "of the training text"
        words.append(
            f"mixed with {MIX_ORDER}-grams {counts}; the model's weight, learned while reading, is "
            f"{found.weight:.2f} on average"
        )
    return ", ".join(words)


def _show(found: Evaluation, known: Baselines | None) -> None:
    error = found.standard_error
    click.echo(
        f"{found.characters:,} characters: {found.nll:.4f} +- {error:.4f} nats/char, "
        f"{found.bpc:.4f} bits/char, {found.bits_per_byte:.4f} bits/byte, "
        f"perplexity {found.perplexity:.3f} +- {found.perplexity_error:.3f}"
    )
    if known is not None:
        click.echo(score_table([*known.rows(), ("this model", found.nll)]))
        click.echo(standing(found.nll, known))


def _data(
    found: Evaluation, checkpoint: Path, state: str, dynamic: bool, known: Baselines | None
) -> dict[str, Any]:
    def number(value: float) -> float | None:
        return value if math.isfinite(value) else None

    mixed = {"order": MIX_ORDER, "adaptive": dynamic, "weight": found.weight}
    return {
        "nll": number(found.nll),
        "bpc": number(found.bpc),
        "perplexity": number(found.perplexity),
        "standard_error": number(found.standard_error),
        "perplexity_error": number(found.perplexity_error),
        "bits_per_byte": number(found.bits_per_byte),
        "characters": found.characters,
        "bytes": found.bytes,
        "checkpoint": str(checkpoint),
        "state": state,
        "dynamic": None if found.rate is None else {"rate": found.rate},
        "mix": None if found.weight is None else mixed,
        "baselines": None if known is None else dict(known.rows()),
    }
