"""`charlm sample`: text from a trained model, shown as it is generated."""

from __future__ import annotations

import contextlib
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import click

from charlm import progress
from charlm.cli.samples.forms import JsonLines, Plain, Probabilities, Shown
from charlm.cli.samples.generators import counted, equip, mixed, settings
from charlm.cli.terminal.screen import Screen
from charlm.config.rules import pattern_of
from charlm.lm.choices import choices
from charlm.lm.generator import TextGenerator
from charlm.lm.language_model import model_of
from charlm.lm.sampling import SIDE_BY_SIDE, TextPart, in_turn
from charlm.lm.saved import config_of
from charlm.runs.checkpoint import load_checkpoint
from charlm.text.prompt import Prompt, Unknown, prepared, text_given, unknown_in
from charlm.text.sources import STDIN
from charlm.text.vocab import Vocab, named
from charlm.wording import counted as number_of

HELD = 1 << 20
"""The most characters of texts that are sampled at once and wait for their turn to be shown."""
ESCAPE = re.compile(r"\\([nt0\\])")


def sample(
    obj: dict[str, Any],
    run: str,
    number: int,
    length: int | None,
    prime: str,
    stop: str,
    unknown: Unknown | None,
    seed: int | None,
    checkpoint: str | None,
    kernels: str | None,
    mix: tuple[str, ...],
    kind: str,
    order: int | None,
    moved: tuple[str, ...],
    probs: bool,
    interactive: bool,
    separator: str | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Run ``charlm sample`` and return the exit code."""
    screen = Screen(obj)
    how = settings(options)
    _check_forms(number, probs, interactive, separator, as_json, how)
    if kind != "ngram" and (order is not None or moved):
        raise click.UsageError("--order and --text are for --model ngram: give it too")
    if prime == stop == STDIN:
        raise click.UsageError(
            "--prime and --stop are both -, but standard input is one text: give one of them as @FILE"
        )
    loaded = load_checkpoint(run, checkpoint)
    model: TextGenerator = (
        counted(screen, run, loaded, order, moved) if kind == "ngram" else model_of(loaded)
    )
    model = mixed(run, model, mix)
    as_read = config_of(loaded).data.encoding, model.vocab.framing == "lines"
    prime, stop = text_given(prime, "prime", *as_read), text_given(stop, "stop text", *as_read)
    # what the model cannot read is an error before anything is printed
    prompt = model.prompt(prime, stop, unknown)
    limit = length or model.default_length()
    _notes(screen, model, prime, prompt, unknown, limit)
    if seed is None:
        seed = secrets.randbits(32)
        if not ({"greedy", "beam"} & how.keys() or how["temperature"] == 0):
            screen.say(f"seed {seed}")
    texts = min(number, SIDE_BY_SIDE, max(1, HELD // limit))
    equip(model, kernels, number * (len(prompt.prime) + limit), texts)
    if interactive:
        from charlm.cli.samples.interactive import interact

        return interact(model, prompt, seed, how)
    if probs:
        _show_probabilities(model, number, seed, limit, prompt, how, as_json)
        return 0
    if as_json:
        shown: Shown = JsonLines({"seed": seed, **how})
    else:
        of_text = config_of(loaded).data.separator
        shown = _plain(number, model.vocab, separator, of_text, marks=length is None)
    # a text's seed does not depend on how many are asked for
    seeds = [[seed, k] for k in range(number)]
    with _progress(number * limit, seen=sys.stdout.isatty() and not as_json):
        options = {"prime": prime, "stop": stop, "unknown": unknown, **how}
        parts = _sampled(model, seeds, texts, limit, options)
        _show_texts(parts, shown, prompt.prime)
    return 0


def _check_forms(
    number: int,
    probs: bool,
    interactive: bool,
    separator: str | None,
    as_json: bool,
    how: dict[str, object],
) -> None:
    """Refuse contradictory options about the form of the output."""
    if separator is not None and (probs or interactive or as_json):
        raise click.UsageError(
            "--separator is for plain texts: leave it out, or leave out --probs, --interactive and --json"
        )
    if interactive and (probs or as_json or number > 1 or "beam" in how):
        raise click.UsageError(
            "--interactive writes one plain text, suggestion by suggestion: leave out --probs, --json, --number "
            "and --beam"
        )
    if "beam" in how and (probs or number > 1):
        raise click.UsageError(
            "--beam searches for one text and samples nothing: leave out --number and --probs, or --beam"
        )


def _notes(
    screen: Screen,
    model: TextGenerator,
    prime: str,
    prompt: Prompt,
    unknown: Unknown | None,
    limit: int,
) -> None:
    """Print notes about unknown characters of the prime, and a stop text that is too long."""
    left = unknown_in(prepared(prime, model.vocab, model.normalize), model.vocab, unknown)
    if left:
        done = "left out of" if unknown == "skip" else "replaced in"
        listed = ", ".join(map(named, left))
        screen.say(
            f"note: {number_of(len(left), 'character')} that the model does not know, {done} the prime: {listed}"
        )
    if len(prompt.stop) > limit:
        screen.say(
            f"note: the stop text has {number_of(len(prompt.stop), 'character')} and does not fit in a text of {limit}"
        )


def _plain(
    number: int, vocab: Vocab, separator: str | None, of_text: str | None, *, marks: bool
) -> Plain:
    # texts of one line need no border; a program that reads texts of several lines uses a separator
    bordered = number > 1 and vocab.framing != "lines" and sys.stdout.isatty() and separator is None
    after = "\n" if separator is None else unescaped(separator)
    if number > 1 and not bordered and separator is None and of_text is not None:
        # the documents are separated as in the text that the model learned, if that is by a line
        after += "" if pattern_of(of_text) else f"{of_text}\n"
    return Plain(number if bordered else None, after, marks)


def _show_texts(parts: Iterator[TextPart], shown: Shown, prime: str) -> None:
    number, within = 0, False
    for part in parts:
        if not within:
            number, within = number + 1, True
            shown.begin(number, prime)
        shown.add(part.characters)
        if part.complete is not None:
            shown.end(part.complete)
            within = False


def _show_probabilities(
    model: TextGenerator,
    number: int,
    seed: int,
    limit: int,
    prompt: Prompt,
    how: dict[str, Any],
    as_json: bool,
) -> None:
    shown = Probabilities(model.vocab, as_json, number)
    shown.head()
    for k in range(number):
        shown.border(k + 1)
        for choice in choices(model, [seed, k], limit, prompt, **how):
            shown.add(k + 1, choice)


def _sampled(
    model: TextGenerator,
    seeds: list[list[int]],
    texts: int,
    limit: int,
    options: dict[str, Any],
) -> Iterator[TextPart]:
    """Sample many texts at once, and yield them one after the other."""
    for begin in range(0, len(seeds), texts):
        side_by_side = model.streams(seeds[begin : begin + texts], limit, **options)
        yield from in_turn(map(_counted, side_by_side))


def _counted(part: TextPart) -> TextPart:
    progress.advance(len(part.characters))
    return part


def _progress(most: int, *, seen: bool) -> AbstractContextManager[None]:
    """Show the progress, unless the text itself shows it."""
    return contextlib.nullcontext() if seen else progress.task("sampling", most)


def unescaped(text: str) -> str:
    r"""Return a separator with its escapes replaced by line ends, tabs and zero bytes.

    Example:
        >>> unescaped(r"\n--\0"), unescaped(r"\\n")
        ('\n--\x00', '\\n')
    """
    characters = {"n": "\n", "t": "\t", "0": "\0", "\\": "\\"}
    return ESCAPE.sub(lambda match: characters[match[1]], text)
