"""The help, arguments and options of `charlm decompress`."""

from __future__ import annotations

from typing import Any

import click

from charlm.cli.options.shared import rewrites_a_file

HELP = """\
Restore the file that `charlm compress` compressed to FILE, with the same model.

FILE is a compressed file, or - for standard input. If another model compressed it, or if it was changed or cut,
there is an error and no output.

\b
charlm decompress runs/novel letter.clm -o again.txt
"""


@click.command(help=HELP)
@rewrites_a_file("The restored file, or - for standard output.")
@click.pass_obj
def decompress(obj: dict[str, Any], /, **options: Any) -> int:
    from charlm.cli.decompress import decompress

    return decompress(obj, **options)
