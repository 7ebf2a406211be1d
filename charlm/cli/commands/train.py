"""What is typed after `charlm train`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from charlm.cli.options.completion import configs_and_texts, runs, settings
from charlm.cli.options.settings import KEYS, CommandWithSettings, setting_options
from charlm.cli.options.shared import HomePath
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


@click.command(cls=CommandWithSettings, help=HELP)
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
@setting_options(*KEYS)
@click.pass_obj
def train(obj: dict[str, Any], /, **given: Any) -> int:
    """Carry the command out."""
    from charlm.cli.train import train

    return train(obj, **given)
