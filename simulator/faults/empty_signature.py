"""A callback whose signature is empty comes before the true one."""

from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import Delivery, preceded


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    return preceded(planned, "empty_signature")


FAULT = CallbackFault(
    kind="empty_signature",
    number=40,
    en="a callback with an empty signature comes first, then the true one",
    vi="một callback có chữ ký rỗng tới trước, rồi mới tới callback thật",
    effect=_effect,
)
