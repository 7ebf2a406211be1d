"""`charlm export`: writes a model as a file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from charlm.cli.terminal.binary import STANDARD, Destination
from charlm.cli.terminal.phrases import json_line
from charlm.cli.terminal.screen import Screen
from charlm.errors import InputError
from charlm.exports.formats import FORMATS, exported
from charlm.lm.language_model import load
from charlm.lm.model import described
from charlm.runs.checkpoint import BEST_NAME, LAST_NAME, checkpoint_file
from charlm.wording import counted


def export(
    obj: dict[str, Any],
    run: str,
    to: str,
    output: str | None,
    force: bool,
    checkpoint: str | None,
    as_json: bool,
) -> int:
    """Run ``charlm export`` and return the exit code."""
    screen = Screen(obj)
    if output == STANDARD:
        raise InputError(f"-o {STANDARD}: expected a path, because several files are written")
    model = load(run, checkpoint)
    files = exported(model, to)
    path = Path(output or _name(run) + FORMATS[to].ending)
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
        about = {"run": run, "format": to, "model": described(model.config), "files": sizes}
        click.echo(json_line(about))
        return 0
    for file, data in contents.items():
        screen.result(f"{file}: {counted(len(data), 'byte')}")
    return 0


def _name(run: str) -> str:
    path = Path(run).resolve()
    return path.stem if path.is_file() else path.name
