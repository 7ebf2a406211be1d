"""What is typed after `charlm bench`."""

from __future__ import annotations

from typing import Any

import click

from charlm.cli.options.completion import configs
from charlm.cli.options.settings import CommandWithSettings, setting_options
from charlm.cli.options.shared import json_option

HELP = """\
Train a model for some seconds, sample from it, and say how fast that was.

The text is the config's. If the config names none, or with --batch, --seq or --vocab, the text is random characters:
the speed does not depend on what they are.
"""


@click.command(cls=CommandWithSettings, help=HELP)
@click.option(
    "--config",
    metavar="CONFIG",
    shell_complete=configs,
    help="A bundled config or a .yaml file (default: text).",
)
@click.option(
    "--vocab", type=click.IntRange(min=1, max=20_000), metavar="N", help="Number of symbols."
)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    metavar="N",
    help="Also say how long a run of N steps takes (default: the steps of the config).",
)
@json_option
@setting_options(
    *("model.cell", "model.layers", "model.hidden_dim", "model.embed_dim", "data.batch_size"),
    *("data.seq_length", "train.trainer", "train.kernels"),
)
@click.pass_obj
def bench(obj: dict[str, Any], /, **given: Any) -> int:
    """Carry the command out."""
    from charlm.cli.bench import bench

    return bench(obj, **given)
