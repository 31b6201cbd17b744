"""How many payers come when, over the length of a run. Pure: chance is handed in."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of (share of the run's time, share of the peak), joined by straight lines. Both run from 0 to 1."""

    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        times = [time for time, _ in self.points]
        if len(times) < 2 or times != sorted(times) or (times[0], times[-1]) != (0.0, 1.0):
            raise ValueError(f"a curve goes from 0 to 1, not over {times}")
        if not all(0 <= share <= 1 for _, share in self.points) or not any(share for _, share in self.points):
            raise ValueError("shares of the peak lie between 0 and 1, and somebody must come")

    def at(self, time: float) -> float:
        """The share of the peak at that share of the run; nobody comes before it and after it."""
        if not 0 <= time <= 1:
            return 0.0
        after = bisect_right(self.points, time, key=lambda point: point[0])
        if after == len(self.points):
            return self.points[-1][1]
        (left, low), (right, high) = self.points[after - 1], self.points[after]
        return low + (high - low) * (time - left) / (right - left)

    def mean(self) -> float:
        """The mean share of the peak over the whole run."""
        return sum(
            (right - left) * (low + high) / 2
            for (left, low), (right, high) in zip(self.points, self.points[1:], strict=False)
        )


FLAT = Curve(((0.0, 1.0), (1.0, 1.0)))


def arrivals(for_s: float, peak: float, curve: Curve, chance: Random) -> Iterator[float]:
    """When payers come, in seconds of the run.

    A Poisson process of `peak` arrivals a second where the curve is 1, thinned out where it is lower (Lewis and
    Shedler, 1979): each payer comes on their own and waits for nobody.
    """
    at_s = chance.expovariate(peak)
    while at_s < for_s:
        if chance.random() < curve.at(at_s / for_s):
            yield at_s
        at_s += chance.expovariate(peak)
