"""The reference in docs/: every command's help, every setting. ``python -m tests.cli.reference`` writes it."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import attrs
import click

from charlm.cli import COMMANDS, cli
from charlm.cli.options.settings import FLAGS, described
from charlm.config.keys import keys, words
from charlm.config.schema import CELLS, SECTIONS, RunConfig

DOCS = Path(__file__).parents[2] / "docs"
COMMANDS_HEAD = """\
# The commands

What `charlm --help` and `charlm COMMAND --help` say. The options of `charlm` itself can also follow the command.
`python -m tests.cli.reference` writes this page.
"""

SETTINGS_HEAD = """\
# The settings of a config

A config is a YAML file with three sections: `model`, `data` and `train`. Write only the settings that differ from the
defaults. The defaults are those of DyNet's tutorial. `name` gives the name of the run's folder: `runs/NAME`.

```yaml
name: letters
model: {cell: lstm, hidden_dim: 128}
data: {text: novel.txt, framing: stream, alphabet: null, val_frac: 0.1}
train: {trainer: adam, learning_rate: 0.003, steps: 2000}
```

`charlm train my.yaml` trains it. `--set` changes any setting: `charlm train my.yaml --set model.layers=2`. Some
settings have an option of their own. `charlm train my.yaml --print-config` prints the complete config.
[Training settings](training.md) explains how the settings of the network and the updates work.
`python -m tests.cli.reference` writes this page.
"""
KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "None": "`null`",
}


def help_of(name: str = "", width: int = 80) -> str:
    """Return the help of a command, or of charlm itself, on a terminal of that width."""
    context = click.Context(
        cli, info_name="charlm", terminal_width=width - 2, **cli.context_settings
    )
    command: click.Command | None = cli
    if name:
        command = cli.get_command(context, name)
        context = click.Context(command, context, info_name=name, terminal_width=width - 2)
    return command.get_help(context)


def commands() -> str:
    """Return docs/cli.md."""
    blocks = [("charlm", help_of()), *((f"charlm {name}", help_of(name)) for name in COMMANDS)]
    return COMMANDS_HEAD + "".join(f"\n## {title}\n\n```\n{text}\n```\n" for title, text in blocks)


def values_of(key: str) -> str:
    """Return the values that a key takes: its words, or the types of its field in plain English."""
    if words(key):
        return ", ".join(f"`{word}`" for word in words(key))
    annotation = keys()[key].type
    types = getattr(annotation, "__name__", str(annotation)).split(" | ")
    return ", ".join("a list" if kind.startswith("tuple") else KINDS[kind] for kind in types)


def cells() -> str:
    """Return the table of the cells; each module of a cell begins with a line that says what it is."""
    rows = ""
    for cell in CELLS:
        about = import_module(f"charlm.engine.rnn.cells.{cell}").__doc__.splitlines()[0]
        rows += f"| `{cell}` | {about.removeprefix('The ')} |\n"
    return f"\n| cell | what it is |\n|---|---|\n{rows}"


def settings() -> str:
    """Return docs/config.md."""
    flags = {key: flag for flag, key in reversed(FLAGS.items())}
    text = SETTINGS_HEAD
    for section in SECTIONS:
        title = getattr(attrs.fields(RunConfig), section).metadata["doc"]
        text += f"\n## {title}: `{section}`\n\n"
        text += "| key | default | values | what it is | option |\n|---|---|---|---|---|\n"
        for key, field in keys().items():
            if key.startswith(f"{section}."):
                default = json.dumps(field.default, ensure_ascii=False)
                option = f"`{flags[key]}`" if key in flags else ""
                row = (f"`{field.name}`", f"`{default}`", values_of(key), described(key), option)
                text += f"| {' | '.join(row)} |\n".replace("<", "&lt;")
        text += cells() if section == "model" else ""
    return text


PAGES = {DOCS / "cli.md": commands, DOCS / "config.md": settings}

if __name__ == "__main__":
    for path, content in PAGES.items():
        path.write_text(content(), encoding="utf-8")
