"""Options that several commands share."""

from __future__ import annotations

import click

from charlm.config import KERNELS

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
