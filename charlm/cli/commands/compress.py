"""The help, arguments and options of `charlm compress`."""

from __future__ import annotations

from typing import Any

import click

from charlm.cli.options.completion import runs
from charlm.cli.options.shared import (
    HomePath,
    checkpoint_option,
    json_option,
    output_option,
    replace_option,
)

HELP = """\
Compress FILE with the model of RUN, a run directory or a checkpoint file.

FILE is any file, or - for standard input. `charlm decompress` restores the same bytes, on any machine. It needs the
same model: keep a copy of the checkpoint, because further training replaces it.

\b
charlm compress runs/novel letter.txt -o letter.clm
charlm decompress runs/novel letter.clm -o again.txt
"""


@click.command(help=HELP)
@click.argument("run", type=HomePath(), shell_complete=runs)
@click.argument("file", type=HomePath())
@output_option("The compressed file, or - for standard output.")
@replace_option
@checkpoint_option
@json_option
@click.pass_obj
def compress(obj: dict[str, Any], /, **options: Any) -> int:
    from charlm.cli.compress import compress

    return compress(obj, **options)
