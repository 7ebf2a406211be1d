"""`charlm compress`: makes a file smaller with a model that predicts it."""

from __future__ import annotations

import lzma
from typing import Any

import click

from charlm.cli.terminal.binary import Destination, content, shown
from charlm.cli.terminal.phrases import json_line
from charlm.cli.terminal.screen import Screen
from charlm.compression.compressor import Compressor
from charlm.lm.language_model import CharLM, model_of
from charlm.lm.saved import config_of
from charlm.runs.checkpoint import load_checkpoint
from charlm.threads import thread_count, use_threads
from charlm.wording import counted, fixed


def compress(
    obj: dict[str, Any],
    run: str,
    file: str,
    output: str,
    force: bool,
    checkpoint: str | None,
    as_json: bool,
) -> int:
    """Run ``charlm compress`` and return the exit code."""
    screen = Screen(obj)
    destination = Destination(output, force, as_json)
    model, compressor = compressor_of(run, checkpoint)
    data = content(file)
    compressed = compressor.compress(data)
    destination.write(compressed.data)
    xz_bytes = len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))
    if as_json:
        about = {
            "file": file,
            "output": output,
            "model": compressor.digest.hex(),
            "stored": compressed.bits is None,
            "bytes": len(data),
            "characters": compressed.characters,
            "unknown_characters": compressed.unknown,
            "compressed_bytes": len(compressed.data),
            "model_bits": compressed.bits,
            "xz_bytes": xz_bytes,
        }
        click.echo(json_line(about))
        return 0
    if compressed.bits is None:
        screen.say("note: stored unchanged, because the model does not make it smaller")
    elif compressed.unknown:
        screen.say(
            f"note: the model has no symbol for {compressed.unknown:,} of the {compressed.characters:,} characters; "
            "each of these takes a byte or more"
        )
    sizes = {"compressed": float(len(compressed.data))}
    units = {"byte": len(data)}
    if compressed.bits is not None:
        sizes["model's score"] = compressed.bits / 8
        if not model.vocab.is_bytes:
            units["char"] = compressed.characters
    sizes["xz -9e"] = float(xz_bytes)
    report = f"{shown(file)}: {counted(len(data), 'byte')}\n{_table(sizes, units)}"
    (screen.say if destination.path is None else screen.result)(report)
    return 0


def _table(sizes: dict[str, float], units: dict[str, int]) -> str:
    """Return sizes in bytes as lines, with the bits for each unit of the file.

    Example:
        >>> print(_table({"compressed": 27256.0}, {"byte": 111539}))
                           bytes  bits/byte
          compressed      27,256     1.9549
    """
    width = max(8, *(len(f"{size:,.0f}") for size in sizes.values()))
    lines = [f"  {'':<13} {'bytes':>{width}}" + "".join(f"  bits/{unit}" for unit in units)]
    for name, size in sizes.items():
        bits = [fixed(8 * size / count) if count else "-" for count in units.values()]
        rates = "".join(
            f"  {rate:>{5 + len(unit)}}" for rate, unit in zip(bits, units, strict=True)
        )
        lines.append(f"  {name:<13} {size:>{width},.0f}{rates}")
    return "\n".join(lines)


def compressor_of(run: str, checkpoint: str | None) -> tuple[CharLM, Compressor]:
    """Return the model of a run, and a compressor with it."""
    loaded = load_checkpoint(run, checkpoint)
    use_threads(thread_count(default=1))  # each step is a small product
    model = model_of(loaded)
    return model, Compressor(model, config_of(loaded).data.encoding)
