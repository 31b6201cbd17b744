"""A callback with text moved from one field into its neighbour, under the old signature, comes before the true one."""

from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import Delivery, preceded


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    return preceded(planned, "shifted_fields")


FAULT = CallbackFault(
    kind="shifted_fields",
    number=45,
    en="a callback with text moved over a field boundary, the signature kept, comes first, then the true one",
    vi="một callback bị dời ký tự sang trường bên cạnh mà giữ nguyên chữ ký tới trước, rồi mới tới callback thật",
    effect=_effect,
)
