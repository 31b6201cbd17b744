"""A callback with the first half of its signature comes before the true one."""

from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import Delivery, preceded


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    return preceded(planned, "truncated_signature")


FAULT = CallbackFault(
    kind="truncated_signature",
    number=42,
    en="a callback with half of its signature comes first, then the true one",
    vi="một callback chỉ có nửa đầu chữ ký tới trước, rồi mới tới callback thật",
    effect=_effect,
)
