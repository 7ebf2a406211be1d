"""What is typed after `charlm bench`."""

from __future__ import annotations

from typing import Any

import click

from charlm.cli.options.completion import cells, configs, trainers
from charlm.cli.options.shared import kernels_option

HELP = """\
Train a model for some seconds, sample from it, and say how fast that was.

The text is the config's. If the config names none, or with --batch, --seq or --vocab, the text is random characters:
the speed does not depend on what they are.
"""


@click.command(help=HELP)
@click.option(
    "--config",
    metavar="CONFIG",
    shell_complete=configs,
    help="A bundled config or a .yaml file (default: text).",
)
@click.option(
    "--cell", metavar="NAME", shell_complete=cells, help="The recurrent cell: rnn, gru, lstm, ..."
)
@click.option("--layers", metavar="N", help="Recurrent layers.")
@click.option("--hidden", metavar="N", help="Size of each layer's state.")
@click.option("--embed", metavar="N", help="Size of a character's vector (default: --hidden).")
@click.option("--batch", metavar="N", help="Stretches of text read side by side.")
@click.option("--seq", metavar="N", help="Characters between two updates.")
@click.option(
    "--vocab", type=click.IntRange(min=1, max=20_000), metavar="N", help="Different characters."
)
@click.option(
    "--trainer",
    metavar="NAME",
    shell_complete=trainers,
    help="sgd, momentum, adagrad, rmsprop, adam or adamw.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    metavar="N",
    help="Also say how long a run of N steps takes (default: the config's).",
)
@kernels_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def bench(obj: dict[str, Any], /, **given: Any) -> int:
    """Carry the command out."""
    from charlm.cli.bench import bench

    return bench(obj, **given)
