"""HTML for notebooks: tables and texts, escaped, without scripts."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

_LEFT = ' style="text-align: left"'


def table(rows: Iterable[Sequence[object]], head: Sequence[str] = (), caption: str = "") -> str:
    """Return a table; the first cell of a row is its name.

    Args:
        rows: the cells of each row.
        head: the names of the columns.
        caption: what it shows.

    Example:
        >>> table([("a<b", 3)])
        '<table><tbody><tr><th scope="row"...>a&lt;b</th><td...>3</td></tr></tbody></table>'
    """
    columns = "".join(f'<th scope="col"{_LEFT}>{_escaped(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row"{_LEFT}>{_escaped(name)}</th>'
        + "".join(f"<td{_LEFT}>{_escaped(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, *cells in rows
    )
    return (
        "<table>"
        + (f"<caption{_LEFT}>{_escaped(caption)}</caption>" if caption else "")
        + (f"<thead><tr>{columns}</tr></thead>" if head else "")
        + f"<tbody>{body}</tbody></table>"
    )


def text(shown: str) -> str:
    """Return a text with its line breaks and spaces.

    Example:
        >>> text("<b>")
        '<pre>&lt;b&gt;</pre>'
    """
    return f"<pre>{_escaped(shown)}</pre>"


def _escaped(value: object) -> str:
    return html.escape(str(value))
