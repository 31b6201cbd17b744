"""The bank's sender is out until the next full `delay_s` of the clock; then all that has waited goes at once."""

from datetime import UTC, datetime
from math import ceil

import msgspec

from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import Delivery


def _ended(at: datetime, every_s: float) -> datetime:
    """The end of the outage that goes on at that instant."""
    if every_s <= 0:
        return at
    return datetime.fromtimestamp(ceil(at.timestamp() / every_s) * every_s, UTC)


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    return [msgspec.structs.replace(each, due_at=_ended(each.due_at, fault.delay_s)) for each in planned]


FAULT = CallbackFault(
    kind="burst",
    number=56,
    en="callbacks wait until the next full delay_s of the clock and then go all at once",
    vi="các callback chờ tới mốc delay_s kế tiếp của đồng hồ rồi cùng được gửi một lúc",
    effect=_effect,
    settings=("delay_s",),
    defaults={"delay_s": 600, "times": 0},
)
