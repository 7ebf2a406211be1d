"""The report of a comparison as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable

from charlm.reporting.comparison.report import Report, Table


def markdown(report: Report) -> str:
    """Return a report as Markdown."""
    samples = [
        f"{_escaped(model)}:\n\n{_fenced(sample)}" for model, sample in report.samples.items()
    ]
    parts = [
        f"# {_escaped(report.title)}",
        *map(_escaped, report.verdict),
        *map(_table, report.tables),
        *map(_escaped, report.notes),
        f"## {report.samples_title}",
        *samples,
    ]
    return "\n\n".join(parts)


def comma_separated(report: Report) -> str:
    """Return a row for each training and each baseline, in the form of spreadsheets."""
    out = io.StringIO()
    writer = csv.DictWriter(out, report.rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(report.rows)
    return out.getvalue().removesuffix("\n")


def as_json(report: Report) -> str:
    """Return all data as one line of JSON."""
    return json.dumps(report.data, allow_nan=False)


def _table(table: Table) -> str:
    rule = "|".join(("", *["---"] * len(table.head), ""))
    rows = "\n".join((_row(table.head), rule, *map(_row, table.rows)))
    return f"## {_escaped(table.title)}\n\n{rows}\n\n{_escaped(table.note)}"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(map(_escaped, cells))} |"


def _escaped(words: str) -> str:
    r"""Return words without a special meaning in Markdown.

    Example:
        >>> print(_escaped("a_b|c < 2"))
        a\_b\|c \< 2
    """
    return re.sub(r"([\\`*_|<>#\[\]])", r"\\\1", words)


def _fenced(sample: str) -> str:
    """Return a text as a block of code, with a fence that is longer than any within."""
    longest = max(map(len, re.findall("`+", sample)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{sample}\n{fence}"
