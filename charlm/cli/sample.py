"""`charlm sample`: text from a trained model, shown as it is generated."""

from __future__ import annotations

import contextlib
import secrets
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import click

from charlm import progress
from charlm.cli.terminal.phrases import cut_mark, json_line
from charlm.cli.terminal.screen import Screen
from charlm.lm.compute import decide, operations_per_character, saved_by_sampling
from charlm.lm.language_model import CharLM, load
from charlm.lm.sampling import SIDE_BY_SIDE, SampledText, TextPart, in_turn


def sample(
    obj: dict[str, Any],
    run: str,
    number: int,
    length: int | None,
    temperature: float,
    prime: str,
    stop: str,
    seed: int | None,
    checkpoint: str | None,
    kernels: str | None,
    as_json: bool,
) -> int:
    """Run ``charlm sample`` and return the exit code."""
    screen = Screen(obj)
    model = load(run, checkpoint)
    # a prime that the model cannot read is an error before anything is printed
    shown = model.prompt(prime, stop).prime
    if seed is None:
        seed = secrets.randbits(32)
        screen.say(f"seed {seed}")
    size = len(prime) + (length or model.default_length())
    texts, symbols = min(number, SIDE_BY_SIDE), len(model.vocab)
    saved = number * size * saved_by_sampling(model.config, symbols, texts)
    at_once = texts * operations_per_character(model.config, symbols)
    model.kernels = decide(kernels or "auto", None, saved, at_once).functions()
    # the seed of a text does not depend on the number of texts
    seeds = [[seed, k] for k in range(number)]
    options = {"temperature": temperature, "prime": prime, "stop": stop}
    samples: list[SampledText] = []
    text: str | None = None
    # texts of one line need no border; programs read --json
    bordered = number > 1 and model.vocab.eos is None and sys.stdout.isatty() and not as_json
    most = number * (length or model.default_length())
    with _progress(most, seen=sys.stdout.isatty() and not as_json):
        for part in _drawn(model, seeds, length, options):
            if bordered and text is None:
                _show(f"--- {len(samples) + 1} of {number} ---\n")
            if not as_json:
                _show(part.characters if text is not None else shown + part.characters)
            text = (text or "") + part.characters
            if part.complete is not None:
                samples.append(SampledText(text, part.complete))
                if not as_json:
                    _show((cut_mark(samples[-1]) if length is None else "") + "\n")
                text = None
    if as_json:
        click.echo(_json(samples, shown, seed, temperature))
    return 0


def _drawn(
    model: CharLM, seeds: list[list[int]], length: int | None, options: dict[str, Any]
) -> Iterator[TextPart]:
    """Sample many texts at once, and yield them one after the other."""
    for begin in range(0, len(seeds), SIDE_BY_SIDE):
        side_by_side = model.streams(seeds[begin : begin + SIDE_BY_SIDE], length, **options)
        yield from in_turn(map(_counted, side_by_side))


def _counted(part: TextPart) -> TextPart:
    progress.advance(len(part.characters))
    return part


def _progress(most: int, *, seen: bool) -> AbstractContextManager[None]:
    """Show the progress of the sampling, if the text itself does not show it."""
    return contextlib.nullcontext() if seen else progress.task("sampling", most)


def _show(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _json(samples: list[SampledText], prime: str, seed: int, temperature: float) -> str:
    texts = [{"text": s.text, "complete": s.complete} for s in samples]
    return json_line({"seed": seed, "temperature": temperature, "prime": prime, "samples": texts})
