"""The callback has a field more that no document knows, signed where the bank signs all fields."""

from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import Delivery, instead


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    return instead(planned, "unknown_field")


FAULT = CallbackFault(
    kind="unknown_field",
    number=50,
    en="the callback has a field that no document knows, well signed; to be accepted",
    vi="callback có thêm trường không tài liệu nào nêu, chữ ký hợp lệ; phải được chấp nhận",
    effect=_effect,
)
