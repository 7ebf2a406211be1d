"""The help, arguments and options of `charlm export`."""

from __future__ import annotations

from typing import Any

import click

from charlm.cli.options.shared import HomePath, checkpoint_option, json_option, run_argument
from charlm.exports.formats import FORMATS

HELP = f"""\
Write the model of RUN, a run directory or a checkpoint file, in a format of another program.

The formats are:

\b
{chr(10).join(f"  {name:<10} {format.about}" for name, format in FORMATS.items())}

Each file contains the symbols of the model, and how its text was prepared; for dynet they are in a JSON file beside
it. A short program that reads the file is written beside it: novel_npz.py for novel.npz. A web page needs none. The
format onnx needs the package onnx.

\b
  charlm export runs/novel --to npz
  charlm export runs/novel --to torch -o my.safetensors
  charlm export runs/novel --to web --bits 8
"""


@click.command(help=HELP)
@run_argument
@click.option("--to", type=click.Choice(list(FORMATS)), required=True, help="The format.")
@click.option(
    "-o",
    "--output",
    type=HomePath(),
    metavar="OUT",
    help="The file (default: the name of RUN, with the ending of the format).",
)
@click.option("--force", is_flag=True, help="Replace files that exist.")
@click.option(
    "--bits",
    type=click.Choice(["32", "8"]),
    help="The size of each weight in a web page (default: 32). With 8, the page is four times smaller, and the "
    "command measures what the rounding costs.",
)
@checkpoint_option
@json_option
@click.pass_obj
def export(obj: dict[str, Any], /, **options: Any) -> int:
    from charlm.cli.export import export

    return export(obj, **options)
