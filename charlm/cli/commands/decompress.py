"""The help, arguments and options of `charlm decompress`."""

from __future__ import annotations

from typing import Any

import click

from charlm.cli.options.completion import runs
from charlm.cli.options.shared import HomePath, checkpoint_option

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
@click.option(
    "-o",
    "--output",
    type=HomePath(),
    metavar="OUT",
    required=True,
    help="The restored file, or - for standard output.",
)
@click.option("--force", is_flag=True, help="Replace the file OUT if there is one.")
@checkpoint_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def decompress(obj: dict[str, Any], /, **options: Any) -> int:
    from charlm.cli.decompress import decompress

    return decompress(obj, **options)
