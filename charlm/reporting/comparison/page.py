"""The report of a comparison as one HTML file, which loads nothing."""

from __future__ import annotations

import html
from importlib.resources import files
from string import Template

from charlm.reporting.comparison.report import Report, Table
from charlm.reporting.comparison.svg import curve_class, svg


def page(report: Report) -> str:
    """Return an HTML page, in ASCII, so that it can be saved in any encoding; all texts in it are escaped."""
    template = files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    made = Template(template).substitute(
        title=html.escape(report.title),
        verdict=_paragraphs(report.verdict),
        notes=_paragraphs(report.notes),
        tables="\n".join(map(_table, report.tables)),
        curves=_curves(report) if report.panels else "",
        samples_title=html.escape(report.samples_title),
        samples="\n".join(
            f"<h3>{html.escape(model)}</h3>\n<pre tabindex=0>{html.escape(sample)}</pre>"
            for model, sample in report.samples.items()
        ),
    )
    return made.encode("ascii", "xmlcharrefreplace").decode()


def _paragraphs(texts: tuple[str, ...]) -> str:
    return "\n".join(f"<p>{html.escape(text)}</p>" for text in texts)


def _table(table: Table) -> str:
    title = html.escape(table.title)
    head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in table.head)
    rows = "\n".join(
        f'<tr><th scope="row">{html.escape(name)}</th>'
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, *cells in table.rows
    )
    return (
        f'<h2>{title}</h2>\n<div class="wide" tabindex="0" role="region" aria-label="{title}">'
        f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>\n"
        f'<p class="note">{html.escape(table.note)}</p>'
    )


def _curves(report: Report) -> str:
    models = dict.fromkeys(curve.model for panel in report.panels for curve in panel.curves)
    legend = "\n".join(
        f'<li><svg viewBox="0 0 28 10" aria-hidden="true"><polyline class="{curve_class(number)}" '
        f'points="0,5 28,5"/></svg>{html.escape(model)}</li>'
        for number, model in enumerate(models)
    )
    figures = "\n".join(f"<figure>{svg(panel)}</figure>" for panel in report.panels)
    return (
        f'<h2>Curves</h2>\n<p class="note">{html.escape(report.panels[0].y)}, one curve for each seed.</p>\n'
        f'<ul class="legend">\n{legend}\n</ul>\n<div class="curves">\n{figures}\n</div>'
    )
