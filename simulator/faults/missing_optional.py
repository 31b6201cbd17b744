"""The callback comes without the fields that the bank may leave out."""

from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import Delivery, instead


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    return instead(planned, "missing_optional")


FAULT = CallbackFault(
    kind="missing_optional",
    number=51,
    en="the callback comes without its optional fields, well signed; to be accepted",
    vi="callback không có các trường tùy chọn, chữ ký hợp lệ; phải được chấp nhận",
    effect=_effect,
)
