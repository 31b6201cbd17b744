"""A well-signed callback's second status field says the opposite of the first, in place of the true one."""

from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import Delivery, instead


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    return instead(planned, "contradicting_status")


FAULT = CallbackFault(
    kind="contradicting_status",
    number=49,
    en="the second status field of the callback contradicts the first, well signed",
    vi="trường trạng thái thứ hai của callback trái ngược trường thứ nhất, chữ ký hợp lệ",
    effect=_effect,
)
