"""The completions of a word when Tab is pressed; ``shells.py`` passes them to the shell. Nothing here needs numpy."""

from __future__ import annotations

from collections.abc import Iterable
from encodings.aliases import aliases
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from charlm.config import bundled_comparisons, bundled_runs, bundled_texts
from charlm.config.keys import keys, words
from charlm.config.rules import encoding
from charlm.errors import SettingError
from charlm.runs.mark import CONFIG, is_run

Completions = list[CompletionItem]


def texts(ctx: click.Context, param: click.Parameter, incomplete: str) -> Completions:
    """Complete a bundled text's name, or a path."""
    return [*_starting(incomplete, bundled_texts()), _path(incomplete)]


def configs(ctx: click.Context, param: click.Parameter, incomplete: str) -> Completions:
    """Complete a bundled config's name, or a path."""
    return [*_described(incomplete, bundled_runs()), _path(incomplete)]


def configs_and_texts(ctx: click.Context, param: click.Parameter, incomplete: str) -> Completions:
    """Complete the arguments of `train`: first a config, then texts."""
    first = not ctx.params.get(param.name or "")
    bundled = _described(incomplete, bundled_runs()) if first else []
    return bundled + texts(ctx, param, incomplete)


def comparisons(ctx: click.Context, param: click.Parameter, incomplete: str) -> Completions:
    """Complete a bundled comparison's name, a bundled config's, or a path."""
    return _described(incomplete, bundled_comparisons()) + configs(ctx, param, incomplete)


def runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> Completions:
    """Complete a run's folder, or a path."""
    return _runs(incomplete) or [_path(incomplete)]


def runs_and_texts(ctx: click.Context, param: click.Parameter, incomplete: str) -> Completions:
    """Complete a run's folder, or what a text may be."""
    return _runs(incomplete) or texts(ctx, param, incomplete)


def encodings(ctx: click.Context, param: click.Parameter, incomplete: str) -> Completions:
    """Complete the name of an encoding of texts."""
    names = {"bytes", *(name.replace("_", "-") for name in aliases.values())}
    return [item for item in _starting(incomplete, sorted(names)) if _decodes_texts(item.value)]


def settings(ctx: click.Context, param: click.Parameter, incomplete: str) -> Completions:
    """Complete ``KEY=VALUE``: the key, or the value if it is one of a few words."""
    key, equals, value = incomplete.partition("=")
    if not equals:
        described = [(f"{key}=", field.metadata["doc"]) for key, field in keys().items()]
        return _described(incomplete, described)
    completions = values(key, ctx, param, value) if key in keys() else []
    return [CompletionItem(f"{key}={item.value}", item.type) for item in completions]


def values(key: str, ctx: click.Context, param: click.Parameter, incomplete: str) -> Completions:
    """Complete the value of a key."""
    if key == "data.encoding":
        return encodings(ctx, param, incomplete)
    if key in ("data.text", "data.val_file"):
        return texts(ctx, param, incomplete)
    return _starting(incomplete, words(key))


def _runs(incomplete: str) -> Completions:
    """Return the runs in ``runs``, in the current folder, and in the folder that was typed."""
    folders = {Path("runs"), Path(), Path(incomplete.rpartition("/")[0] or ".")}
    places = {file.parent for folder in folders for file in folder.glob(f"*/{CONFIG}")}
    return _starting(incomplete, sorted(str(place) for place in places if is_run(place)))


def _decodes_texts(name: str) -> bool:
    try:
        encoding(name)
    except SettingError:
        return False
    return True


def _path(incomplete: str) -> CompletionItem:
    """Leave a path to the shell, which knows how to write names with spaces."""
    return CompletionItem(incomplete, type="file")


def _starting(incomplete: str, names: Iterable[str]) -> Completions:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _described(incomplete: str, names: Iterable[tuple[str, str]]) -> Completions:
    return [CompletionItem(name, help=doc) for name, doc in names if name.startswith(incomplete)]
