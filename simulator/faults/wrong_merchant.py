"""A well-signed callback names another merchant or another account, in place of the true one."""

from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import Delivery, instead


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    return instead(planned, "wrong_merchant")


FAULT = CallbackFault(
    kind="wrong_merchant",
    number=46,
    en="the callback names another merchant (or account), well signed",
    vi="callback ghi mã đơn vị (hoặc tài khoản) khác, chữ ký hợp lệ",
    effect=_effect,
)
