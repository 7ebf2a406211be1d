"""Options of other programs that charlm does not have: the message names the option that is meant."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import click

from charlm.config.keys import key_meant

WITHOUT_OPTION = {
    "CONFIG": "--cfg --conf --config --config-file --yaml",
    "RUN": "--ckpt --folder --load --model --model-path --run --run-dir --weights",
}
"""Options of other programs for what is an argument here; for TEXT, the key has such names."""


def explained(error: click.NoSuchOption, arguments: Sequence[str]) -> click.UsageError:
    """Return the error for an unknown option, which names the option or argument that is meant."""
    name = error.option_name
    if not name.startswith("--"):  # for -lr, click names the first letter only
        typed = (a for a in arguments if a.startswith(name) and not a.startswith("--"))
        name = next(typed, name).partition("=")[0]
    if error.ctx is None:
        return error
    remedy = _remedy(name, error.ctx)
    if remedy is not None:
        return click.UsageError(f"No such option: {name}. {remedy}", error.ctx)
    names = [flag[2:] for option in _options(error.ctx) for flag in option.opts if len(flag) > 2]
    near = [n for n in names if n.startswith(name.strip("-"))]
    near = near or get_close_matches(name.strip("-"), names)
    return click.NoSuchOption(name, possibilities=[f"--{n}" for n in near], ctx=error.ctx)


def _remedy(name: str, context: click.Context) -> str | None:
    key, usage = key_meant(name), " ".join(context.command.collect_usage_pieces(context))
    meant = [kind for kind, names in WITHOUT_OPTION.items() if name in names.split()]
    meant += ["TEXT"] if key == "data.text" else []
    for kind in meant:
        if kind in usage:
            return f"Give {kind} without an option: {context.command_path} {usage}"
    if key is None:
        return None
    flags = [flag for option in _options(context) for flag in option.opts]
    for flag in flags:
        if key_meant(flag) == key:
            return f"Did you mean {flag}?"
    if "--set" in flags:
        return f"Use --set {key}=VALUE."
    return f"{key} is a key of the config; set it when you train: charlm train --set {key}=VALUE."


def _options(context: click.Context) -> list[click.Option]:
    return [param for param in context.command.params if isinstance(param, click.Option)]
