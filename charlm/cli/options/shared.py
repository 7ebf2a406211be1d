"""Options that several commands share."""

from __future__ import annotations

import json
import os
from typing import Any

import click

from charlm.cli.options.completion import encodings
from charlm.config import KERNELS, DataConfig, Override, load_run
from charlm.files import home_expanded

checkpoint_option = click.option(
    "--checkpoint",
    type=click.Choice(["last", "best"]),
    help="Which weights of a run: the last, or those with the best held-out score (default: best, if any).",
)

kernels_option = click.option(
    "--kernels",
    type=click.Choice(KERNELS),
    help="What computes: numba is compiled and fast, numpy is plain and starts at once (default: what suits the work).",
)


class HomePath(click.Path):
    """A path, in which ``~`` is the home folder also where the shell did not see it, as in quotes."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Return the path, if there is one: an empty word is what an unset variable gives."""
        if not value:
            self.fail("expected a path, got nothing", param, ctx)
        return super().convert(home_expanded(os.fspath(value)), param, ctx)


encoding_option = click.option(
    "--encoding",
    metavar="NAME",
    shell_complete=encodings,
    help="The encoding of the text: utf-8, another codec, or bytes (default: utf-8).",
)


def own_text(texts: tuple[str, ...], **given: str | float | None) -> DataConfig:
    """Return the data section for texts of the user's, as `charlm train TEXT...` has it, with the options given.

    Example:
        >>> own_text(("novel.txt",), val_frac=0.2, encoding=None).val_frac
        0.2
    """
    overrides = [
        Override(f"--{name.replace('_', '-')}", f"data.{name}", json.dumps(value))
        for name, value in given.items()
        if value is not None
    ]
    return load_run(texts=texts, overrides=overrides).data
