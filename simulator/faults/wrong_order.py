"""A well-signed callback names another order, in place of the true one."""

from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import Delivery, instead


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    return instead(planned, "wrong_order")


FAULT = CallbackFault(
    kind="wrong_order",
    number=47,
    en="the callback names another order, well signed",
    vi="callback ghi mã đơn hàng khác, chữ ký hợp lệ",
    effect=_effect,
)
