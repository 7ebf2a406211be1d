"""Arguments and options that several commands share."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from charlm.cli.options.completion import configs_and_texts, encodings, runs, settings, texts
from charlm.cli.options.settings import described, overrides_of, setting_options
from charlm.config import KERNELS, DataConfig, load_config
from charlm.files import home_expanded


class HomePath(click.Path):
    """A path. ``~`` is the home folder even if the shell did not replace it, such as in quotes."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Return the path; an empty word, which an unset variable gives, is an error."""
        if not value:
            self.fail("expected a path, got nothing", param, ctx)
        return super().convert(home_expanded(os.fspath(value)), param, ctx)


run_argument = click.argument("run", type=HomePath(), shell_complete=runs)

runs_argument = click.argument(
    "paths",
    metavar="RUN...",
    nargs=-1,
    required=True,
    type=HomePath(path_type=Path),
    shell_complete=runs,
)

texts_argument = click.argument(
    "texts", nargs=-1, required=True, metavar="TEXT...", shell_complete=texts
)

config_and_texts_argument = click.argument(
    "arguments", nargs=-1, metavar="[CONFIG] [TEXT...]", shell_complete=configs_and_texts
)

checkpoint_option = click.option(
    "--checkpoint",
    type=click.Choice(["last", "best"]),
    help="Which weights of a run: the last, or those with the best held-out score (default: best, if there are any).",
)

kernels_option = click.option(
    "--kernels", type=click.Choice(KERNELS), help=described("train.kernels")
)

encoding_option = click.option(
    "--encoding", metavar="NAME", shell_complete=encodings, help=described("data.encoding")
)

documents_options = setting_options("data.framing", "data.separator")
"""How a text is divided."""

text_encoding_option = click.option(
    "--encoding",
    metavar="NAME",
    shell_complete=encodings,
    help="The encoding of TEXT: utf-8 or another codec (default: that of the run's text).",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")

color_option = click.option(
    "--color", is_flag=True, help="Print the coloured text, even if the output is not a terminal."
)


def folder_option(about: str) -> Callable[[Any], Any]:
    """Return the option for the folder that a command makes; ``about`` is its help."""
    path = HomePath(path_type=Path, file_okay=False)
    return click.option("-o", "--output", type=path, metavar="DIR", help=about)


def set_option(about: str) -> Callable[[Any], Any]:
    """Return the option for keys of a config; ``about`` is its help."""
    return click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="KEY=VALUE",
        shell_complete=settings,
        help=about,
    )


def html_option(about: str) -> Callable[[Any], Any]:
    """Return the option for a page; ``about`` is its help."""
    path = HomePath(path_type=Path, dir_okay=False)
    return click.option("--html", "page", type=path, metavar="FILE.html", help=about)


def png_option(about: str) -> Callable[[Any], Any]:
    """Return the option for a picture; ``about`` is its help."""
    path = HomePath(path_type=Path, dir_okay=False)
    return click.option("--png", type=path, metavar="FILE.png", help=about)


def rewrites_a_file(about: str) -> Callable[[Any], Any]:
    """Return a decorator for a command that reads a file and writes another with a model; ``about`` is OUT's help."""
    parts = (
        run_argument,
        click.argument("file", type=HomePath()),
        click.option("-o", "--output", type=HomePath(), metavar="OUT", required=True, help=about),
        click.option("--force", is_flag=True, help="Replace the file OUT if there is one."),
        checkpoint_option,
        json_option,
    )
    return lambda command: functools.reduce(lambda made, part: part(made), reversed(parts), command)


def own_text(texts: tuple[str, ...], **options: str | float | None) -> DataConfig:
    """Return the data section for texts of the user, as `charlm train TEXT...` has it, with these options.

    Example:
        >>> own_text(("novel.txt",), val_frac=0.2, encoding=None).val_frac
        0.2
    """
    return load_config(texts=texts, overrides=overrides_of(options)).data
