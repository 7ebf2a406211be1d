"""`charlm explain`: how far back a model looks, what its gates do, and what one prediction depends on."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from charlm.cli.terminal.layout import filled, table
from charlm.cli.terminal.phrases import json_line
from charlm.cli.terminal.screen import Screen
from charlm.errors import InputError, TextError
from charlm.files import write_atomically
from charlm.lm.compute import decide, saved_by_reading
from charlm.lm.gates import OPEN, SHUT, LayerReport, layer_reports
from charlm.lm.horizon import (
    SIDE_BY_SIDE,
    STEPS,
    Horizon,
    Prediction,
    horizon,
    ngram_bits,
    places_of,
    prediction,
    text_to_read,
)
from charlm.lm.language_model import CharLM, load_model, model_of
from charlm.lm.run_text import corpus_of_run
from charlm.reporting import coloured
from charlm.reporting.horizon import SHARES, explained_marks, horizon_picture, in_words
from charlm.reporting.pictures import check_picture
from charlm.runs.checkpoint import checkpoint_file, load_checkpoint
from charlm.text.prompt import prepared
from charlm.text.symbols import written
from charlm.text.vocab import Vocab
from charlm.wording import counted, fixed, short

READ = 5_000
"""The number of characters that are read for the gates."""
NAMED = 10
"""The most dead units that are named."""


def explain(
    obj: dict[str, Any],
    run: str,
    text: str | None,
    at: int | None,
    chars: int,
    page: Path | None,
    png: Path | None,
    as_json: bool,
    checkpoint: str | None,
    color: bool,
    kernels: str | None,
) -> int:
    """Run ``charlm explain`` and return the exit code."""
    screen = Screen(obj)
    if text is not None:
        if png is not None:
            raise click.UsageError(
                "--png shows how far back the model looks, not one prediction: leave out --png or --text"
            )
        return _explain_one(screen, load_model(run, checkpoint), text, at, page, as_json, color)
    if at is not None or page is not None or color:
        raise click.UsageError(
            "--at, --color and --html are for --text: give a text, or leave them out"
        )
    if png is not None:
        check_picture(png)
    loaded = load_checkpoint(run, checkpoint)
    model = model_of(loaded)
    corpus = corpus_of_run(run, loaded, moved="")
    ids, begin = text_to_read(corpus.train_ids, corpus.held_out_ids, model.vocab.start)
    part = "the held-out part" if len(corpus.held_out_ids) else "its own text"
    places = places_of(begin, len(ids), chars)
    screen.say(f"{checkpoint_file(run, checkpoint)}: {counted(len(places), 'place')} in {part}")
    read = STEPS * len(places) + READ
    saved = read * saved_by_reading(model.config, len(model.vocab), SIDE_BY_SIDE)
    model.kernels = decide(kernels or "auto", None, saved).functions()
    report = horizon(model, ids, places)
    ngrams = ngram_bits(corpus.train_ids, ids, places, len(model.vocab))
    layers = layer_reports(model, ids[begin : begin + READ])
    unit, symbol = model.vocab.unit, model.vocab.symbol
    if png is not None:
        horizon_picture(png, report, ngrams, unit)
        screen.say(f"picture written to {png}")
    if as_json:
        click.echo(json_line(_data(report, ngrams, layers, unit)))
        return 0
    said = [*in_words(report, ngrams, unit, symbol), *_layers_in_words(layers)]
    click.echo("\n".join(map(filled, said)))
    click.echo(f"\n{_scores(report, ngrams, unit)}")
    if layers[0].gates:
        click.echo(f"\n{_gates(layers)}")
    return 0


def _scores(report: Horizon, ngrams: dict[int, float], unit: str) -> str:
    rows = [["context", "model", "n-gram", f"gradient (lag, {unit}s)"]]
    for kept, bits in report.context.items():
        counting = fixed(ngrams[kept]) if kept in ngrams else "-"
        lag = short(report.gradients[kept - 1], 3) if kept <= len(report.gradients) else "-"
        rows.append([f"{kept}", fixed(bits), counting, lag])
    return table([*rows, ["all", fixed(report.whole), "-", "-"]])


def _layers_in_words(layers: list[LayerReport]) -> list[str]:
    said = []
    for number, report in enumerate(layers, 1):
        named = ", ".join(f"h{unit}" for unit in report.dead[:NAMED])
        more = ", ..." if len(report.dead) > NAMED else ""
        are = "are" if len(report.dead) > 1 else "is"
        said.append(
            f"Layer {number}: {len(report.dead) or 'none'} of {counted(report.units, 'unit')} {are} dead"
            + (f" ({named}{more})." if report.dead else ".")
        )
    return said


def _gates(layers: list[LayerReport]) -> str:
    rows = [["layer", "gate", "mean", f"under {SHUT}", f"over {OPEN}"]]
    for number, report in enumerate(layers, 1):
        for name, gate in report.gates.items():
            shares = (f"{gate.shut:.0%}", f"{gate.open:.0%}")
            rows.append([f"{number}", name, fixed(gate.mean, 2), *shares])
    return table(rows)


def _data(
    report: Horizon, ngrams: dict[int, float], layers: list[LayerReport], unit: str
) -> dict[str, Any]:
    return {
        "places": report.places,
        "unit": unit,
        "gradient_by_lag": report.gradients.tolist(),
        "bits_by_context": {str(kept): bits for kept, bits in report.context.items()},
        "bits": report.whole,
        "ngram_bits_by_context": {str(seen): bits for seen, bits in ngrams.items()},
        "layers": [asdict(report) for report in layers],
    }


def _explain_one(
    screen: Screen,
    model: CharLM,
    text: str,
    at: int | None,
    page: Path | None,
    as_json: bool,
    color: bool,
) -> int:
    """Explain one prediction."""
    vocab = model.vocab
    ids = vocab.encode(prepared(text, vocab, model.normalize), lines=vocab.framing == "lines")
    if not len(ids):
        raise TextError("--text: it is empty; give some text")
    at = len(ids) if at is None else at
    if at > len(ids):
        raise InputError(f"--at {at}: the text has {counted(len(ids), vocab.symbol)}")
    explained = prediction(model, ids, at - 1)
    read, target = [vocab.symbols[i] for i in explained.read], vocab.symbols[explained.target]
    if as_json:
        about = {
            "at": at,
            "symbol": target,
            "surprisal_bits": explained.bits,
            "gradients": [[s, n] for s, n in zip(read, explained.norms.tolist(), strict=True)],
        }
        click.echo(json_line(about))
        return 0
    marks = explained_marks(read, explained.norms)
    said = _prediction_in_words(at, vocab, explained)
    if page is not None:
        html = coloured.page(f"What {written(target)!r} depends on", said, SHARES, marks)
        write_atomically(page, html.encode())
        screen.say(f"page written to {page}")
    click.echo(filled(" ".join(said)))
    if color or sys.stdout.isatty():
        legend = coloured.ansi_legend(SHARES)
        sys.stdout.write(f"\n{legend}\n{coloured.ansi(marks)}[{written(target)}]\n")
    elif marks:
        rows = [
            ["char", "gradient"],
            *(
                [written(m.symbol), short(n, 3)]
                for m, n in zip(marks, explained.norms, strict=True)
            ),
        ]
        click.echo(f"\n{table(rows)}")
    return 0


def _prediction_in_words(at: int, vocab: Vocab, explained: Prediction) -> list[str]:
    """Return sentences about one prediction."""
    target = written(vocab.symbols[explained.target])
    said = [f"{vocab.symbol.capitalize()} {at}, {target!r}: surprisal {explained.bits:.2f} bits."]
    if not len(explained.norms):
        return [*said, "Nothing comes before it."]
    largest = int(explained.norms.argmax())
    back = counted(len(explained.norms) - largest, vocab.symbol)
    strongest = written(vocab.symbols[explained.read[largest]])
    return [*said, f"It depends most on {strongest!r}, {back} before it."]
