"""Percentiles of response times that are counted by their length. Pure."""

from collections.abc import Mapping


def percentile(counted: Mapping[int, int], share: float) -> float:
    """The smallest time that at least `share` (0 to 1) of all took no longer than; 0 for none at all."""
    wanted = share * sum(counted.values())
    seen = 0
    for time in sorted(counted):
        seen += counted[time]
        if seen >= wanted:
            return float(time)
    return 0.0
