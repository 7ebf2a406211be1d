"""`charlm sample`: texts from a trained model, shown as they are drawn."""

from __future__ import annotations

import contextlib
import secrets
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import click

from charlm import progress
from charlm.cli.options import checkpoint_option, kernels_option
from charlm.cli.output import Screen, cut_mark, json_line
from charlm.lm.compute import decide, operations_per_character
from charlm.lm.model import CharLM, load
from charlm.lm.sampling import SIDE_BY_SIDE, Drawn, SampledText, in_turn


@click.command(short_help="Draw texts from a trained model.")
@click.argument("run")
@click.option("-n", "--number", type=click.IntRange(min=1), default=1, help="How many texts.")
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
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Below 1 plays safe, above 1 takes risks, 0 takes the likeliest character.",
)
@click.option("-p", "--prime", default="", metavar="TEXT", help="The text to go on from.")
@click.option("--stop", default="", metavar="TEXT", help="End before this text.")
@click.option("--seed", type=click.IntRange(min=0), help="The same seed gives the same texts.")
@checkpoint_option
@kernels_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
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
    """Draw texts from RUN, a run directory or a checkpoint file. A prime is printed before what follows it."""
    screen = Screen(obj)
    model = load(run, checkpoint)
    # a prime that the model cannot read is an error before anything is printed
    model.vocab.encode(prime)
    if seed is None:
        seed = secrets.randbits(32)
        screen.say(f"seed {seed}")
    size = len(prime) + (length or model.default_length())
    work = number * size * operations_per_character(model.config, len(model.vocab))
    model.kernels = decide(kernels or "auto", None, work).functions()
    # a text's seed does not depend on how many are asked for
    seeds = [[seed, k] for k in range(number)]
    options = {"temperature": temperature, "prime": prime, "stop": stop}
    found: list[SampledText] = []
    text: str | None = None
    most = number * (length or model.default_length())
    with _told(most, seen=sys.stdout.isatty() and not as_json):
        for part in _drawn(model, seeds, length, options):
            if not as_json:
                _show(part.characters if text is not None else prime + part.characters)
            text = (text or "") + part.characters
            if part.complete is not None:
                found.append(SampledText(text, part.complete))
                if not as_json:
                    _show((cut_mark(found[-1]) if length is None else "") + "\n")
                text = None
    if as_json:
        click.echo(_json(found, prime, seed, temperature))
    return 0


def _drawn(
    model: CharLM, seeds: list[list[int]], length: int | None, options: dict[str, Any]
) -> Iterator[Drawn]:
    """Draw many texts at once, and yield them one after the other."""
    for begin in range(0, len(seeds), SIDE_BY_SIDE):
        side_by_side = model.streams(seeds[begin : begin + SIDE_BY_SIDE], length, **options)
        yield from in_turn(map(_counted, side_by_side))


def _counted(part: Drawn) -> Drawn:
    progress.advance(len(part.characters))
    return part


def _told(most: int, *, seen: bool) -> AbstractContextManager[None]:
    """Tell how far the drawing is, where the text itself does not show it."""
    return contextlib.nullcontext() if seen else progress.task("drawing", most)


def _show(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _json(found: list[SampledText], prime: str, seed: int, temperature: float) -> str:
    samples = [{"text": s.text, "complete": s.complete} for s in found]
    return json_line({"seed": seed, "temperature": temperature, "prime": prime, "samples": samples})
