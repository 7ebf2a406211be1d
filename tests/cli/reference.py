"""docs/cli.md as it should be: the help of every command. ``python -m tests.cli.reference`` writes it."""

from __future__ import annotations

from pathlib import Path

import click

from charlm.cli import COMMANDS, cli

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
HEAD = """\
# The commands

What `charlm --help` and `charlm COMMAND --help` say. The options of `charlm` itself can also follow the command.
`python -m tests.cli.reference` writes this page.
"""


def help_of(name: str = "", width: int = 80) -> str:
    """Return the help of a command, or of charlm itself, on a terminal of that width."""
    context = click.Context(
        cli, info_name="charlm", terminal_width=width - 2, **cli.context_settings
    )
    command: click.Command | None = cli
    if name:
        command = cli.get_command(context, name)
        context = click.Context(command, context, info_name=name, terminal_width=width - 2)
    return command.get_help(context)


def page() -> str:
    """Return the page."""
    blocks = [("charlm", help_of()), *((f"charlm {name}", help_of(name)) for name in COMMANDS)]
    return HEAD + "".join(f"\n## {title}\n\n```\n{text}\n```\n" for title, text in blocks)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
