"""`charlm export`: writes a model as a file for other programs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from charlm.baselines.counting import nll_to_bpc
from charlm.cli.terminal.binary import STANDARD, Destination
from charlm.cli.terminal.phrases import json_line
from charlm.cli.terminal.screen import Screen
from charlm.errors import InputError, TextError
from charlm.exports.formats import FORMATS, exported
from charlm.exports.rounding import SCORED, RoundingLoss, rounding_loss
from charlm.lm.compute import decide, saved_by_reading
from charlm.lm.language_model import CharLM, load_model
from charlm.lm.model import described
from charlm.runs.checkpoint import BEST_NAME, LAST_NAME, checkpoint_file, load_checkpoint
from charlm.wording import counted


def export(
    obj: dict[str, Any],
    run: str,
    to: str,
    output: str | None,
    force: bool,
    bits: str | None,
    checkpoint: str | None,
    as_json: bool,
) -> int:
    """Run ``charlm export`` and return the exit code."""
    screen = Screen(obj)
    if bits is not None and to != "web":
        raise click.UsageError("--bits is for a web page: leave it out, or give --to web")
    if output == STANDARD:
        raise InputError(f"-o {STANDARD}: expected a path, because several files are written")
    model = load_model(run, checkpoint)
    name = _name(run)
    path = Path(output or name + FORMATS[to].ending)
    Destination(str(path), force, as_json)  # is refused before the work, not after it
    options: dict[str, Any] = {"title": name} if to == "web" else {}
    if bits == "8":
        options |= {"bits": 8, "loss": _rounding_loss(model, run, checkpoint, screen)}
    files = exported(model, to, **options)
    contents = {path: files.data}
    for ending, data in files.beside.items():
        contents[path.with_name(path.stem + ending)] = data
    if len(contents) < 1 + len(files.beside):
        raise InputError(
            f"{path}: a file of this name is also written beside it; choose a name that does not end in {path.suffix}"
        )
    source = checkpoint_file(run, checkpoint).resolve()
    for file in contents:
        if file.resolve() in (source, *map(source.with_name, (LAST_NAME, BEST_NAME))):
            raise InputError(f"{file}: this is a checkpoint of the run; choose another name")
    destinations = [
        (Destination(str(file), force, as_json), data) for file, data in contents.items()
    ]
    for destination, data in destinations:
        destination.write(data)
    if as_json:
        sizes = {str(file): len(data) for file, data in contents.items()}
        about: dict[str, Any] = {
            "run": run,
            "format": to,
            "model": described(model.config),
            "files": sizes,
        }
        if "loss" in options:
            about["rounding"] = options["loss"] and asdict(options["loss"])
        click.echo(json_line(about))
        return 0
    for file, data in contents.items():
        screen.result(f"{file}: {counted(len(data), 'byte')}")
    return 0


def _rounding_loss(
    model: CharLM, run: str, checkpoint: str | None, screen: Screen
) -> RoundingLoss | None:
    """Measure what 8 bits cost and say it; None if the text of the run cannot be read again."""
    model.kernels = decide(
        "auto", None, saved_by_reading(model.config, len(model.vocab)) * 2 * SCORED
    ).functions()
    try:
        loss = rounding_loss(model, run, load_checkpoint(run, checkpoint))
    except TextError as error:
        screen.say(f"note: what the rounding costs is not known: {error}")
        return None
    before, after = (nll_to_bpc(nll) for nll in (loss.nll, loss.rounded_nll))
    screen.say(
        f"8 bits: {after:.4f} bits/{model.vocab.unit} on {counted(loss.symbols, 'symbol')} of the {loss.part} text, "
        f"and {before:.4f} without the rounding"
    )
    return loss


def _name(run: str) -> str:
    path = Path(run).resolve()
    return path.stem if path.is_file() else path.name
