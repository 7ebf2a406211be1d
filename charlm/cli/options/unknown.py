"""Options that charlm does not have and that other programs do: the message names what is meant."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import click

from charlm.config.keys import key_meant

WITHOUT_OPTION = {
    "CONFIG": "--cfg --conf --config --config-file --yaml",
    "RUN": "--ckpt --folder --load --model --model-path --run --run-dir --weights",
}
"""What other programs call that which is given without an option here; for TEXT there is the key."""


def explained(error: click.NoSuchOption, arguments: Sequence[str]) -> click.UsageError:
    """Return the error to show for an option that there is not: it names what is meant."""
    name = error.option_name
    if not name.startswith("--"):  # of -lr click names its first letter
        typed = (a for a in arguments if a.startswith(name) and not a.startswith("--"))
        name = next(typed, name).partition("=")[0]
    if error.ctx is None:
        return error
    remedy = _remedy(name, error.ctx)
    if remedy is not None:
        return click.UsageError(f"No such option: {name}. {remedy}", error.ctx)
    known = [flag[2:] for option in _options(error.ctx) for flag in option.opts if len(flag) > 2]
    near = [other for other in known if other.startswith(name.strip("-"))]
    near = near or get_close_matches(name.strip("-"), known)
    return click.NoSuchOption(name, possibilities=[f"--{n}" for n in near], ctx=error.ctx)


def _remedy(name: str, context: click.Context) -> str | None:
    key, usage = key_meant(name), " ".join(context.command.collect_usage_pieces(context))
    meant = [kind for kind, names in WITHOUT_OPTION.items() if name in names.split()]
    meant += ["TEXT"] if key == "data.text" else []
    for kind in meant:
        if kind in usage:
            return f"{kind} is given without an option: {context.command_path} {usage}"
    if key is None:
        return None
    flags = [flag for option in _options(context) for flag in option.opts]
    for flag in flags:
        if key_meant(flag) == key:
            return f"Did you mean {flag}?"
    if "--set" in flags:
        return f"The key for it is {key}: give --set {key}=VALUE."
    return (
        f"{key} is a key of the config that a run is trained with: charlm train --set {key}=VALUE."
    )


def _options(context: click.Context) -> list[click.Option]:
    return [param for param in context.command.params if isinstance(param, click.Option)]
