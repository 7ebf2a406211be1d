"""`charlm decompress`: restores a compressed file."""

from __future__ import annotations

from typing import Any

import click

from charlm.cli.compress import compressor_of
from charlm.cli.terminal.binary import Destination, content, shown
from charlm.cli.terminal.phrases import json_line
from charlm.cli.terminal.screen import Screen
from charlm.wording import counted


def decompress(
    obj: dict[str, Any],
    run: str,
    file: str,
    output: str,
    force: bool,
    checkpoint: str | None,
    as_json: bool,
) -> int:
    """Run ``charlm decompress`` and return the exit code."""
    screen = Screen(obj)
    destination = Destination(output, force, as_json)
    _, compressor = compressor_of(run, checkpoint)
    data = content(file)
    original = compressor.decompress(data, shown(file))
    destination.write(original)
    if as_json:
        about = {"file": file, "output": output, "model": compressor.digest.hex()}
        sizes = {"bytes": len(original), "compressed_bytes": len(data)}
        click.echo(json_line({**about, **sizes}))
    else:
        message = f"{output}: {counted(len(original), 'byte')}, as before compression"
        (screen.say if destination.path is None else screen.result)(message)
    return 0
