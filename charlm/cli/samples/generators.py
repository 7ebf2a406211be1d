"""The generators of `charlm sample`: the network of a run, its n-grams, or a mixture with other runs."""

from __future__ import annotations

import re
import shlex

import attrs
import click

from charlm.cli.terminal.screen import Screen
from charlm.errors import InputError, SettingError
from charlm.lm.compute import (
    decide,
    operations_per_character,
    sampling_kernels,
    saved_by_sampling,
)
from charlm.lm.counting import NGramGenerator
from charlm.lm.decoding import NAMES, Sampling
from charlm.lm.generator import TextGenerator
from charlm.lm.language_model import CharLM, load_model, model_of
from charlm.lm.mixture import Mixture, Part
from charlm.lm.predictor import has_sampler
from charlm.lm.run_text import corpus_of_run
from charlm.lm.saved import config_of
from charlm.lm.scoring import MIX_ORDER
from charlm.runs.checkpoint import Checkpoint
from charlm.threads import thread_count, use_threads

_NAME = re.compile(rf"\b({'|'.join(NAMES)})\b")


def settings(options: dict[str, object]) -> dict[str, object]:
    """Return the sampling settings among the options, checked; errors name the options.

    Example:
        >>> settings({"top_k": 3, "top_p": None, "greedy": False})
        {'top_k': 3}
        >>> settings({"top_k": 3, "greedy": True})
        Traceback (most recent call last):
        charlm.errors.InputError: --greedy: it ...nothing to choose from; leave out --top-k, or --greedy
    """
    chosen = {
        name: value for name, value in options.items() if value is not None and value is not False
    }
    try:
        Sampling(**chosen)  # type: ignore[arg-type]
    except SettingError as error:
        raise InputError(_NAME.sub(lambda m: f"--{m[1].replace('_', '-')}", str(error))) from None
    return chosen


def counted(
    screen: Screen, run: str, loaded: Checkpoint, order: int | None, moved: tuple[str, ...]
) -> NGramGenerator:
    """Return the n-grams of a run's training text."""
    data = config_of(loaded).data
    data = attrs.evolve(data, text=moved) if moved else data
    again = f"charlm sample --model ngram --text PATH {shlex.quote(run)}"
    corpus = corpus_of_run(run, loaded, data, again)
    network = model_of(loaded)
    model = NGramGenerator(
        network.vocab,
        corpus.train_ids,
        order or MIX_ORDER,
        network.line_limit,
        network.normalize,
    )
    screen.say(f"{model.counts.order}-grams of {len(corpus.train_ids):,} characters")
    return model


def mixed(name: str, first: TextGenerator, mix: tuple[str, ...]) -> TextGenerator:
    """Return the mixture of a model with the models of other runs; ``mix`` has RUN=WEIGHT for each."""
    if not mix:
        return first
    parts = []
    for argument in mix:
        run, equals, weight = argument.rpartition("=")
        try:
            number = float(weight)
        except ValueError:
            number = float("nan")
        if not (equals and run and 0 < number < 1):
            raise click.UsageError(
                f"--mix {argument}: expected RUN=WEIGHT with a weight between 0 and 1, such as runs/novel=0.3"
            )
        parts.append((run, number))
    rest = 1 - sum(weight for _, weight in parts)
    if not rest > 1e-9:
        raise click.UsageError(
            f"--mix: the weights sum to {1 - rest:g}, which leaves nothing for {name}: give weights that sum to "
            "less than 1"
        )
    models = [Part(run, load_model(run), weight) for run, weight in parts]
    return Mixture([Part(name, first, rest), *models])


def equip(model: TextGenerator, kernels: str | None, characters: int, texts: int) -> None:
    """Choose the kernels of every network in a generator.

    Args:
        model: the generator.
        kernels: their name, or None to choose by the amount of work.
        characters: how many characters are sampled and read in all.
        texts: how many texts are sampled at once.
    """
    if isinstance(model, Mixture):
        for part in model.parts:
            equip(part.model, kernels, characters, texts)
    if not isinstance(model, CharLM):
        return
    use_threads(thread_count(default=1))  # sampling is many small products
    symbols = len(model.vocab)
    saved = characters * saved_by_sampling(model.config, symbols, texts)
    at_once = texts * operations_per_character(model.config, symbols)
    if has_sampler(model):
        model.kernels = sampling_kernels(kernels or "auto", saved, at_once)
    else:
        model.kernels = decide(kernels or "auto", None, saved, at_once).functions()
