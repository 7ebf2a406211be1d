"""`charlm import`: makes a run of a model that another program has trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from charlm.cli.terminal.phrases import json_line, program
from charlm.cli.terminal.screen import Screen
from charlm.config import from_dict
from charlm.config.names import name_of
from charlm.exports.importing import imported, write_run
from charlm.lm.model import described
from charlm.runs.directory import RunDirectory
from charlm.wording import counted


def import_(
    obj: dict[str, Any],
    file: Path,
    source: str,
    alphabet: Path | None,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Run ``charlm import`` and return the exit code."""
    screen = Screen(obj)
    name = name_of(str(output or file))
    checkpoint = imported(file, name, alphabet)
    directory = (
        RunDirectory.create_named(output, force=force)
        if output
        else RunDirectory.create_default(name)
    )
    write_run(directory, checkpoint)
    config, symbols = from_dict(checkpoint.config, str(file)), len(checkpoint.vocab)
    if as_json:
        about = {
            "run": str(directory.path),
            "file": str(file),
            "model": described(config.model),
            "framing": config.data.framing,
            "symbols": symbols,
        }
        click.echo(json_line(about))
        return 0
    screen.result(f"{directory.path}: {described(config.model)}, {counted(symbols, 'symbol')}")
    screen.say(f"sample from it: {program()} sample {directory.path}")
    return 0
