"""Line charts for a page: the lines as SVG, the labels as text of the page, so that they keep their size.

In a report, a slider below a chart moves over the points, so that the values can be read without a mouse.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from importlib.resources import files

from charlm.reporting.coloured import script_data
from charlm.wording import short

COLUMNS = 300
"""A line keeps its lowest and its highest value in each of this many columns."""
SIZE = 1000
"""The width and the height of the SVG in its own units; the page stretches it."""
TICKS = 6
LOOKS = 6
"""Lines of different names differ in colour and dashes, so that they are told apart without colours too."""
LEAST = 1e-100
"""The smallest number on a logarithmic axis; a smaller one is put at its end."""
GAP = 0.075
"""The least distance between two labels at the right edge, as a share of the height."""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """A line of a chart. ``dots`` draws its points too; the single point of a line is always drawn."""

    name: str
    points: Points
    dots: bool = False


@dataclass(frozen=True)
class Chart:
    """A line chart.

    Attributes:
        name: the beginning of the ids of its elements.
        title: what it shows.
        x: the quantity from left to right, with its unit.
        y: the quantity from bottom to top, with its unit.
        lines: the lines, those of one name in one colour; points of one line are in order of x.
        levels: horizontal lines with names.
        log_x: whether x is drawn by its logarithm.
        log_y: whether y is.
    """

    name: str
    title: str
    x: str
    y: str
    lines: Sequence[Line]
    levels: Sequence[tuple[str, float]] = ()
    log_x: bool = False
    log_y: bool = False

    @cached_property
    def x_axis(self) -> Axis:
        """The axis from left to right."""
        return Axis.around([x for line in self.lines for x, _ in line.points], self.log_x)

    @cached_property
    def y_axis(self) -> Axis:
        """The axis from bottom to top, with some space above and below."""
        values = [y for line in self.lines for _, y in line.points]
        values += [level for _, level in self.levels]
        return Axis.around(values, self.log_y, 0.05)

    def key(self) -> str:
        """Return a list of the names with their colours as HTML, where there are several."""
        drawn = {line.name for line in self.lines if line.points}
        if len(self._looks) == 1:
            return ""
        entries = "\n".join(
            f'<li><svg viewBox="0 0 40 10" preserveAspectRatio="none"><path class="line s{look}" d="M0 5h40"/></svg>'
            f"{escape(name)}</li>"
            for name, look in self._looks.items()
            if name in drawn
        )
        return f'<ul class="key" aria-hidden="true">\n{entries}\n</ul>'

    def picture(self) -> str:
        """Return the chart between the names of its quantities, as HTML."""
        x_labels, y_labels = self.x_axis.labels(), self.y_axis.labels()
        levels = self._level_labels()
        drawn = [
            *(f'<path class="grid" d="M0 {SIZE * (1 - at):.1f}h{SIZE}"/>' for _, at in y_labels),
            *(f'<path class="level-line" d="M0 {SIZE * at:.1f}h{SIZE}"/>' for _, at, _ in levels),
            *map(self._drawn, self.lines),
        ]
        labels = [
            *(_span("x", "left", at, label) for label, at in x_labels),
            *(_span("y", "top", 1 - at, label) for label, at in y_labels),
            *(_span("level", "top", at, label) for label, _, at in levels),
        ]
        return "\n".join(
            (
                f'<p class="soft">{escape(self.y)}</p>',
                f'<div class="plot{" named" if levels else ""}">',
                f'<svg viewBox="0 0 {SIZE} {SIZE}" preserveAspectRatio="none" role="img" '
                f'aria-label="{escape(self.in_words())}">',
                *drawn,
                "</svg>",
                *labels,
                '<div class="here"></div>',
                "</div>",
                f'<p class="soft of-x">{escape(self.x)}</p>',
            )
        )

    @cached_property
    def _looks(self) -> dict[str, int]:
        """The number of the colour and the dashes of each name."""
        names = dict.fromkeys(line.name for line in self.lines)
        return {name: number % LOOKS for number, name in enumerate(names)}

    def _drawn(self, line: Line) -> str:
        """Return the path of a line, and that of its dots."""
        x_axis, y_axis, look = self.x_axis, self.y_axis, self._looks[line.name]
        if not line.points:
            return ""
        places = [
            f"{SIZE * x_axis.place(x):.1f} {SIZE * (1 - y_axis.place(y)):.1f}"
            for x, y in thinned(line.points)
        ]
        drawn = f'<path class="line s{look}" d="M{"L".join(places)}"/>'
        if line.dots or len(places) == 1:
            dots = "".join(f"M{place}h0" for place in places)
            drawn += f'<path class="dots s{look}" d="{dots}"/>'
        return drawn

    def _level_labels(self) -> list[tuple[str, float, float]]:
        """Return for each level its name, its place from the top and the place of its name, which no other covers."""
        axis, made, last = self.y_axis, [], -math.inf
        for name, level in sorted(self.levels, key=lambda level: -level[1]):
            place = 1 - axis.place(level)
            last = max(place, last + GAP)
            made.append((f"{name} ({level:.2f})", place, last))
        return made

    def in_words(self) -> str:
        """Return what the lines show, for readers that do not see them."""
        said = []
        for line in self.lines:
            if line.points:
                (first_x, first), (last_x, last) = line.points[0], line.points[-1]
                said.append(
                    f"{line.name}: {short(first)} at {short(first_x)}, {short(last)} at {short(last_x)}"
                )
        said += [f"{name}: {short(level)}" for name, level in self.levels]
        return f"{self.title}. {self.y} against {self.x}. {'; '.join(said)}."

    def data(self) -> str:
        """Return the points as JSON, for the script."""
        axis = self.x_axis
        lines = [
            [line.name, [[_rounded(x), _rounded(y)] for x, y in thinned(line.points)]]
            for line in self.lines
        ]
        about = {"x": self.x, "from": axis.low, "to": axis.high, "log": axis.log, "lines": lines}
        return script_data(about)


@dataclass(frozen=True)
class Axis:
    """An axis from ``low`` to ``high``.

    Example:
        >>> axis = Axis.around([1.0, 100.0], log=True)
        >>> axis.place(10.0), axis.ticks()
        (0.5, [1.0, 10.0, 100.0])
        >>> Axis.around([0.0, 1234.0]).ticks()
        [0.0, 250.0, 500.0, 750.0, 1000.0]
    """

    low: float
    high: float
    log: bool = False

    @classmethod
    def around(cls, values: Sequence[float], log: bool = False, margin: float = 0.0) -> Axis:
        """Return the axis that contains some values, and a share of its length on both sides."""
        values = [value for value in values if value > LEAST] if log else values
        low, high = min(values, default=1.0), max(values, default=1.0)
        if low == high:
            more = max(1.0, abs(low) / 2)
            low, high = (low / 2, high * 2) if log else (low - more, high + more)
        if log:
            more = (high / low) ** margin
            return cls(low / more, high * more, log)
        return cls(low - margin * (high - low), high + margin * (high - low), log)

    def place(self, value: float) -> float:
        """Return where a value is, from 0 to 1; a value that the axis does not have is put at an end."""
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log(low), math.log(high), math.log(max(value, low))
        return min(1.0, max(0.0, (value - low) / ((high - low) or 1)))

    def ticks(self) -> list[float]:
        """Return some round values on the axis."""
        marks = self._log_ticks() if self.log else []
        if len(marks) > 2:
            return marks
        rough = (self.high - self.low) / TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = power * next(nice for nice in (1, 2, 2.5, 5, 10) if nice * power >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [float(f"{number * step:.12g}") for number in range(first, last + 1)]

    def _log_ticks(self) -> list[float]:
        """Return powers of ten, or 1, 2 and 5 times powers if there are few of them."""
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for factors in ((1,), (1, 2, 5)):
            marks = [float(f"{factor}e{power}") for power in powers for factor in factors]
            within = [mark for mark in marks if self.low <= mark <= self.high]
            if len(within) > 2:
                break
        return within[:: len(within) // (2 * TICKS) + 1]

    def labels(self) -> list[tuple[str, float]]:
        """Return the ticks as text, with their places."""
        return [(_label(tick), self.place(tick)) for tick in self.ticks()]


def thinned(points: Points, columns: int = COLUMNS) -> Points:
    """Return the first and the last point, and the lowest and the highest in each of some columns.

    Example:
        >>> thinned([(step, step % 7) for step in range(1000)], columns=2)
        [(0, 0), (6, 6), (503, 6), (504, 0), (999, 5)]
    """
    if len(points) <= 2 * columns:
        return points
    first, last = points[0][0], points[-1][0]
    kept = {0, len(points) - 1}
    parts: dict[int, list[int]] = {}
    for place, (x, _) in enumerate(points):
        parts.setdefault(int(columns * (x - first) / ((last - first) or 1)), []).append(place)
    for places in parts.values():
        for choose in (min, max):
            kept.add(choose(places, key=lambda place: points[place][1]))
    return [points[place] for place in sorted(kept)]


def style() -> str:
    """Return the style of charts, for a page that has the colours ``--ink`` and ``--paper``."""
    return files(__package__).joinpath("charts.css").read_text(encoding="utf-8")


def _span(kind: str, side: str, share: float, label: str) -> str:
    place = f"{side}: {100 * share:.2f}%"
    return f'<span class="{kind}" aria-hidden="true" style="{place}">{escape(label)}</span>'


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")


def _label(tick: float) -> str:
    return f"{tick:,.0f}" if abs(tick) >= 1000 else f"{tick:g}"
