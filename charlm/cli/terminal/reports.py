"""The report of a comparison on a terminal, and in the other formats of `--format`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click

from charlm.cli.terminal.layout import filled, table
from charlm.reporting.comparison.conditions import Condition
from charlm.reporting.comparison.formats import as_json, comma_separated, markdown
from charlm.reporting.comparison.page import page
from charlm.reporting.comparison.report import Report, Table

FAILED = 3
"""The exit code if a condition of `--fail-if` is true."""
MOST, MOST_LINES = 160, 5
"""Characters and lines of a sample that are shown."""


def report_text(report: Report) -> str:
    """Return a report as lines that fit a terminal."""
    first, *others = map(_table, report.tables)
    titles = [f"{shown.title}:" for shown in report.tables[1:]]
    samples = [f"{model}: {_beginning(sample)}" for model, sample in report.samples.items()]
    parts = [
        first,
        *map("\n".join, zip(titles, others, strict=True)),
        f"{report.samples_title}:\n" + "\n".join(samples),
        *map(filled, report.notes),
        "\n".join(map(filled, report.verdict)),
    ]
    return "\n\n".join(parts)


FORMATS: dict[str, Callable[[Report], str]] = {
    "table": report_text,
    "md": markdown,
    "csv": comma_separated,
    "json": as_json,
    "html": page,
}
"""What `--format` takes, and what it gives."""


def failed(conditions: Iterable[Condition], report: Report) -> int:
    """Say on stderr which conditions are true, and return the exit code: ``FAILED`` if there are any."""
    true = [condition.met(report.metrics, report.best) for condition in conditions]
    said = [words for words in true if words is not None]
    for words in said:
        click.echo(f"--fail-if {words}", err=True)  # also with --quiet: it is why this fails
    return FAILED if said else 0


def _table(shown: Table) -> str:
    return f"{table([shown.head, *shown.rows])}\n{filled(shown.note)}"


def _beginning(sample: str) -> str:
    shown = "\n  ".join(sample[:MOST].splitlines()[:MOST_LINES])
    return shown if len(sample) <= MOST and sample.count("\n") < MOST_LINES else f"{shown}..."
