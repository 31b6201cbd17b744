"""A callback signed with the right key by a wrong algorithm comes before the true one."""

from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import Delivery, preceded


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    return preceded(planned, "other_algorithm")


FAULT = CallbackFault(
    kind="other_algorithm",
    number=44,
    en="a callback signed with the right key by a wrong algorithm comes first, then the true one",
    vi="một callback ký đúng khóa nhưng sai thuật toán tới trước, rồi mới tới callback thật",
    effect=_effect,
)
