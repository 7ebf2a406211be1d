"""Options that set a key of the config. Each has the name of its key, and its description from the schema."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import click

from charlm.cli.options.completion import values
from charlm.config import Override
from charlm.config.keys import keys, words

KEYS = (
    *("model.cell", "model.layers", "model.hidden_dim", "model.embed_dim", "model.dropout"),
    *("data.batch_size", "data.seq_length", "data.encoding", "data.min_count"),
    *("data.framing", "data.separator"),
    *("data.val_frac", "data.test_frac", "data.val_file"),
    *("train.trainer", "train.learning_rate", "train.schedule_from", "train.freeze"),
    *("train.steps", "train.epochs", "train.max_time"),
    *("train.patience", "train.log_every", "train.sample_every", "train.seed", "train.kernels"),
)
"""The keys that have an option; ``train`` has all of them, and ``--set`` takes every key."""
ALIASES = {
    "--hidden": "model.hidden_dim",
    "--embed": "model.embed_dim",
    "--batch": "data.batch_size",
    "--seq": "data.seq_length",
    "--optimizer": "train.trainer",
    "--lr": "train.learning_rate",
}
FLAGS = {f"--{key.rpartition('.')[2].replace('_', '-')}": key for key in (*KEYS, "train.threads")}
FLAGS |= ALIASES
PLAIN_TEXT = {"data.encoding": "NAME", "data.val_file": "PATH", "data.separator": "TEXT"}
"""Keys whose value is taken as it is typed; all others are read as YAML."""
METAVARS = {
    **PLAIN_TEXT,
    "train.max_time": "TIME",
    "train.freeze": "PARTS",
    "train.schedule_from": "here",
}


class SettingOption(click.Option):
    """An option for a key. Its value is checked with the whole config, like a value of ``--set``."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        others = [flag for flag in ALIASES if ALIASES[flag] == FLAGS[self.opts[0]]]
        return record and (", ".join([*others, record[0]]), record[1])


class CommandWithSettings(click.Command):
    """A command whose help shows the options for keys of the config in a list of their own."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        for of_config, title in ((False, "Options"), (True, "Keys of the config")):
            shown = [o for o in options if isinstance(o, SettingOption) == of_config]
            with formatter.section(title):
                formatter.write_dl([row for o in shown if (row := o.get_help_record(ctx))])


def setting_options(*of: str) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that declares the options of keys, with all their names."""

    def declare(function: Callable[..., Any]) -> Any:
        for flag, key in reversed(FLAGS.items()):
            if key in of:
                function = click.option(
                    flag,
                    cls=SettingOption,
                    metavar=METAVARS.get(key, "NAME" if words(key) else "N"),
                    hidden=flag in ALIASES,
                    shell_complete=lambda ctx, param, typed: values(
                        FLAGS[param.opts[0]], ctx, param, typed
                    ),
                    help=described(key),
                )(function)
        return function

    return declare


def described(key: str) -> str:
    """Return a key's description as a sentence of a help text.

    Example:
        >>> described("train.learning_rate")
        'Learning rate; 0.1 suits sgd, 0.001 to 0.003 suits adam.'
    """
    doc = keys()[key].metadata["doc"]
    return f"{doc[0].upper()}{doc[1:]}."


def overrides_of(options: Mapping[str, object]) -> list[Override]:
    """Return what options set, by their names in Python; an option that was not given is None.

    Example:
        >>> [str(override) for override in overrides_of({"lr": "0.1", "val_file": "a: b", "steps": None})]
        ['--val-file "a: b"', '--lr 0.1']
    """
    overrides = []
    for flag, key in FLAGS.items():
        value = options.get(flag[2:].replace("-", "_"))
        if value is not None:
            overrides.append(
                Override(flag, key, json.dumps(value) if key in PLAIN_TEXT else str(value))
            )
    return overrides
