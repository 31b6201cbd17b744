"""What a rehearsal is: who comes when, by which ways, and what goes wrong meanwhile."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from loadtests.shapes import FLAT, Curve

NAMES = (
    *("office_hours", "deadline_spike", "outage_and_burst", "slow_bank", "duplicate_rain", "maintenance_at_peak"),
    *("counter_rush", "settlement_day", "mixed_banks", "soak"),
)
"""The scenarios, each a file of this folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that goes wrong for a part of the run, in shares of its time. `faults` = kinds with their settings."""

    says: str
    says_vi: str
    begins: float
    ends: float
    faults: tuple[tuple[str, Mapping[str, Any]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`shapes` narrows the connector's ways to banks of those shapes (empty = all)."""

    name: str
    says: str
    says_vi: str
    rate: float = 20.0
    """Payers a second at the peak, unless the user says otherwise."""
    for_s: float = 60.0
    curve: Curve = FLAT
    troubles: tuple[Trouble, ...] = ()
    shapes: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    """Of methods; those that are not named weigh 1."""
    audits_every_s: float = 0.0
    """How often the books are compared while the run goes on; 0 = once, afterwards."""
    files_every: float = 0.0
    """In shares of its time: how often the banks' files of the day are fetched and handed in meanwhile; 0 = never."""
    refund_every: int = 0
    """Every so manieth payer is given the fee back once it is paid, by a connector that can; 0 = nobody."""


def payers_of(scenario: Scenario) -> type | None:
    """The scenario's kind of user, for Locust, which finds it in the scenario's file.

    In any other process there is none: whoever imports Locust has its sockets patched.
    """
    if "locust" not in sys.modules:
        return None
    from loadtests.leading import user_of

    return user_of(scenario)


def scenario_named(name: str) -> Scenario:
    """That of `loadtests/NAME.py`."""
    found: Scenario = import_module(f"loadtests.{name}").SCENARIO
    return found
