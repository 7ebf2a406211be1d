"""The report of a comparison as one HTML file, which loads nothing."""

from __future__ import annotations

import html
from importlib.resources import files
from string import Template

from charlm.reporting import charts
from charlm.reporting.charts import Chart, Line
from charlm.reporting.comparison.report import Report, Table


def page(report: Report) -> str:
    """Return an HTML page, in ASCII, so that it can be saved in any encoding; all texts in it are escaped."""
    template = files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    made = Template(template).substitute(
        style=charts.style(),
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
    drawn = [
        Chart(
            f"curves-{number}",
            f"By {panel.x}",
            panel.x,
            panel.y,
            [Line(curve.model, curve.points) for curve in panel.curves],
            panel.levels_in_view,
            log_y=panel.log,
        )
        for number, panel in enumerate(report.panels, 1)
    ]
    figures = "\n".join(
        f"<figure><figcaption>{html.escape(chart.title)}</figcaption>\n{chart.picture()}</figure>"
        for chart in drawn
    )
    return (
        f'<h2>Curves</h2>\n<p class="note">One curve for each seed.</p>\n'
        f'{drawn[0].key()}\n<div class="charts">\n{figures}\n</div>'
    )
