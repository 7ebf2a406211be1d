"""`charlm sample`: texts from a trained model, shown as they are drawn."""

from __future__ import annotations

import json
import secrets
import sys
from typing import Any

import click

from charlm.cli.output import Screen, cut_mark
from charlm.lm.model import load
from charlm.lm.sampling import SampledText, collect


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
    as_json: bool,
) -> int:
    """Draw texts from RUN, a run directory or a checkpoint file. A prime is printed before what follows it."""
    screen = Screen(obj)
    model = load(run)
    # a prime that the model cannot read is an error before anything is printed
    model.vocab.encode(prime)
    if seed is None:
        seed = secrets.randbits(32)
        screen.say(f"seed {seed}")
    found = []
    for k in range(number):
        # a text's seed does not depend on how many are asked for
        drawn = model.stream(
            length, temperature=temperature, prime=prime, stop=stop, seed=[seed, k]
        )
        if as_json:
            found.append(collect(drawn))
        else:
            sys.stdout.write(prime)
            found.append(collect(drawn, _show))
            _show(cut_mark(found[-1]) if length is None else "")
            _show("\n")
    if as_json:
        click.echo(_json(found, prime, seed, temperature))
    return 0


def _show(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _json(found: list[SampledText], prime: str, seed: int, temperature: float) -> str:
    samples = [{"text": s.text, "complete": s.complete} for s in found]
    return json.dumps(
        {"seed": seed, "temperature": temperature, "prime": prime, "samples": samples},
        ensure_ascii=False,
    )
