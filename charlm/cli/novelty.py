"""`charlm novelty`: what samples have copied from a training text."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import attrs
import click

from charlm.cli.options.advice import encoding_offered
from charlm.cli.options.shared import own_text
from charlm.cli.samples.generators import equip, settings
from charlm.cli.terminal.layout import filled
from charlm.cli.terminal.phrases import json_line
from charlm.cli.terminal.screen import Screen
from charlm.config import DataConfig
from charlm.errors import TextError
from charlm.files import exists
from charlm.lm.language_model import CharLM, model_of
from charlm.lm.run_text import corpus_of_run
from charlm.lm.saved import config_of
from charlm.runs.checkpoint import Checkpoint, load_checkpoint
from charlm.text.corpus import LineCorpus, StreamCorpus
from charlm.text.novelty import Novelty
from charlm.text.novelty import novelty as novelty_of
from charlm.text.preparing import corpus_of, kept_data
from charlm.text.reading import Files
from charlm.text.sources import sources_of
from charlm.text.vocab import Ids, Points, Vocab, byte_values, code_points
from charlm.wording import counted, cut

LENGTH = 20_000
"""The number of characters that a run generates."""
TEXTS = 20
"""The number of texts that are sampled at once."""
LIKE_NEW = 0.9
"""Samples copy if their share of new k-grams is less than this part of that of the held-out text."""


def novelty(
    obj: dict[str, Any],
    samples: str,
    train: tuple[str, ...],
    val_frac: float | None,
    encoding: str | None,
    length: int | None,
    temperature: float,
    seed: int,
    checkpoint: str | None,
    as_json: bool,
) -> int:
    """Run ``charlm novelty`` and return the exit code."""
    screen = Screen(obj)
    settings({"temperature": temperature})
    is_run = is_of_a_run(samples)
    if not is_run and not train:
        raise click.UsageError(
            f"{samples} is not a run, so its training text is not known: give it with --train TEXT"
        )
    if not is_run and (length is not None or checkpoint is not None):
        raise click.UsageError("--length and --checkpoint are for a RUN: leave them out")
    if not train and (val_frac is not None or encoding is not None):
        raise click.UsageError("--val-frac and --encoding are for --train TEXT: give it too")
    loaded = load_checkpoint(samples, checkpoint) if is_run else None
    corpus, data = _corpus(samples, loaded, train, val_frac, encoding)
    held_out = _points(corpus.vocab, corpus.held_out_ids)
    source = _points(corpus.vocab, corpus.train_ids)
    if loaded is None:
        text = Files(sources_of([samples], "samples"), data.encoding, data.normalize).whole()
        generated = _code(text, corpus.vocab)
        name = "in " + ("standard input" if samples == "-" else samples)
    else:
        most = length or min(LENGTH, len(held_out) or LENGTH)
        generated = _code(_sampled(model_of(loaded), most, temperature, seed), corpus.vocab)[:most]
        name = f"sampled from {samples}"
    if not len(generated):
        raise TextError(f"{samples}: there is nothing to compare; give samples that are not empty")
    held_out = held_out[: len(generated)]
    results = novelty_of(source, [generated, held_out] if len(held_out) else [generated])
    if as_json:
        _print_json(results, generated, source, corpus.vocab)
        return 0
    size = counted(len(generated), "byte" if corpus.vocab.is_bytes else "character")
    headline = f"{size} {name}, compared with {len(source):,} of the training text"
    screen.result(filled(headline))
    screen.result(_table(results))
    screen.result(_in_words(results, generated, source, corpus.vocab))
    return 0


def _print_json(results: list[Novelty], generated: Points, source: Points, vocab: Vocab) -> None:
    parts = [_data(one) for one in results]
    about = {
        "train_characters": len(source),
        "copied": _spelled(generated, results[0], vocab),
        "samples": parts[0],
        "held_out": parts[1] if len(parts) > 1 else None,
    }
    click.echo(json_line(about))


def is_of_a_run(name: str) -> bool:
    """Return whether a path is a run or a checkpoint, and not a text."""
    path = Path(name)
    return path.suffix == ".safetensors" or (path.is_dir() and exists(path / "config.yaml"))


def _corpus(
    samples: str,
    loaded: Checkpoint | None,
    train: tuple[str, ...],
    val_frac: float | None,
    encoding: str | None,
) -> tuple[LineCorpus | StreamCorpus, DataConfig]:
    """Return the training text and its held-out part, and how they were read."""
    if loaded is not None and not train:
        data = config_of(loaded).data
        again = f"charlm novelty --train PATH {shlex.quote(samples)}"
        return corpus_of_run(samples, loaded, data, again), data
    if loaded is not None:
        data = config_of(loaded).data
        data = attrs.evolve(
            data,
            text=train,
            val_file=None,
            test_frac=0.0,
            val_frac=data.val_frac if val_frac is None else val_frac,
            encoding=encoding or data.encoding,
        )
    else:
        data = own_text(train, encoding=encoding, val_frac=0.1 if val_frac is None else val_frac)
    data = kept_data(data)
    with encoding_offered(data):
        return corpus_of(data), data


def _points(vocab: Vocab, ids: Ids) -> Points:
    """Return the characters of ids, with a newline for each ``<EOS>``."""
    newline = ord("\n")
    if vocab.is_bytes:
        values = ids.astype("<u4")
        values[ids == 256] = newline
        return values
    spelled = [symbol if len(symbol) == 1 else "\ufffd" for symbol in vocab.symbols]
    table = code_points("".join(spelled)).astype("<u4")
    if vocab.eos is not None:
        table[vocab.eos] = newline
    return table[ids]


def _sampled(model: CharLM, length: int, temperature: float, seed: int) -> str:
    """Sample lines, or some texts of a stream, until they have at least this many characters in all."""
    sampled = ""
    number = 0
    each = None if model.vocab.eos is not None else -(-length // TEXTS)
    equip(model, None, length, TEXTS)
    while len(sampled) < length:
        seeds = [[seed, number + k] for k in range(TEXTS)]
        texts = [""] * TEXTS
        for part in model.streams(seeds, each, temperature=temperature):
            texts[part.text] += part.characters
        sampled += "".join(f"{text}\n" for text in texts)
        number += TEXTS
    return sampled


def _code(text: str, vocab: Vocab) -> Points:
    return byte_values(text) if vocab.is_bytes else code_points(text)


def _data(result: Novelty) -> dict[str, Any]:
    length, at, source = result.longest
    return {
        "characters": result.characters,
        "longest": {"length": length, "at": at, "in_train": source},
        "new": {str(size): round(share, 6) for size, share in result.new.items()},
    }


def _table(results: list[Novelty]) -> str:
    """Return the results as a table, with the held-out text in the second column."""
    rows = [("", *("samples", "held-out")[: len(results)])]
    rows += [("characters", *(f"{one.characters:,}" for one in results))]
    rows += [("longest copied span", *(f"{one.longest.length:,}" for one in results))]
    rows += [
        (
            f"new {size}-grams",
            *(f"{one.new[size]:.1%}" if size in one.new else "-" for one in results),
        )
        for size in results[0].new
    ]
    return "\n".join(
        f"  {name:<20}" + "".join(f"{cell:>10}" for cell in cells) for name, *cells in rows
    )


def _in_words(results: list[Novelty], generated: Points, source: Points, vocab: Vocab) -> str:
    """Return sentences: what was copied, and whether it is more than in new text."""
    longest = results[0].longest
    line = 1 + int((source[: longest.source] == ord("\n")).sum())
    text = cut(repr(_spelled(generated, results[0], vocab)))
    sentences = [
        f"The longest copied span is at line {line:,} of the training text: {text}"
        if longest.length
        else "The samples share no character with the training text."
    ]
    if len(results) == 1:
        sentences.append("Nothing is held out, so there is no new text to compare with.")
    elif shared := set(results[0].new) & set(results[1].new):
        # the comparison is clearest where about half of the held-out k-grams are new
        size = min(shared, key=lambda k: abs(results[1].new[k] - 0.5))
        ours, theirs = results[0].new[size], results[1].new[size]
        more = "more" if ours < LIKE_NEW * theirs else "no more"
        sentences.append(
            f"Of their {size}-grams, {ours:.1%} are new, and {theirs:.1%} of those in the held-out text: the samples "
            f"copy {more} than new text does."
        )
    return "\n".join(filled(sentence) for sentence in sentences)


def _spelled(generated: Points, result: Novelty, vocab: Vocab) -> str:
    length, at, _ = result.longest
    points = generated[at : at + length]
    if vocab.is_bytes:
        return points.astype("u1").tobytes().decode("utf-8", "surrogateescape")
    return "".join(map(chr, points.tolist()))
