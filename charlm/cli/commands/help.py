"""The help, argument and work of `charlm help`."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

HELP = """\
Show the help of COMMAND, as `charlm COMMAND --help` does. Without COMMAND, show the help of charlm.

\b
charlm help train
"""


def _commands(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    assert ctx.parent is not None
    return ctx.parent.command.shell_complete(ctx.parent, incomplete)


@click.command(help=HELP)
@click.argument("command", required=False, shell_complete=_commands)
@click.pass_context
def help_(ctx: click.Context, command: str | None) -> None:
    assert ctx.parent is not None
    asked = ["--help"] if command is None else [command, "--help"]
    ctx.parent.command.main(asked, ctx.parent.info_name, standalone_mode=False)
