"""Repeat a published table: ``python -m benchmarks.published NAME``."""

from __future__ import annotations

import argparse
import json
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.machine import describe
from benchmarks.published.configs import FOLDER
from benchmarks.published.learning import say
from benchmarks.published.table import Asked, Row, Table, markdown

NAMES = ("karpathy", "time-machine", "languages", "copying", "adding", "minimal")
ABOUT = """\
# Published tables, repeated

Each table shows figures from a paper or a book, and ours beside them. A command trains the networks of a table again.
Type it in charlm's folder:

* `python -m benchmarks.published` lists the tables.
* `python -m benchmarks.published adding` measures one table and writes it to this page.
* `--quick` takes seconds, and writes nothing. `--full` has the published sizes, and takes hours or days.
* `--text FILE` trains on your text, if the table is about a text.

The column `published` is empty where we have no published figure. Each figure of ours is from one training, with one
seed. Other programs used the machine at the same time, so the seconds are rough. The settings are in the YAML files of
this folder, and the sizes in the Python modules.
"""


def table_of(name: str) -> Table:
    """Return a table by its name."""
    table: Table = import_module(f"benchmarks.published.{name.replace('-', '_')}").TABLE
    return table


def main(arguments: list[str] | None = None) -> None:
    """List the tables, or measure one, print it, and write it to README.md and results.json."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.published", description=main.__doc__
    )
    parser.add_argument("name", nargs="?", choices=NAMES, help="without a name: the list of tables")
    parser.add_argument("--text", type=Path, help="a text in UTF-8 instead of a generated one")
    size = parser.add_mutually_exclusive_group()
    for option, about in (("quick", "seconds"), ("full", "the published sizes: hours or days")):
        size.add_argument(
            f"--{option}", dest="size", action="store_const", const=option, help=about
        )
    parser.add_argument("--threads", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument(
        "--output",
        type=Path,
        help=f"a folder for README.md and results.json (default: {FOLDER}, with --quick none)",
    )
    parser.set_defaults(size="default")
    asked = parser.parse_args(arguments)
    if asked.name is None:
        for name in NAMES:
            print(f"{name:14}{table_of(name).title}")
        return
    table = table_of(asked.name)
    if asked.text is not None and not table.takes_text:
        with_text = ", ".join(name for name in NAMES if table_of(name).takes_text)
        parser.error(f"--text: {table.name} generates its data; a text is for {with_text}")
    try:
        text = asked.text and asked.text.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        parser.error(f"--text {asked.text}: {error}")
    rows = []
    for row in table.measure(Asked(text, asked.size, asked.threads, asked.seed)):
        say(f"{row.name}: {row.ours:.4f} in {row.seconds:.0f} s")
        rows.append(row)
    print(markdown(table, rows))
    output = asked.output or (None if asked.size == "quick" else FOLDER)
    if output is not None:
        of_text = f" --text {asked.text.name}" if text else ""
        of_size = "" if asked.size == "default" else f" --{asked.size}"
        command = f"python -m benchmarks.published {table.name}{of_text}{of_size} --threads {asked.threads}"
        write(output, table, rows, command, describe(asked.threads))


def write(
    folder: Path, table: Table, rows: list[Row], command: str, machine: dict[str, str]
) -> None:
    """Write a table's rows to ``results.json``, and all that are there to ``README.md``."""
    numbers = folder / "results.json"
    results: dict[str, Any] = json.loads(numbers.read_text("utf-8")) if numbers.exists() else {}
    plain = [row.to_dict() for row in rows]
    results[table.name] = {"command": command, "machine": machine, "rows": plain}
    folder.mkdir(parents=True, exist_ok=True)
    numbers.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(report(results), encoding="utf-8")


def report(results: dict[str, Any]) -> str:
    """Return the page of all tables with results; a note in the results says what a command cannot know."""
    parts = [ABOUT]
    for name in NAMES:
        if name in results:
            measured = results[name]
            table = markdown(table_of(name), [Row(**row) for row in measured["rows"]])
            machine = f"{measured['machine']['processor']}; {measured['machine']['packages']}"
            note = f"\n{measured['note']}\n" if "note" in measured else ""
            parts.append(f"{table}\n\n    {measured['command']}\n\nMeasured on: {machine}.\n{note}")
    return "\n".join(parts)


if __name__ == "__main__":
    main()
