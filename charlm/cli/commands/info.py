"""The help, arguments and options of `charlm info`."""

from __future__ import annotations

from typing import Any

import click

from charlm.cli.options.completion import runs_and_texts
from charlm.cli.options.shared import HomePath, documents_options, encoding_option, json_option

HELP = """\
Show details of RUN, a run directory or a checkpoint file, or of TEXT.

For a run: its status, model, text, history and files, its score beside the baselines, and with --config its
config. For a text: its size, its characters, what is unusual in it, and the baselines for its last tenth.
"""


@click.command(help=HELP)
@click.argument("what", metavar="RUN|TEXT", type=HomePath(), shell_complete=runs_and_texts)
@encoding_option
@documents_options
@click.option("--config", "with_config", is_flag=True, help="Show the complete config of RUN too.")
@json_option
def info(**options: Any) -> int:
    from charlm.cli.info import info

    return info(**options)
