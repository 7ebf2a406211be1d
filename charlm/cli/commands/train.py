"""What is typed after `charlm train`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from charlm.cli.options.completion import configs_and_texts, encodings, runs, settings, texts
from charlm.cli.options.shared import HomePath, kernels_option
from charlm.config import PRESETS

HELP = """\
Train a model.

CONFIG is a bundled name (see --list) or a .yaml file; everything else is TEXT: files,
directories of .txt files, quoted patterns ('letters/**/*.txt'), or - for standard input. With no
argument the tutorial's model learns the tutorial's sentence.

\b
charlm train                      the tutorial
charlm train novel.txt            a text of your own
charlm train lstm novel.txt       a config on your text
charlm train my.yaml --set train.steps=5000
charlm train --resume runs/novel  go on after a stop

--steps, --epochs and --max-time replace all three in the config. If you give several, the run ends at the
first that it reaches.
"""


@click.command(help=HELP)
@click.argument(
    "arguments", nargs=-1, metavar="[CONFIG] [TEXT...]", shell_complete=configs_and_texts
)
@click.option("-o", "--output", metavar="DIR", type=HomePath(path_type=Path), help="Run directory.")
@click.option("--force", is_flag=True, help="Replace the run that is in the run directory.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=settings,
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
@click.option(
    "--encoding",
    metavar="NAME",
    shell_complete=encodings,
    help="The text's encoding: utf-8, another codec, or bytes (data.encoding).",
)
@click.option("--min-count", metavar="N", help="Rarer characters become <UNK> (data.min_count).")
@click.option("--val-frac", metavar="F", help="Share held out to measure on (data.val_frac).")
@click.option("--test-frac", metavar="F", help="Share kept at the end to test on (data.test_frac).")
@click.option(
    "--val-file",
    metavar="TEXT",
    shell_complete=texts,
    help="Measure on this text instead (data.val_file).",
)
@kernels_option
@click.option(
    "--init-from",
    metavar="RUN",
    type=HomePath(),
    shell_complete=runs,
    help="Start from the weights of this run.",
)
@click.option(
    "--resume",
    metavar="RUN",
    type=HomePath(path_type=Path),
    shell_complete=runs,
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
def train(obj: dict[str, Any], /, **given: Any) -> int:
    """Carry the command out."""
    from charlm.cli.train import train

    return train(obj, **given)
