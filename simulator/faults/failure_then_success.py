"""A validly signed failure first (the payer's first try), then the true success."""

import msgspec

from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import Delivery, as_failure, later


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    first = as_failure(planned[0])
    return [first, *(msgspec.structs.replace(each, due_at=later(each, fault.delay_s)) for each in planned)]


FAULT = CallbackFault(
    kind="failure_then_success",
    number=36,
    en="first a callback that says failed, well signed; the true one delay_s later",
    vi="trước hết một callback báo thất bại với chữ ký hợp lệ; callback thật tới delay_s giây sau",
    effect=_effect,
    settings=("delay_s",),
    tells_failure=True,
)
