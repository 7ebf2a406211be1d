"""`charlm inspect`: finds units of a model that follow something in a text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import numpy as np

from charlm.cli.eval import data_of
from charlm.cli.terminal.layout import filled, table
from charlm.cli.terminal.phrases import json_line
from charlm.cli.terminal.screen import Screen
from charlm.errors import TextError
from charlm.files import write_atomically
from charlm.lm.compute import decide, saved_by_reading
from charlm.lm.language_model import model_of
from charlm.lm.saved import config_of
from charlm.lm.units import LEAST, Find, Unit, check_layer, search, unit_named, values_of
from charlm.reporting.coloured import ansi, ansi_legend
from charlm.reporting.pictures import check_picture
from charlm.reporting.units import marks_of, scale_of, unit_page, unit_picture
from charlm.runs.checkpoint import load_checkpoint
from charlm.text.labels import labels_of
from charlm.text.symbols import beginning, passing_text
from charlm.wording import counted, fixed

SHOWN = 2_000
"""Characters that a terminal shows."""


def inspect(
    obj: dict[str, Any],
    run: str,
    texts: tuple[str, ...],
    layer: int | None,
    unit: str | None,
    chars: int,
    color: bool,
    page: Path | None,
    png: Path | None,
    as_json: bool,
    encoding: str | None,
    checkpoint: str | None,
    kernels: str | None,
) -> int:
    """Run ``charlm inspect`` and return the exit code."""
    screen = Screen(obj)
    if as_json and color:
        raise click.UsageError("--color and --json are different forms of the result: give one")
    if png is not None:
        check_picture(png)
    loaded = load_checkpoint(run, checkpoint)
    model = model_of(loaded)
    check_layer(model, layer)
    chosen = None if unit is None else unit_named(model, layer, unit)
    data = data_of(texts, encoding, config_of(loaded).data, model.vocab)
    points, ids = beginning(passing_text(data), model.vocab, chars)
    if len(ids) < 2:
        raise TextError(f"{', '.join(texts)}: has fewer than 2 characters; give a longer text")
    saved = 2 * len(ids) * saved_by_reading(model.config, len(model.vocab))
    model.kernels = decide(kernels or "auto", None, saved).functions()
    can_search = chosen is None or len(ids) >= LEAST
    finds = search(model, ids, labels_of(points), layer) if can_search else []
    if chosen is None:
        chosen = finds[0].best[0][0] if finds else unit_named(model, layer, "1")
    values = values_of(model, ids, chosen)
    symbols = [model.vocab.symbols[i] for i in ids[:-1]]
    about = in_words(finds, len(ids))
    if page is not None:
        title = f"{', '.join(texts)}, read by {Path(run).absolute().name}"
        tables = [_table(finds)] if finds else []
        html = unit_page(title, about, chosen, symbols, values, tables)
        write_atomically(page, html.encode())
        screen.say(f"page written to {page}")
    if png is not None:
        unit_picture(png, chosen, symbols, values, finds)
        screen.say(f"picture written to {png}")
    if as_json:
        click.echo(json_line(_data(finds, chosen, len(ids), values.tolist())))
        return 0
    _show(finds, about)
    if color or sys.stdout.isatty():
        shown = ansi(marks_of(symbols[:SHOWN], values))
        sys.stdout.write(f"\n{ansi_legend(scale_of(chosen, values))}\n{shown}\n")
    return 0


def _show(finds: list[Find], about: list[str]) -> None:
    click.echo("\n".join(map(filled, about)))
    if finds:
        click.echo(f"\n{_table(finds)}")


def in_words(finds: list[Find], count: int) -> list[str]:
    """Return the finds as sentences."""
    read = f"{counted(count, 'character')} read."
    if not finds:
        return [f"{read} A search needs at least {LEAST}, and a label that changes in the text."]
    follow = [find for find in finds if find.follows]
    if not follow:
        return [
            f"{read} No unit follows any of these labels: none correlates with |r| of 0.5 or more."
        ]
    return [read] + [
        f'Unit {find.best[0][0]} follows "{find.label}": r {fixed(find.best[0][1], 2)}.'
        for find in follow
    ]


def _table(finds: list[Find]) -> str:
    rows = [["label", "best unit", "r", "shuffled"]]
    for find in finds:
        unit, r = find.best[0]
        rows.append([find.label, str(unit), fixed(r, 2), fixed(find.control, 2)])
    return table(rows)


def _data(finds: list[Find], unit: Unit, count: int, values: list[float]) -> dict[str, Any]:
    return {
        "characters": count,
        "labels": [
            {
                "label": find.label,
                "follows": bool(find.follows),
                "units": [{**_named(unit), "r": r} for unit, r in find.best],
                "control": find.control,
            }
            for find in finds
        ],
        "unit": _named(unit),
        "values": np.round(values, 6).tolist(),
    }


def _named(unit: Unit) -> dict[str, Any]:
    return {"layer": unit.layer, "state": unit.state, "unit": unit.number}
