"""A callback without its signature comes before the true one."""

from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import Delivery, preceded


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    return preceded(planned, "missing_signature")


FAULT = CallbackFault(
    kind="missing_signature",
    number=41,
    en="a callback without a signature comes first, then the true one",
    vi="một callback không có chữ ký tới trước, rồi mới tới callback thật",
    effect=_effect,
)
