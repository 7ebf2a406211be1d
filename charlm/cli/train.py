"""`charlm train`: run a training and show what it reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from charlm.cli.options import kernels_option
from charlm.cli.output import Screen, table
from charlm.cli.streams import takes_unicode
from charlm.config import (
    PRESETS,
    Override,
    bundled_runs,
    bundled_texts,
    is_config,
    load_run,
    preset_for,
    to_yaml,
)
from charlm.errors import CheckpointError
from charlm.threads import use_threads

BUDGETS = {"--steps": "train.steps", "--epochs": "train.epochs", "--max-time": "train.max_time"}
SHORTHANDS = {
    **BUDGETS,
    "--patience": "train.patience",
    "--seed": "train.seed",
    "--log-every": "train.log_every",
    "--sample-every": "train.sample_every",
    "--kernels": "train.kernels",
    "--threads": "train.threads",
    "--encoding": "data.encoding",
    "--min-count": "data.min_count",
    "--val-frac": "data.val_frac",
    "--test-frac": "data.test_frac",
    "--val-file": "data.val_file",
}


@click.command(short_help="Train a model on a text.")
@click.argument("arguments", nargs=-1, metavar="[CONFIG] [TEXT...]")
@click.option(
    "-o", "--output", metavar="DIR", type=click.Path(path_type=Path), help="Run directory."
)
@click.option("--force", is_flag=True, help="Replace the run that is in the run directory.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a key of the config, e.g. --set model.layers=2. Repeatable.",
)
@click.option(
    "--preset",
    type=click.Choice(PRESETS),
    help="Settings by time for TEXT: 3 minutes, 15, an hour; by default, what suits its size.",
)
@click.option("--steps", metavar="N", help="Updates in all (train.steps).")
@click.option("--epochs", metavar="N", help="Passes over the text, such as 0.5 (train.epochs).")
@click.option("--max-time", metavar="TIME", help="90s, 10m or 1h30m at most (train.max_time).")
@click.option(
    "--patience",
    metavar="N",
    help="End after N held-out scores without a better one (train.patience).",
)
@click.option("--seed", metavar="N", help="The same seed gives the same run (train.seed).")
@click.option("--log-every", metavar="N", help="Steps between two losses (train.log_every).")
@click.option("--sample-every", metavar="N", help="Steps between two samples (train.sample_every).")
@click.option("--encoding", metavar="NAME", help="utf-8, another codec, or bytes (data.encoding).")
@click.option("--min-count", metavar="N", help="Rarer characters become <UNK> (data.min_count).")
@click.option("--val-frac", metavar="F", help="Share held out to measure on (data.val_frac).")
@click.option("--test-frac", metavar="F", help="Share kept at the end to test on (data.test_frac).")
@click.option("--val-file", metavar="TEXT", help="Measure on this text instead (data.val_file).")
@kernels_option
@click.option("--init-from", metavar="RUN", help="Start from the weights of this run.")
@click.option(
    "--resume",
    metavar="RUN",
    type=click.Path(path_type=Path),
    help="Go on with this run from its last checkpoint.",
)
@click.option(
    "--dry-run", is_flag=True, help="Check everything and time three steps; write nothing."
)
@click.option("--json", "as_json", is_flag=True, help="With --dry-run: print one JSON object.")
@click.option("--tensorboard", is_flag=True, help="Also write event files for TensorBoard.")
@click.option("--print-config", is_flag=True, help="Print the config that would run, and stop.")
@click.option("--list", "list_bundled", is_flag=True, help="List the bundled configs and texts.")
@click.pass_obj
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
    **shorthands: str | None,
) -> int:
    r"""Train a model.

    CONFIG is a bundled name (see --list) or a .yaml file; everything else is TEXT: files,
    directories of .txt files, quoted patterns ('letters/**/*.txt'), or - for standard input. With no
    argument the tutorial's model learns the tutorial's sentence.

    \b
    charlm train                          the tutorial
    charlm train novel.txt                a text of your own, a model that suits it
    charlm train lstm novel.txt           the same text, the cell and sizes of a config
    charlm train my.yaml --set train.steps=5000
    charlm train --resume runs/novel      go on with a run that was stopped

    --steps, --epochs and --max-time take the place of what the config says of them; of several, the first
    that is reached ends the run.
    """
    if as_json and not dry_run:
        raise click.UsageError("--json is for --dry-run; a run writes its numbers to metrics.jsonl")
    if list_bundled:
        click.echo(
            "Configs:\n" + table(bundled_runs()) + "\nTexts:\n  " + "\n  ".join(bundled_texts())
        )
        return 0
    threads = None if obj["threads"] is None else str(obj["threads"])
    if resume is not None:
        if arguments or output or force or init_from or preset:
            raise click.UsageError(
                "--resume goes on with a run as it is: leave out CONFIG, TEXT, --preset, -o, --force and --init-from"
            )
        resume = _run_folder(resume)
        arguments = (str(resume / "config.yaml"),)
    source = arguments[0] if arguments and is_config(arguments[0]) else None
    texts = arguments if source is None else arguments[1:]
    if texts and source is None and preset is None:
        preset = preset_for(texts)
        Screen(obj).say(f"preset {preset}, by the size of the text ({_others(preset)})")
    overrides = _overrides(settings, {**shorthands, "threads": threads})
    config = load_run(source, texts=texts, overrides=overrides, preset=preset)
    if print_config:
        click.echo(to_yaml(config, ascii_only=not takes_unicode()), nl=False)
        return 0
    if config.train.threads is not None:
        use_threads(config.train.threads)
    # not before: this imports numpy, which then asks for the number of threads
    from charlm.cli.training import Wanted, run

    wanted = Wanted(output, force, init_from, resume, tensorboard)
    if dry_run:
        from charlm.cli.dryrun import dry_run as rehearse

        return rehearse(config, obj, wanted, as_json)
    return run(config, obj, wanted)


def _run_folder(path: Path) -> Path:
    """Return the folder of a run that is named by it, or by a file in it."""
    folder = path.parent if path.is_file() else path
    if not (folder / "config.yaml").is_file():
        raise CheckpointError(
            f"{path}: no run is there (a folder with a config.yaml); `charlm runs` lists the runs"
        )
    return folder


def _others(preset: str) -> str:
    return " and ".join(f"--preset {name}" for name in PRESETS if name != preset) + " choose others"


def _overrides(
    settings: tuple[str, ...], shorthands: dict[str, str | None]
) -> list[str | Override]:
    overrides: list[str | Override] = list(settings)
    given = [flag for flag in BUDGETS if _value(shorthands, flag) is not None]
    if given:
        overrides += [Override(given[0], key, "null") for key in BUDGETS.values()]
    for flag, key in SHORTHANDS.items():
        value = _value(shorthands, flag)
        if value is not None:
            # a text of the user's is no YAML
            value = json.dumps(value) if flag in ("--encoding", "--val-file") else value
            overrides.append(Override(origin=flag, key=key, value=value))
    return overrides


def _value(shorthands: dict[str, str | None], flag: str) -> str | None:
    return shorthands[flag.lstrip("-").replace("-", "_")]
