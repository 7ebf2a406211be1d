"""`charlm eval`: how well a trained model predicts a text."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import attrs
import click
import numpy as np

from charlm.baselines.measure import Baselines, measure
from charlm.cli.terminal.layout import filled
from charlm.cli.terminal.phrases import json_line
from charlm.cli.terminal.scores import evaluation_data, evaluation_lines, how_scored
from charlm.cli.terminal.screen import Screen
from charlm.config import DataConfig
from charlm.config.schema import BYTES
from charlm.errors import InputError, TextError
from charlm.lm.compute import decide, saved_by_reading
from charlm.lm.language_model import model_of
from charlm.lm.run_text import Split, corpus_of_run, part_of, text_ids
from charlm.lm.saved import config_of
from charlm.lm.scoring import score_text
from charlm.reporting.verdicts import baselines_of
from charlm.runs.checkpoint import checkpoint_file, load_checkpoint
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.text.preparing import kept_data
from charlm.text.reading import UTF_8
from charlm.text.sizes import Sizes, unknown_sizes_of_part
from charlm.text.vocab import Ids, Vocab


def eval_(
    obj: dict[str, Any],
    run: str,
    texts: tuple[str, ...],
    split: Split | None,
    encoding: str | None,
    moved: tuple[str, ...],
    val_file: str | None,
    cold: bool,
    dynamic: bool,
    rate: float | None,
    mix: str | None,
    kernels: str | None,
    as_json: bool,
) -> int:
    """Run ``charlm eval`` and return the exit code."""
    screen = Screen(obj)
    _check_options(texts, split, encoding, bool(moved or val_file), cold, dynamic, rate, mix)
    loaded, checkpoint = load_checkpoint(run), checkpoint_file(run)
    model = model_of(loaded)
    data = config_of(loaded).data
    own = attrs.evolve(data, text=moved or data.text, val_file=val_file or data.val_file)
    if texts:
        learn = dynamic or mix
        train = corpus_of_run(checkpoint, loaded, own).train_ids if learn else None
        text = _other_text(data_of(texts, encoding, data, model.vocab), model.vocab, train)
    else:
        corpus = corpus_of_run(checkpoint, loaded, own)
        text = _own_part(corpus, split or "val", own, run, model.vocab)
    saved = saved_by_reading(model.config, len(model.vocab)) * len(text.ids[text.begin :])
    model.kernels = decide(kernels or "auto", None, saved * (4 if dynamic else 1)).functions()
    score = score_text(
        model,
        text.ids,
        text.begin,
        text.train,
        cold=cold,
        dynamic=dynamic,
        rate=rate,
        mix=bool(mix),
        unknown=text.unknown,
    )
    state = "cold" if cold or texts else "carried"
    if as_json:
        about = {
            **evaluation_data(score, text.baselines),
            "checkpoint": str(checkpoint),
            "state": state,
            "split": None if texts else split or "val",
            "unit": model.vocab.unit,
        }
        click.echo(json_line(about))
        return 0
    start = "from an empty state" if state == "cold" else "after reading the text before it"
    screen.say(filled(f"{checkpoint}: scored {start}{how_scored(score)}"))
    if len(text.unknown):
        screen.say(
            f"note: {len(text.unknown):,} of the characters are not in the vocabulary; they are scored as <UNK>"
        )
    click.echo("\n".join(evaluation_lines(score, text.baselines, model.vocab.unit)))
    return 0


class _Text(NamedTuple):
    """What is scored.

    Attributes:
        ids: the text, with what is read before it.
        begin: the place of the first symbol with a score.
        unknown: the bytes of each character that is read as ``<UNK>``.
        train: the text that the model has learned; None if it is not needed.
        baselines: scores of models without a network.
    """

    ids: Ids
    begin: int
    unknown: Sizes
    train: Ids | None
    baselines: Baselines | None


def _other_text(data: DataConfig, vocab: Vocab, train: Ids | None) -> _Text:
    """Read texts of the user; there are baselines if the text that the model has learned is given."""
    ids, unknown = text_ids(kept_data(data), vocab)  # kept, because it is read more than once
    return _Text(ids, 1, unknown, train, None if train is None else measure(vocab, train, ids[1:]))


def _own_part(
    corpus: LineCorpus | StreamCorpus, part: Split, data: DataConfig, run: str, vocab: Vocab
) -> _Text:
    """Take a part of the run's own text."""
    _check_part(corpus, part, data, run)
    before, scored = part_of(corpus, part, data)
    baselines = baselines_of(corpus, Path(run)) if part == "val" else None
    return _Text(
        np.append(before, scored),
        len(before),
        unknown_sizes_of_part(corpus, data, part),
        corpus.train_ids,
        baselines or measure(vocab, corpus.train_ids, scored),
    )


def _check_options(
    texts: tuple[str, ...],
    split: Split | None,
    encoding: str | None,
    moved: bool,
    cold: bool,
    dynamic: bool,
    rate: float | None,
    mix: str | None,
) -> None:
    """Refuse options that do not go together."""
    if rate is not None and not dynamic:
        raise click.UsageError("--rate needs --dynamic: give both, or neither")
    if encoding is not None and not texts:
        raise click.UsageError(
            "--encoding is for a TEXT that you name: a run knows the encoding of its own text"
        )
    if not texts:
        return
    if cold:
        raise click.UsageError(
            "--cold is for the run's own text: another TEXT always starts with an empty state"
        )
    if split:
        raise click.UsageError(
            "--split chooses a part of the run's own text: leave out --split, or TEXT"
        )
    if moved and not (dynamic or mix):
        raise click.UsageError(
            "--text and --val-file give the place of the run's own text, which is not read here: leave them out"
        )


def data_of(
    texts: tuple[str, ...], encoding: str | None, data: DataConfig, vocab: Vocab
) -> DataConfig:
    """Return a run's data section with other texts, which must use the same symbols.

    Raises:
        InputError: these are bytes and an encoding is given, or the other way round.
    """
    if encoding is not None and vocab.is_bytes != (encoding == BYTES):
        problem = (
            "the model's symbols are bytes, so nothing is decoded: leave it out"
            if vocab.is_bytes
            else f"the model's symbols are characters, so the text has to be decoded: name a codec, such as {UTF_8}"
        )
        raise InputError(f"--encoding {encoding}: {problem}")
    return attrs.evolve(data, text=texts, val_file=None, encoding=encoding or data.encoding)


def _check_part(corpus: LineCorpus | StreamCorpus, split: str, data: DataConfig, run: str) -> None:
    """Refuse a part of the run's text that is empty.

    Raises:
        TextError: it is.
    """
    held_out, test = corpus.held_out_ids, corpus.test_ids
    if split == "test" and not len(test):
        raise TextError(
            f"{run}: no part of its text is kept for a test (data.test_frac is {data.test_frac:g}): score what is "
            f"held out with --split val, name a TEXT, or train with {_larger('--test-frac', data.test_frac)}"
        )
    if split == "val" and not len(held_out):
        instead = "the test part with --split test, or " if len(test) else ""
        raise TextError(
            f"{run}: no part of its text is held out (data.val_frac is {data.val_frac:g}): score {instead}a TEXT that "
            f"you name, or train with {_larger('--val-frac', data.val_frac)}"
        )


def _larger(flag: str, share: float) -> str:
    return f"a larger {flag} or a longer text" if share else f"{flag} 0.1"
