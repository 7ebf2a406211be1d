"""Manual pages from the help of the commands: ``python -m docs.scripts.man FOLDER`` writes them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from charlm import __version__
from charlm.cli import COMMANDS, cli


def escaped(text: str) -> str:
    r"""Return text that roff shows as it is.

    >>> print(escaped(r"'a-b' \n"))
    \(aqa\-b\(aq \en
    """
    text = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("`", r"\(ga")
    return re.sub(r"^(?=\.)", r"\&", text, flags=re.MULTILINE)


class ManFormatter(click.HelpFormatter):
    """Writes in roff what click's formatter writes as indented text."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the synopsis."""
        self.write(f".SH SYNOPSIS\n.B {escaped(prog)}\n{escaped(args)}\n.SH DESCRIPTION\n")

    def write_heading(self, heading: str) -> None:
        """Write the heading of a section."""
        self.write(f".SH {escaped(heading.upper())}\n")

    def write_paragraph(self) -> None:
        """Write nothing: headings and paragraphs begin by themselves."""

    def write_text(self, text: str) -> None:
        """Write paragraphs; in those that begin with a line of a backspace alone, lines stay lines."""
        for paragraph in text.split("\n\n"):
            kept = paragraph.startswith("\b\n")
            lines = escaped(paragraph.removeprefix("\b\n"))
            self.write(f".PP\n.nf\n{lines}\n.fi\n" if kept else f".PP\n{lines}\n")

    def write_dl(self, rows: Sequence[tuple[str, str]], *widths: int) -> None:
        """Write a list of options or commands."""
        for term, description in rows:
            self.write(f".TP\n.B {escaped(term)}\n{escaped(description)}\n")


def page(name: str = "") -> str:
    """Return the manual page of a command, or of charlm itself."""
    context = click.Context(cli, info_name="charlm", **cli.context_settings)
    command: click.Command | None = cli
    about = "train, sample and compare character-level RNN language models"
    if name:
        command = cli.get_command(context, name)
        context = click.Context(command, context, info_name=name)
        about = COMMANDS[name].rstrip(".")
    assert command is not None
    title = f"charlm-{name}" if name else "charlm"
    formatter = ManFormatter()
    formatter.write(f'.TH {title.upper()} 1 "" "charlm {__version__}" "charlm"\n.ad l\n.nh\n')
    formatter.write(f".SH NAME\n{escaped(title)} \\- {escaped(about)}\n")
    command.format_help(context, formatter)
    others = [f"charlm-{other}" for other in COMMANDS] if not name else ["charlm"]
    formatter.write(".SH SEE ALSO\n" + ",\n".join(f".BR {escaped(o)} (1)" for o in others) + "\n")
    return formatter.getvalue()


def pages() -> Iterator[tuple[str, str]]:
    """Yield the file name and the content of every page."""
    for name in ("", *COMMANDS):
        yield (f"charlm-{name}.1" if name else "charlm.1"), page(name)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in pages():
        (folder / file).write_text(content, encoding="utf-8")
