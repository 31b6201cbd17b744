"""Lines over the time of a run as inline SVG, with the bands in which something was made to go wrong. Pure.

Rule: every text in it is escaped, and it needs nothing from elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from markupsafe import Markup

WIDTH, HEIGHT = 980, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 14, 26
TICKS = 4

Points = Sequence[tuple[float, float]]
"""(seconds of the run, value), by time."""


@dataclass(frozen=True, slots=True)
class Line:
    """`css` names its colour in the page's style."""

    label: str
    css: str
    points: Points


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of time, in seconds of the run."""

    begins: float
    ends: float
    label: str


def chart(lines: Sequence[Line], bands: Sequence[Band], ends_s: float, unit: str) -> Markup:
    """A chart from 0 to `ends_s`; empty if no line has a point."""
    top = max((value for line in lines for _, value in line.points), default=0.0)
    if not any(line.points for line in lines):
        return Markup("")
    scale = _Scale(max(ends_s, 1.0), _round_up(top))
    parts = [*(_band(scale, band) for band in bands), *_grid(scale, unit), *(_line(scale, line) for line in lines)]
    svg = Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
    return svg.format(WIDTH, HEIGHT, ", ".join(line.label for line in lines), Markup("").join(parts))


@dataclass(frozen=True, slots=True)
class _Scale:
    ends_s: float
    top: float

    def x(self, at_s: float) -> float:
        share = min(max(at_s / self.ends_s, 0.0), 1.0)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        return round(HEIGHT - BOTTOM - value / self.top * (HEIGHT - TOP - BOTTOM), 1)


def _round_up(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** floor(log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * 0.999)


def _grid(scale: _Scale, unit: str) -> list[Markup]:
    found = []
    for number in range(TICKS + 1):
        value = scale.top * number / TICKS
        y = scale.y(value)
        row = Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="value" x="{}" y="{}">{}</text>')
        found.append(row.format(LEFT, WIDTH - RIGHT, y, y, LEFT - 8, y + 4, f"{value:,.6g}"))
    found.append(Markup('<text class="unit" x="{}" y="{}">{}</text>').format(LEFT, TOP - 3, unit))
    step = max(1, ceil(scale.ends_s / 8 / _nice(scale.ends_s / 8))) * _nice(scale.ends_s / 8)
    at = 0.0
    while at <= scale.ends_s:
        word = Markup('<text class="time" x="{}" y="{}">{}</text>')
        found.append(word.format(scale.x(at), HEIGHT - 6, _clock(at)))
        at += step
    return found


def _nice(seconds: float) -> float:
    """The longest usual step that is no longer."""
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
    return max((step for step in steps if step <= seconds), default=1)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def _band(scale: _Scale, band: Band) -> Markup:
    left, right = scale.x(band.begins), scale.x(band.ends)
    parts = Markup('<rect class="band" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>')
    return parts.format(left, TOP, max(1.0, round(right - left, 1)), HEIGHT - TOP - BOTTOM, band.label)


def _line(scale: _Scale, line: Line) -> Markup:
    dots = " ".join(f"{scale.x(at)},{scale.y(value)}" for at, value in line.points)
    return Markup('<polyline class="{}" points="{}"><title>{}</title></polyline>').format(line.css, dots, line.label)
