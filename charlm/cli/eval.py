"""`charlm eval`: how well a trained model predicts a text."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import attrs
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
from charlm.lm.evaluation import WARM_UP
from charlm.lm.model import model_of
from charlm.lm.saved import config_of
from charlm.lm.scoring import MIX_ORDER, Evaluation, score_text
from charlm.runs.checkpoint import checkpoint_file, load_checkpoint
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.text.preparing import ids_of
from charlm.text.vocab import Ids, Vocab
from charlm.training.standing import baselines_of, corpus_of_run


@click.command("eval", short_help="Score a text with a trained model.")
@click.argument("run")
@click.argument("texts", nargs=-1, metavar="[TEXT...]")
@click.option(
    "--split",
    type=click.Choice(["val", "test"]),
    help="Which part of the run's own text: held out, or kept for a last test (default: val).",
)
@click.option("--cold", is_flag=True, help="Begin that part with an empty state.")
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
    split: str | None,
    cold: bool,
    dynamic: bool,
    rate: float | None,
    mix: str | None,
    kernels: str | None,
    as_json: bool,
) -> int:
    """Score TEXT, or the held-out part of the text of RUN, with the best checkpoint of RUN or its last.

    TEXT is files, folders of .txt files, or - for standard input, and is decoded as the text of RUN. The
    held-out part is read as one text, with the state that the text before it leaves. What --dynamic learns
    and what the n-grams count with it comes from characters that have been scored already.
    """
    screen = Screen(obj)
    if rate is not None and not dynamic:
        raise click.UsageError("--rate is of --dynamic: give both, or neither")
    if cold and texts:
        raise click.UsageError("--cold is of the held-out text: another TEXT begins cold anyway")
    if split and texts:
        raise click.UsageError("--split is of the run's own text: leave it out, or TEXT")
    loaded, checkpoint = load_checkpoint(run), checkpoint_file(run)
    model = model_of(loaded)
    data = config_of(loaded).data
    train: Ids | None = None
    known: Baselines | None = None
    if not texts or dynamic or mix:
        corpus = corpus_of_run(checkpoint, loaded)
        train = corpus.train_ids
    if texts:
        ids, begin = text_ids(attrs.evolve(data, text=texts), model.vocab), 1
        if train is not None:
            known = measure(model.vocab, train, ids[1:])
    else:
        assert train is not None
        before, scored = part_of(corpus, split or "val", data, run)
        ids, begin = np.append(before, scored), len(before)
        if split == "test":
            known = measure(model.vocab, train, scored)
        else:
            known = baselines_of(corpus, Path(run) if Path(run).is_dir() else None)
    work = operations_per_character(model.config, len(model.vocab)) * len(ids[begin:])
    model.kernels = decide(kernels or "auto", None, work * (4 if dynamic else 1)).functions()
    found = score_text(
        model, ids, begin, train, cold=cold, dynamic=dynamic, rate=rate, mix=mix is not None
    )
    if as_json:
        about = _data(found, checkpoint, _state(cold, texts), dynamic, known)
        about |= {"split": None if texts else split or "val", "unit": model.vocab.unit}
        click.echo(json.dumps(about))
        return 0
    screen.say(f"{checkpoint}: {_how(found, _state(cold, texts), dynamic)}")
    unknown = 0 if model.vocab.unknown is None else int((ids[begin:] == model.vocab.unknown).sum())
    if unknown:
        screen.say(
            f"note: {unknown:,} of the characters are <UNK> to the model, and scored as such"
        )
    _show(found, known, model.vocab.unit)
    return 0


def text_ids(data: DataConfig, vocab: Vocab) -> Ids:
    """Return the ids of the text that a section names, behind the symbol that a text of the model begins with."""
    ids = ids_of(data, vocab)
    return np.append(np.full(1, vocab.start, ids.dtype), ids)


def part_of(
    corpus: LineCorpus | StreamCorpus, split: str, data: DataConfig, run: str
) -> tuple[Ids, Ids]:
    """Return a part of a run's text that nothing was learned from, behind what is read before it.

    Raises:
        TextError: there is no such part.
    """
    held_out, test = corpus.held_out_ids, corpus.test_ids
    if split == "test" and not len(test):
        raise TextError(
            f"{run}: nothing of its text is kept for a test (data.test_frac is {data.test_frac:g}): score what is "
            f"held out with --split val, name a TEXT, or train with {_larger('--test-frac', data.test_frac)}"
        )
    if split == "val" and not len(held_out):
        other = "the test part with --split test, or " if len(test) else ""
        raise TextError(
            f"{run} holds nothing out (data.val_frac is {data.val_frac:g}): score {other}a TEXT that you name, or "
            f"train with {_larger('--val-frac', data.val_frac)}"
        )
    before = corpus.train_ids[-WARM_UP - 1 :]
    if split == "val":
        return before, held_out
    if data.val_file is None:
        before = np.append(before, held_out[-WARM_UP - 1 :])
    return before, test


def _larger(flag: str, share: float) -> str:
    return f"a larger {flag} or a longer text" if share else f"{flag} 0.1"


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


def _show(found: Evaluation, known: Baselines | None, unit: str) -> None:
    symbols = "bytes" if unit == "byte" else "characters"
    per_byte = "" if unit == "byte" else f"{found.bits_per_byte:.4f} bits/byte, "
    click.echo(
        f"{found.characters:,} {symbols}: {found.nll:.4f} +- {found.standard_error:.4f} nats/{unit}, "
        f"{found.bpc:.4f} bits/{unit}, {per_byte}perplexity {found.perplexity:.3f} +- {found.perplexity_error:.3f}"
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
