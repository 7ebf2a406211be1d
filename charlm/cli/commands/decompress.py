"""The help, arguments and options of `charlm decompress`."""

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
Restore the file that `charlm compress` compressed to FILE, with the same model.

FILE is a compressed file, or - for standard input. If another model compressed it, or if it was changed or cut,
there is an error and no output.

\b
charlm decompress runs/novel letter.clm -o again.txt
"""


@click.command(help=HELP)
@click.argument("run", type=HomePath(), shell_complete=runs)
@click.argument("file", type=HomePath())
@output_option("The restored file, or - for standard output.")
@replace_option
@checkpoint_option
@json_option
@click.pass_obj
def decompress(obj: dict[str, Any], /, **options: Any) -> int:
    from charlm.cli.decompress import decompress

    return decompress(obj, **options)
