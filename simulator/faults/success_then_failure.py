"""A true success callback, then a late and validly signed failure for the same order."""

import msgspec

from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import Delivery, as_failure, later


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    late = as_failure(planned[-1])
    return [*planned, msgspec.structs.replace(late, due_at=later(late, fault.delay_s))]


FAULT = CallbackFault(
    kind="success_then_failure",
    number=35,
    en="after the true callback, delay_s later, one that says failed, well signed",
    vi="sau callback thật, delay_s giây sau, một callback báo thất bại với chữ ký hợp lệ",
    effect=_effect,
    settings=("delay_s",),
    tells_failure=True,
)
