"""The help, arguments and options of `charlm compress`."""

from __future__ import annotations

from typing import Any

import click

from charlm.cli.options.shared import rewrites_a_file

HELP = """\
Compress FILE with the model of RUN, a run directory or a checkpoint file.

FILE is any file, or - for standard input. `charlm decompress` restores the same bytes, on any machine. It needs the
same model: keep a copy of the checkpoint, because further training replaces it.

\b
charlm compress runs/novel letter.txt -o letter.clm
charlm decompress runs/novel letter.clm -o again.txt
"""


@click.command(help=HELP)
@rewrites_a_file("The compressed file, or - for standard output.")
@click.pass_obj
def compress(obj: dict[str, Any], /, **options: Any) -> int:
    from charlm.cli.compress import compress

    return compress(obj, **options)
