"""A callback comes before the true one whose signature has capitals for small letters and the reverse."""

from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import Delivery, preceded


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    return preceded(planned, "other_case_signature")


FAULT = CallbackFault(
    kind="other_case_signature",
    number=43,
    en="a callback with its signature in the other letter case comes first, then the true one",
    vi="một callback có chữ ký đổi chữ hoa thành chữ thường và ngược lại tới trước, rồi mới tới callback thật",
    effect=_effect,
)
