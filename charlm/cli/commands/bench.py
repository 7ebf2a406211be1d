"""The help, arguments and options of `charlm bench`."""

from __future__ import annotations

from typing import Any

import click

from charlm.cli.options.completion import configs
from charlm.cli.options.settings import CommandWithSettings, setting_options
from charlm.cli.options.shared import json_option

HELP = """\
Train a model for some seconds, generate text with it, and print how fast both are.

The text is that of the config. If the config names no text, or with --batch-size, --seq-length or --vocab, the text
is random characters, which take the same time. Without --embed-dim, embeddings are as large as --hidden-dim.

--ranks tells what it would take if several machines shared each step. Start it on them to measure that:

\b
charlm bench --ranks 4      computed for some networks
mpirun -n 4 charlm bench    measured on 4 ranks
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
    help="Also print how long N steps take (default: the steps of the config).",
)
@click.option(
    "--ranks",
    type=click.IntRange(min=2),
    is_flag=False,
    flag_value="2",
    metavar="[N]",
    help="Also print what a step takes if N ranks share it (default: 2, or those that mpirun started).",
)
@json_option
@setting_options(
    *("model.cell", "model.layers", "model.hidden_dim", "model.embed_dim", "data.batch_size"),
    *("data.seq_length", "train.trainer", "train.kernels"),
)
@click.pass_obj
def bench(obj: dict[str, Any], /, **options: Any) -> int:
    from charlm.cli.bench import bench

    return bench(obj, **options)
