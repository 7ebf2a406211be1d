"""Curves as SVG, which a page contains: no plotting package, no script. Colours are classes of the page's style."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence

from charlm.reporting.comparison.report import Curve, Panel
from charlm.wording import short

COLOURS, DASHES = 6, 5
"""Curves of different models differ in both, so that they are told apart without colours too."""
MOST_POINTS = 400
"""Of a curve; one of more points is thinned."""
_WIDTH, _HEIGHT = 440, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 28, 18, 48


def curve_class(number: int) -> str:
    """Return the classes of the curves of a model, which is counted from 0."""
    return f"c{number % COLOURS} d{number % DASHES}"


def svg(panel: Panel) -> str:
    """Return the picture of a panel."""
    points = [point for curve in panel.curves for point in curve.points]
    xs, ys = ([point[axis] for point in points] for axis in (0, 1))
    right, up = _scale(min(xs), max(xs), _LEFT, _WIDTH - _RIGHT), _vertical(panel.log, ys)
    numbers = {curve.model: n for n, curve in enumerate(_first_curves(panel))}
    described = html.escape(f"{panel.y} against {panel.x}")
    return "\n".join(
        (
            f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{described}">',
            *_axes(panel, right, up, (xs, ys)),
            *(_level(name, up(level)) for name, level in panel.levels_in_view),
            *(_curve(curve, numbers[curve.model], right, up) for curve in panel.curves),
            "</svg>",
        )
    )


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return round numbers between two numbers, at equal distances.

    Example:
        >>> ticks(1.3, 4.1), ticks(0, 1000), ticks(2.0, 2.0)
        ([2.0, 3.0, 4.0], [0.0, 200.0, 400.0, 600.0, 800.0, 1000.0], [2.0])
    """
    if high == low:
        return [low]
    power = 10 ** math.floor(math.log10((high - low) / most))
    step = next(power * m for m in (1, 2, 5, 10) if power * m * most >= (high - low) * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(short(k * step, 12)) for k in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times powers of ten between two positive numbers; equal distances if there are none.

    Example:
        >>> log_ticks(0.4, 30), log_ticks(2.2, 3.1)
        ([0.5, 1.0, 2.0, 5.0, 10.0, 20.0], [2.2, 2.4, 2.6, 2.8, 3.0])
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    marks = [float(f"{m}e{power}") for power in powers for m in (1, 2, 5)]
    within = [mark for mark in marks if low <= mark <= high]
    return within if len(within) > 1 else ticks(low, high)


def _scale(low: float, high: float, begin: float, end: float) -> Callable[[float], float]:
    return lambda value: begin + (value - low) / ((high - low) or 1) * (end - begin)


def _vertical(log: bool, ys: Sequence[float]) -> Callable[[float], float]:
    if not log:
        return _scale(min(ys), max(ys), _HEIGHT - _BOTTOM, _TOP)
    scale = _scale(math.log(min(ys)), math.log(max(ys)), _HEIGHT - _BOTTOM, _TOP)
    return lambda value: scale(math.log(value))


def _first_curves(panel: Panel) -> list[Curve]:
    return [*{curve.model: curve for curve in panel.curves}.values()]


def _axes(
    panel: Panel,
    right: Callable[[float], float],
    up: Callable[[float], float],
    values: tuple[Sequence[float], Sequence[float]],
) -> list[str]:
    (x_low, x_high), (y_low, y_high) = ((min(of_axis), max(of_axis)) for of_axis in values)
    floor, middle = _HEIGHT - _BOTTOM, (_LEFT + _WIDTH - _RIGHT) / 2
    drawn = [
        f'<path class="axis" d="M{_LEFT} {_TOP}V{floor}H{_WIDTH - _RIGHT}"/>',
        f'<text x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">{html.escape(panel.x)}</text>',
    ]
    for x in ticks(x_low, x_high, 4):
        drawn.append(f'<path class="axis" d="M{right(x):.1f} {floor}v5"/>')
        drawn.append(
            f'<text x="{right(x):.1f}" y="{floor + 19}" text-anchor="middle">{_number(x)}</text>'
        )
    for y in log_ticks(y_low, y_high) if panel.log else ticks(y_low, y_high):
        drawn.append(f'<path class="grid" d="M{_LEFT} {up(y):.1f}H{_WIDTH - _RIGHT}"/>')
        drawn.append(
            f'<text x="{_LEFT - 6}" y="{up(y) + 4:.1f}" text-anchor="end">{_number(y)}</text>'
        )
    return drawn


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else short(value)


def _level(name: str, y: float) -> str:
    return (
        f'<path class="level" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>'
        f'<text x="{_WIDTH - _RIGHT}" y="{y - 3:.1f}" text-anchor="end">{html.escape(name)}</text>'
    )


def _curve(
    curve: Curve, number: int, right: Callable[[float], float], up: Callable[[float], float]
) -> str:
    thin = -(-len(curve.points) // MOST_POINTS)
    kept = [
        *curve.points[::thin],
        curve.points[-1],
    ]  # the last twice is a point, where a line is none
    places = " ".join(f"{right(x):.1f},{up(y):.1f}" for x, y in kept)
    return (
        f'<polyline class="{curve_class(number)}" points="{places}">'
        f"<title>{html.escape(curve.model)}</title></polyline>"
    )
