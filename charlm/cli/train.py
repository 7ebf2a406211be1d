"""`charlm train`: choose the config and run the training."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from charlm.cli.live.ranks import on_all_ranks
from charlm.cli.options.advice import check_text, encoding_offered, text_asked_for
from charlm.cli.options.settings import overrides_of
from charlm.cli.terminal.layout import table
from charlm.cli.terminal.screen import Screen
from charlm.cli.terminal.streams import takes_unicode
from charlm.config import (
    LISTS,
    PRESETS,
    TIMED,
    Override,
    RunConfig,
    Start,
    bundled_runs,
    bundled_texts,
    is_config,
    load_config,
    needs_text,
    preset_for,
    replacing_budget,
    to_yaml,
    trains_as_a_preset,
)
from charlm.config.recipe import points
from charlm.errors import InputError
from charlm.ranks import Ranks
from charlm.runs.mark import CONFIG, is_run
from charlm.threads import use_threads


def train(obj: dict[str, Any], /, **options: Any) -> int:
    """Run ``charlm train`` and return the exit code."""
    return on_all_ranks(obj, partial(_train, obj, **options))


def _train(
    obj: dict[str, Any],
    ranks: Ranks | None,
    /,
    arguments: tuple[str, ...],
    output: Path | None,
    force: bool,
    settings: tuple[str, ...],
    preset: str | None,
    init_from: str | None,
    finetune: str | None,
    resume: Path | None,
    dry_run: bool,
    as_json: bool,
    tensorboard: bool,
    print_config: bool,
    list_bundled: bool,
    **flags: str | None,
) -> int:
    if as_json and not dry_run:
        raise click.UsageError("--json is for --dry-run; a run writes its numbers to metrics.jsonl")
    if list_bundled:
        configs, names = table(bundled_runs(), "<=", "  "), "\n  ".join(bundled_texts())
        click.echo(f"Configs:\n{configs}\nTexts:\n  {names}")
        return 0
    if resume is not None:
        if arguments or output or force or init_from or finetune or preset:
            raise click.UsageError(
                "--resume continues a run: leave out CONFIG, TEXT, --preset, -o, --force, --init-from and --finetune"
            )
        resume = _run_folder(resume)
        arguments = (str(resume / CONFIG),)
    if init_from is not None and finetune is not None:
        raise click.UsageError("--init-from and --finetune both name a run to start from; give one")
    start = None
    other = init_from if finetune is None else finetune
    if other is not None:
        from charlm.training.transfer import start_of  # it imports numpy

        start = start_of(other, tunes=finetune is not None)
    set_by_flags = replacing_budget(overrides_of({**flags, "threads": obj["threads"]}))
    overrides: list[str | Override] = [*settings, *set_by_flags]
    config, note = config_asked_for(
        arguments, overrides, preset, start=start and start[0], measures=ranks is None
    )
    if print_config:
        if note is not None:
            Screen(obj).say(note)
        click.echo(to_yaml(config, ascii_only=not takes_unicode()), nl=False)
        return 0
    if config.train.threads is not None:
        use_threads(config.train.threads)
    # not earlier: this imports numpy, which then reads the number of threads
    from charlm.cli.live.session import RunOptions, run

    options = RunOptions(output, force, start and start[1], resume, tensorboard, note, ranks)
    with encoding_offered(config.data) if resume is None else text_asked_for(resume, config.data):
        if dry_run:
            from charlm.cli.live.dry_run import dry_run as rehearse

            return rehearse(config, obj, options, as_json)
        return run(config, obj, options)


def config_asked_for(
    arguments: tuple[str, ...],
    overrides: list[str | Override],
    preset: str | None = None,
    command: str = "train",
    start: Start | None = None,
    measures: bool = False,
) -> tuple[RunConfig, str | None]:
    """Return the config of ``[CONFIG] [TEXT...]``, and a note on the preset if the texts get one.

    Args:
        arguments: the config and the texts.
        overrides: the settings from options.
        preset: the one asked for.
        command: the subcommand, for messages.
        start: the run whose weights this one starts from.
        measures: whether the speed of this machine matters for the sizes; several ranks may run on several machines.
    """
    source = arguments[0] if arguments and is_config(arguments[0]) else None
    texts = arguments if source is None else arguments[1:]
    if texts and source is None:
        check_text(texts[0])
    if needs_text(source) and not texts and not _name_a_text(overrides):
        raise InputError(
            f"{source}: this config has no text; name yours, as in charlm {command} {source} novel.txt"
        )
    speeds: list[float] = []

    def speed() -> float:
        from charlm.training.speed import machine_speed  # it imports numpy

        speeds.append(machine_speed() if measures else 1.0)
        return speeds[0]

    config = load_config(
        source, texts=texts, overrides=overrides, preset=preset, start=start, speed=speed
    )
    if preset is not None:
        return config, None
    if speeds:
        sizes = set() if start is None else {"model.hidden_dim"}
        return config, _note_on_time(config, speeds[0], sizes | _keys(overrides))
    return config, _note_on_preset(source, texts, config, _keys(overrides))


def _run_folder(path: Path) -> Path:
    """Return the folder of a run, from its path or the path of a file in it."""
    folder = path.parent if path.is_file() else path
    if not is_run(folder):
        from charlm.runs.checkpoint import no_run

        raise no_run(path)
    return folder


def _note_on_time(config: RunConfig, speed: float, fixed: set[str]) -> str | None:
    """Say what was chosen for the time, the text and this machine; the user or another run gave the ``fixed`` keys."""
    model, rate = config.model, config.train.learning_rate
    chosen = {
        "model.hidden_dim": f"{'/'.join(map(str, dict.fromkeys(model.hidden_dims)))} units",
        "model.dropout": f"dropout {model.dropout:g}",
        "train.learning_rate": f"learning rate {rate:g}",
    }
    named = [words for key, words in chosen.items() if fixed.isdisjoint(_with_section(key))]
    if not named:
        return None
    return (
        f"settings for {config.train.max_time}, the size of the text and this machine, which has {speed:.0%} of the "
        f"speed that presets are made for: {', '.join(named)} (for the same settings on every machine: --preset "
        f"{', '.join(TIMED)})"
    )


def _note_on_preset(
    source: str | None, texts: tuple[str, ...], config: RunConfig, fixed: set[str]
) -> str | None:
    """Say which preset the texts get, if they get one; the user gave the ``fixed`` keys."""
    if not texts or not (source is None or trains_as_a_preset(source)):
        return None
    preset = preset_for(texts)
    why = (
        "for lists, because the lines are short"
        if preset == LISTS
        else "chosen by the size of the text"
    )
    if source is not None:
        return f"the model of {source}, with the training of preset {preset}, {why}"
    why = "for a text of any size" if "-" in texts else why
    others = ", ".join(f"--preset {name}" for name in PRESETS if name != preset)
    dropout = config.model.dropout
    own = {point.name: point.dropout for point in points()}.get(preset, dropout)
    if dropout != own and fixed.isdisjoint(_with_section("model.dropout")):
        why += f", with dropout {dropout:g} for how often the training reads it"
    return f"preset {preset}, {why} (others: {others})"


def _name_a_text(overrides: list[str | Override]) -> bool:
    return not _keys(overrides).isdisjoint(_with_section("data.text"))


def _keys(overrides: list[str | Override]) -> set[str]:
    """Return the keys of overrides, as they were written."""
    typed = (item.key if isinstance(item, Override) else item for item in overrides)
    return {item.partition("=")[0].strip() for item in typed}


def _with_section(key: str) -> set[str]:
    """Return a key and its section: an override of either sets the key."""
    return {key, key.partition(".")[0]}
