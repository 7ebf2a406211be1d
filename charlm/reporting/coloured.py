"""A text in colours, on a terminal or as an HTML page. Each character has a level (its colour) and a note.

The page is one file that needs no network. It has a light and a dark colour scheme, and every character can be reached
with the keyboard.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from string import Template

import numpy as np

from charlm.lm.evaluation import Floats
from charlm.text.symbols import written
from charlm.text.vocab import ENDS

PLAIN = 0
"""The level without a colour."""
LINE_END = "\u21b5"


@dataclass(frozen=True)
class Colour:
    """A background colour.

    Attributes:
        terminal: its number in the 256 colours of a terminal.
        light: the background on a light page, where letters are black.
        dark: the background on a dark page, where letters are white.
    """

    terminal: int
    light: str
    dark: str


ORANGE = (
    Colour(230, "#fdf0d5", "#3a2c10"),
    Colour(222, "#fbd38d", "#5c3f0c"),
    Colour(215, "#f6a95b", "#7d4a08"),
    Colour(208, "#ee8434", "#9c4a08"),
)
BLUE = (
    Colour(195, "#e3f0fb", "#12293d"),
    Colour(153, "#bcdcf5", "#173f62"),
    Colour(117, "#8ec5ee", "#1b5486"),
    Colour(75, "#5fabe4", "#2069a8"),
)


@dataclass(frozen=True)
class Scale:
    """The meaning of the levels. Level 0 has no colour, 1 to 4 are orange and -1 to -4 blue, from light to dark.

    Attributes:
        what: the quantity that the colours show.
        meanings: the meaning of each level, for the legend.
    """

    what: str
    meanings: dict[int, str]


RANKS = Scale(
    "rank of each character among all that could have come",
    {0: "1 (the likeliest)", 1: "2 or 3", 2: "4 to 10", 3: "11 to 30", 4: "more than 30"},
)
RANK_ENDS = [1, 3, 10, 30]
"""The last rank of each level of ``RANKS``, except the highest."""


def rank_levels(ranks: Sequence[int]) -> list[int]:
    """Return the levels of some ranks.

    Example:
        >>> rank_levels([1, 2, 10, 31])
        [0, 1, 2, 4]
    """
    return [int(level) for level in np.searchsorted(RANK_ENDS, ranks)]


def signed_levels(values: Floats, largest: float) -> list[int]:
    """Return levels from -4 to 4 for numbers from ``-largest`` to ``largest``; small ones have no colour.

    Example:
        >>> signed_levels(np.array([-1.0, 0.05, 0.5, 1.0]), 1.0)
        [-4, 0, 2, 4]
    """
    return [int(level) for level in np.clip(np.rint(4 * values / (largest or 1.0)), -4, 4)]


def ends_line(symbol: str) -> bool:
    """Return whether a symbol ends a line, or a document."""
    return symbol in ("\n", "<0x0A>", *ENDS)


@dataclass(frozen=True)
class Mark:
    """A character of the text.

    Attributes:
        symbol: the symbol, as a vocabulary spells it.
        level: its level.
        note: a text about it.
        alternatives: symbols with probabilities, the likeliest first.
    """

    symbol: str
    level: int
    note: str
    alternatives: tuple[tuple[str, float], ...] = ()

    @property
    def ends_line(self) -> bool:
        """Whether it ends a line."""
        return ends_line(self.symbol)


@dataclass(frozen=True)
class Histogram:
    """The number of characters in each range of a quantity."""

    title: str
    bars: Sequence[tuple[str, int]]


def ansi(marks: Iterable[Mark]) -> str:
    r"""Return the text with colours for a terminal of 256 colours.

    Example:
        >>> ansi([Mark("a", 0, ""), Mark("b", 4, "")])
        'a\x1b[30;48;5;208mb\x1b[0m'
    """
    parts, level = [], PLAIN
    for mark in marks:
        if mark.level != level:
            colour = _colour(mark.level)
            parts.append("\x1b[0m" if colour is None else f"\x1b[30;48;5;{colour.terminal}m")
            level = mark.level
        if mark.ends_line:
            # the colour ends before the line does, else it would fill the rest of the row
            parts.append(LINE_END + ("" if level == PLAIN else "\x1b[0m") + "\n")
            level = PLAIN
        else:
            parts.append(written(mark.symbol))
    return "".join(parts) + ("" if level == PLAIN else "\x1b[0m")


def ansi_legend(scale: Scale) -> str:
    """Return the legend of the colours for a terminal, as one line."""
    shown = []
    for level, meaning in scale.meanings.items():
        colour = _colour(level)
        shown.append(
            meaning if colour is None else f"\x1b[30;48;5;{colour.terminal}m {meaning} \x1b[0m"
        )
    return f"{scale.what}: {', '.join(shown)}"


def page(
    title: str,
    about: Sequence[str],
    scale: Scale,
    marks: Sequence[Mark],
    histograms: Sequence[Histogram] = (),
    tables: Sequence[str] = (),
) -> str:
    """Return an HTML page; characters of the text are escaped.

    Args:
        title: the heading.
        about: paragraphs below it.
        scale: the meaning of the colours.
        marks: the text.
        histograms: charts below the text.
        tables: plain-text tables below it.
    """
    return Template(_part("coloured.html")).substitute(
        title=html.escape(title),
        about="\n".join(f"<p>{html.escape(words)}</p>" for words in about),
        what=html.escape(scale.what),
        style=style(),
        script=script(),
        legend=legend(scale),
        text=spans(marks),
        histograms="\n".join(map(_figure, histograms)),
        tables="\n".join(f"<pre tabindex=0>{html.escape(table)}</pre>" for table in tables),
        notes=script_data(notes_of(marks)),
    )


def style() -> str:
    """Return the style sheet of pages with a coloured text, light and dark."""
    dark = f"@media screen and (prefers-color-scheme: dark) {{ {_css('dark')} }}"
    return "\n".join([_part("coloured.css"), _css("light"), dark])


def script() -> str:
    """Return the script that defines ``readable``, with which people explore a coloured text."""
    return _part("coloured.js")


def legend(scale: Scale) -> str:
    """Return the items of the legend in HTML."""
    return "\n".join(
        f'<li><span class="{_css_class(level)}">{html.escape(meaning)}</span></li>'
        for level, meaning in scale.meanings.items()
    )


def spans(marks: Iterable[Mark]) -> str:
    """Return the text in HTML, a span for each character."""
    return "".join(map(_span, marks))


def notes_of(marks: Iterable[Mark]) -> list[list[object]]:
    """Return what ``readable`` shows of each character: the symbol, the note, and the likeliest with probabilities."""
    return [
        [written(mark.symbol), mark.note, [[written(s), round(p, 4)] for s, p in mark.alternatives]]
        for mark in marks
    ]


def script_data(data: object) -> str:
    r"""Return plain data as JSON for a script element, which no text in it can end.

    Example:
        >>> print(script_data(["</script>"]))
        ["\u003c/script>"]
    """
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _part(name: str) -> str:
    """Return a file of this package."""
    return files("charlm.reporting").joinpath(name).read_text(encoding="utf-8")


def _colour(level: int) -> Colour | None:
    if level == PLAIN:
        return None
    return ORANGE[level - 1] if level > 0 else BLUE[-level - 1]


def _css_class(level: int) -> str:
    return "p" if level == PLAIN else f"o{level}" if level > 0 else f"b{-level}"


def _css(scheme: str) -> str:
    levels = [*range(1, 1 + len(ORANGE)), *range(-len(BLUE), 0)]
    return " ".join(
        f".{_css_class(level)} {{ background: {getattr(_colour(level), scheme)} }}"
        for level in levels
    )


def _span(mark: Mark) -> str:
    shown = LINE_END if mark.ends_line else html.escape(written(mark.symbol))
    end = "\n" if mark.ends_line else ""
    return f'<span class="{_css_class(mark.level)}">{shown}</span>{end}'


def _figure(histogram: Histogram) -> str:
    total = sum(count for _, count in histogram.bars) or 1
    most = max((count for _, count in histogram.bars), default=0) or 1
    rows = "\n".join(
        f'<tr><th scope="row">{html.escape(label)}</th>'
        f'<td><div class="bar" style="width: {100 * count / most:.1f}%"></div></td>'
        f"<td>{count:,}</td><td>{count / total:.1%}</td></tr>"
        for label, count in histogram.bars
    )
    return (
        f"<table class=chart><caption>{html.escape(histogram.title)}</caption>\n"
        f'<thead><tr><th scope="col">range</th><td></td><th scope="col">count</th><th scope="col">share</th></tr>'
        f"</thead>\n<tbody>{rows}</tbody></table>"
    )
