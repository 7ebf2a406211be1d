"""The help, arguments and options of `charlm train`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from charlm.cli.options.completion import runs
from charlm.cli.options.settings import KEYS, CommandWithSettings, setting_options
from charlm.cli.options.shared import HomePath, config_and_texts_argument, folder_option, set_option
from charlm.config import PRESETS

HELP = """\
Train a model.

CONFIG is the name of a bundled config (see --list) or a .yaml file. TEXT is files, folders of .txt
files, quoted patterns ('letters/**/*.txt'), or - for standard input. Without an argument, the
tutorial's model learns the tutorial's sentence.

\b
charlm train                      the tutorial
charlm train novel.txt            your own text
charlm train lstm novel.txt       a config on your text
charlm train my.yaml --lr 0.01    another learning rate
charlm train --resume runs/novel  continue a run

Set a key of the config with its option; --set also takes keys that have no option.
--steps, --epochs and --max-time replace all three limits of the config. If you give several, the run
ends at the first limit that it reaches.
"""


@click.command(cls=CommandWithSettings, help=HELP)
@config_and_texts_argument
@folder_option("The run directory (default: runs/NAME).")
@click.option("--force", is_flag=True, help="Replace the run that is in the run directory.")
@set_option("Set any key of the config, e.g. --set train.clip_norm=1. Repeatable.")
@click.option(
    "--preset",
    type=click.Choice(PRESETS),
    help="Settings for TEXT that train for 3, 15 or 60 minutes (default: by the size of TEXT).",
)
@click.option(
    "--init-from",
    metavar="RUN",
    type=HomePath(),
    shell_complete=runs,
    help="Start from the weights of this run, with its sizes.",
)
@click.option(
    "--finetune",
    metavar="RUN",
    type=HomePath(),
    shell_complete=runs,
    help="As --init-from, with a lower learning rate and a short warm-up.",
)
@click.option(
    "--resume",
    metavar="RUN",
    type=HomePath(path_type=Path),
    shell_complete=runs,
    help="Continue this run from its last checkpoint.",
)
@click.option(
    "--dry-run", is_flag=True, help="Check everything and time three steps, but write nothing."
)
@click.option("--json", "as_json", is_flag=True, help="With --dry-run: print one JSON object.")
@click.option("--tensorboard", is_flag=True, help="Also write event files for TensorBoard.")
@click.option("--print-config", is_flag=True, help="Print the complete config and exit.")
@click.option("--list", "list_bundled", is_flag=True, help="List the bundled configs and texts.")
@setting_options(*KEYS)
@click.pass_obj
def train(obj: dict[str, Any], /, **options: Any) -> int:
    from charlm.cli.train import train

    return train(obj, **options)
