"""Facts about when payers come: as many as the curve says, each on their own, the same again for the same seed."""

from itertools import pairwise
from random import Random

import pytest

from loadtests.shapes import FLAT, Curve, arrivals

HILL = Curve(((0.0, 0.0), (0.5, 1.0), (1.0, 0.0)))


def moments(curve: Curve, peak: float, for_s: float, seed: str = "1") -> list[float]:
    return list(arrivals(for_s, peak, curve, Random(seed)))


def test_a_curve_is_straight_between_its_points() -> None:
    assert [HILL.at(each) for each in (0.0, 0.25, 0.5, 0.75, 1.0)] == [0.0, 0.5, 1.0, 0.5, 0.0]
    assert (HILL.at(-0.1), HILL.at(1.1)) == (0.0, 0.0)
    assert (HILL.mean(), FLAT.mean()) == (0.5, 1.0)


@pytest.mark.parametrize(
    "points",
    [
        ((0.0, 1.0),),
        ((0.0, 1.0), (0.9, 1.0)),
        ((0.5, 1.0), (0.0, 1.0)),
        ((0.0, 1.1), (1.0, 1.0)),
        ((0.0, 0.0), (1.0, 0.0)),
    ],
)
def test_what_is_no_curve_is_refused(points: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match=r"curve|shares"):
        Curve(points)


@pytest.mark.parametrize("curve", [FLAT, HILL], ids=["flat", "hill"])
def test_as_many_come_as_the_curve_says(curve: Curve) -> None:
    expected = 200.0 * 100.0 * curve.mean()
    assert len(moments(curve, 200.0, 100.0)) == pytest.approx(expected, abs=4 * expected**0.5)


def test_they_come_one_after_another_within_the_run() -> None:
    found = moments(HILL, 50.0, 20.0)
    assert all(left < right for left, right in pairwise(found))
    assert 0 < found[0] < found[-1] < 20.0
    assert sum(each < 10.0 for each in found) == pytest.approx(len(found) / 2, abs=4 * (len(found) / 4) ** 0.5)


def test_nobody_waits_for_the_one_before() -> None:
    """Gaps of a Poisson process vary as much as they are long; those of a queue would be alike."""
    gaps = [right - left for left, right in pairwise(moments(FLAT, 100.0, 100.0))]
    mean = sum(gaps) / len(gaps)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert spread / mean == pytest.approx(1.0, abs=0.05)


def test_the_same_seed_gives_the_same_moments() -> None:
    assert moments(HILL, 50.0, 20.0) == moments(HILL, 50.0, 20.0)
    assert moments(HILL, 50.0, 20.0) != moments(HILL, 50.0, 20.0, seed="2")
