"""What `make test` runs of the tests that take a whole conformance run each: enough for its ten minutes.

The correct portal at every bank, seven defects over all areas, each at one bank, and the other correct style at
four banks; `make suite` (BANKSIM_SUITE=all) runs every one of them, wherever it shows.
"""

import os

import pytest

from tests.browser import pytest_runtest_teardown

__all__ = ["pytest_runtest_teardown"]

EVERY_SUITE_TEST = os.environ.get("BANKSIM_SUITE") == "all"

EVERY_RUN = frozenset(
    {
        "unknown_extra_dropped_before_signing",
        "refund_above_payment",
        "suspected_is_paid",
        "ack_echoes_caller",
        "inquiry_of_paid_bill_payable",
        "lost_callback_never_polled",
        "failure_is_final",
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
