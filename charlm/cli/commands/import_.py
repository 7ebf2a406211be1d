"""The help, arguments and options of `charlm import`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from charlm.cli.options.shared import HomePath, json_option

HELP = """\
Make a run of a model that another program has trained.

FILE has the weights of a character model in PyTorch: an embedding (or one-hot vectors), one nn.RNN, nn.LSTM or nn.GRU,
and a linear layer. It is a safetensors file, or a file of torch.save with a state_dict; the latter needs PyTorch.
Nothing in the file is executed.

The symbols are in the file, as a text, a list or a dictionary, or in the file of --alphabet.

\b
  charlm import --from torch my.safetensors
  charlm import --from torch my.safetensors -o runs/mine
"""


@click.command("import", help=HELP)
@click.argument("file", type=HomePath(path_type=Path))
@click.option(
    "--from", "source", type=click.Choice(["torch"]), required=True, help="The format of FILE."
)
@click.option(
    "--alphabet",
    type=HomePath(path_type=Path),
    metavar="FILE",
    help="The symbols in the order of their ids: a text of these characters (UTF-8), or a JSON list.",
)
@click.option(
    "-o",
    "--output",
    type=HomePath(path_type=Path),
    metavar="RUN",
    help="The run directory (default: runs/NAME, after the name of FILE).",
)
@click.option("--force", is_flag=True, help="Replace the run if there is one.")
@json_option
@click.pass_obj
def import_(obj: dict[str, Any], /, **options: Any) -> int:
    from charlm.cli.import_ import import_

    return import_(obj, **options)
