"""Facts about the charts: points where they belong, bands behind them, and nothing that a text could break."""

import re
from xml.etree import ElementTree

from loadtests.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Band, Line, chart
from loadtests.percentiles import percentile


def drawn(*points: tuple[float, float], ends_s: float = 100.0, bands: tuple[Band, ...] = ()) -> ElementTree.Element:
    return ElementTree.fromstring(chart([Line("p95", "two", points)], bands, ends_s, "ms"))


def dots(svg: ElementTree.Element) -> list[tuple[float, float]]:
    [line] = svg.iter("polyline")
    return [tuple(map(float, each.split(","))) for each in line.get("points", "").split()]  # type: ignore[misc]


def test_points_stand_between_the_axes_by_time_and_value() -> None:
    (first, low), (second, high) = dots(drawn((0.0, 0.0), (100.0, 500.0)))
    assert (first, low) == (LEFT, HEIGHT - BOTTOM)
    assert (second, high) == (WIDTH - RIGHT, TOP)


def test_the_scale_ends_at_a_round_number_above_the_highest() -> None:
    values = [each.text for each in drawn((0.0, 130.0), (50.0, 180.0)).iter("text") if each.get("class") == "value"]
    assert values == ["0", "50", "100", "150", "200"]


def test_a_band_covers_its_stretch_of_time() -> None:
    [band] = drawn((0.0, 1.0), (100.0, 1.0), bands=(Band(40.0, 60.0, "outage"),)).iter("rect")
    width = WIDTH - LEFT - RIGHT
    assert float(band.get("x", 0)) == LEFT + 0.4 * width
    assert abs(float(band.get("width", 0)) - 0.2 * width) < 0.2


def test_nothing_measured_is_no_chart() -> None:
    assert chart([Line("p95", "two", [])], [], 10.0, "ms") == ""


def test_what_a_label_says_cannot_act() -> None:
    svg = str(chart([Line('"><script>', "two", [(0.0, 1.0)])], [Band(0, 1, "<b>")], 10.0, "<i>"))
    assert not re.search(r"<(script|b|i)>", svg)


def test_a_percentile_is_a_time_that_so_many_did_not_exceed() -> None:
    counted = {10: 50, 20: 45, 1000: 5}
    assert [percentile(counted, share) for share in (0.5, 0.95, 0.99, 1.0)] == [10, 20, 1000, 1000]
    assert percentile({}, 0.5) == 0
