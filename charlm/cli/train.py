"""`charlm train`: choose the config and run the training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from charlm.cli.options.advice import check_text, encoding_offered, text_asked_for
from charlm.cli.options.settings import overrides_of
from charlm.cli.terminal.layout import table
from charlm.cli.terminal.screen import Screen
from charlm.cli.terminal.streams import takes_unicode
from charlm.config import (
    PRESETS,
    Override,
    bundled_runs,
    bundled_texts,
    is_config,
    load_run,
    needs_text,
    preset_for,
    to_yaml,
    trains_as_a_preset,
)
from charlm.errors import CheckpointError, InputError
from charlm.runs.mark import CONFIG, is_run
from charlm.threads import use_threads

BUDGETS = ("train.steps", "train.epochs", "train.max_time")
"""An option for one of these replaces all three."""


def train(
    obj: dict[str, Any],
    /,
    arguments: tuple[str, ...],
    output: Path | None,
    force: bool,
    settings: tuple[str, ...],
    preset: str | None,
    init_from: str | None,
    resume: Path | None,
    dry_run: bool,
    as_json: bool,
    tensorboard: bool,
    print_config: bool,
    list_bundled: bool,
    **flags: str | None,
) -> int:
    """Run ``charlm train`` and return the exit code."""
    if as_json and not dry_run:
        raise click.UsageError("--json is for --dry-run; a run writes its numbers to metrics.jsonl")
    if list_bundled:
        click.echo(
            "Configs:\n"
            + table(bundled_runs(), "<=", "  ")
            + "\nTexts:\n  "
            + "\n  ".join(bundled_texts())
        )
        return 0
    if resume is not None:
        if arguments or output or force or init_from or preset:
            raise click.UsageError(
                "--resume continues a run: leave out CONFIG, TEXT, --preset, -o, --force and --init-from"
            )
        resume = _run_folder(resume)
        arguments = (str(resume / CONFIG),)
    source = arguments[0] if arguments and is_config(arguments[0]) else None
    texts = arguments if source is None else arguments[1:]
    note = None
    if texts and source is None:
        check_text(texts[0])
        if preset is None:
            preset = preset_for(texts)
            why = "for a text of any size" if "-" in texts else "chosen by the size of the text"
            others = ", ".join(f"--preset {name}" for name in PRESETS if name != preset)
            note = f"preset {preset}, {why} (others: {others})"
    elif texts and trains_as_a_preset(source):
        why = "chosen by the size of the text"
        note = f"the model of {source}, with the training of preset {preset_for(texts)}, {why}"
    overrides = _overrides(settings, {**flags, "threads": obj["threads"]})
    if needs_text(source) and not texts and not _name_a_text(overrides):
        raise InputError(
            f"{source}: this config has no text; name yours, as in charlm train {source} novel.txt"
        )
    config = load_run(source, texts=texts, overrides=overrides, preset=preset)
    if print_config:
        if note is not None:
            Screen(obj).say(note)
        click.echo(to_yaml(config, ascii_only=not takes_unicode()), nl=False)
        return 0
    if config.train.threads is not None:
        use_threads(config.train.threads)
    # not earlier: this imports numpy, which then reads the number of threads
    from charlm.cli.live.session import RunOptions, run

    options = RunOptions(output, force, init_from, resume, tensorboard, note)
    with encoding_offered(config.data) if resume is None else text_asked_for(resume, config.data):
        if dry_run:
            from charlm.cli.live.dry_run import dry_run as rehearse

            return rehearse(config, obj, options, as_json)
        return run(config, obj, options)


def _run_folder(path: Path) -> Path:
    """Return the folder of a run, from its path or the path of a file in it."""
    folder = path.parent if path.is_file() else path
    if not is_run(folder):
        from charlm.runs.checkpoint import suggested_run

        raise CheckpointError(
            f"{path}: no run is there (a folder with a config.yaml); {suggested_run(path)}"
        )
    return folder


def _overrides(settings: tuple[str, ...], flags: dict[str, object]) -> list[str | Override]:
    given = overrides_of(flags)
    budget = [override for override in given if override.key in BUDGETS]
    unset = [Override(override.origin, key, "null") for override in budget[:1] for key in BUDGETS]
    return [*settings, *unset, *given]


def _name_a_text(overrides: list[str | Override]) -> bool:
    keys = (given.partition("=")[0].strip() for given in overrides if isinstance(given, str))
    return not {"data", "data.text"}.isdisjoint(keys)
