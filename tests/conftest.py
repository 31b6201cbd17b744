"""The pieces that many tests stand on, and which of the long ones `make test` runs.

Tests marked `suite` take a whole conformance run each. Only enough for a few minutes run every time: the correct portal
at every bank, three defects, each at one bank, and the other correct style at two banks; `make suite`
(BANKSIM_SUITE=all) runs every one of them, wherever it shows.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulator.delivery import Courier
from simulator.world import Worlds
from tests.browser import pytest_runtest_teardown
from tests.worlds import Connector, connector, courier_of, worlds_in

__all__ = ["pytest_runtest_teardown"]

EVERY_SUITE_TEST = os.environ.get("BANKSIM_SUITE") == "all"

EVERY_RUN = frozenset(
    {
        "suspected_is_paid",
        "inquiry_of_paid_bill_payable",
        "acknowledges first",
    }
)
"""The parameters of `suite` tests that run every time."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if EVERY_SUITE_TEST:
        return
    left_out = [item for item in items if item.get_closest_marker("suite") and not _runs_every_time(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _runs_every_time(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    return callspec is not None and callspec.id in EVERY_RUN


@pytest.fixture
async def worlds(tmp_path: Path) -> AsyncIterator[Worlds]:
    async with worlds_in(tmp_path) as opened:
        yield opened


@pytest.fixture
async def courier(worlds: Worlds) -> AsyncIterator[Courier]:
    async with courier_of(worlds) as it:
        yield it


@pytest.fixture
async def portal() -> AsyncIterator[Connector]:
    async with connector() as it:
        yield it
