"""Options that charlm does not have and that other programs do: the message names what is meant."""

from __future__ import annotations

from collections.abc import Sequence

import click

from charlm.config.keys import key_meant


def explained(error: click.NoSuchOption, arguments: Sequence[str]) -> click.UsageError:
    """Return the error to show for an option that there is not: it names the option or the key that is meant."""
    name = error.option_name
    if not name.startswith("--"):  # of -lr click names its first letter
        typed = (a for a in arguments if a.startswith(name) and not a.startswith("--"))
        name = next(typed, name).partition("=")[0]
    key, context = key_meant(name), error.ctx
    if key is None or context is None:
        return error
    options = [param for param in context.command.params if isinstance(param, click.Option)]
    same = [flag for option in options for flag in option.opts if key_meant(flag) == key]
    if same:
        remedy = f"Did you mean {same[0]}?"
    elif any("--set" in option.opts for option in options):
        remedy = f"The key for it is {key}: give --set {key}=VALUE."
    else:
        remedy = f"{key} is a key of the config that a run is trained with: charlm train --set {key}=VALUE."
    return click.UsageError(f"No such option: {name}. {remedy}", context)
