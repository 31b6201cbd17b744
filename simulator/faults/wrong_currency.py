"""A well-signed callback tells the amount in another currency, in place of the true one."""

from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import Delivery, instead


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    return instead(planned, "wrong_currency")


FAULT = CallbackFault(
    kind="wrong_currency",
    number=48,
    en="the callback tells US dollars, well signed",
    vi="callback ghi đồng đô la Mỹ, chữ ký hợp lệ",
    effect=_effect,
)
