"""The first callback's very bytes come once more, `delay_s` after they were first sent."""

import msgspec

from simulator.faults.kind import CallbackFault
from simulator.faults.rule import Fault
from simulator.outbox import Delivery


def _effect(planned: list[Delivery], fault: Fault) -> list[Delivery]:
    return [msgspec.structs.replace(planned[0], replay_s=fault.delay_s), *planned[1:]]


FAULT = CallbackFault(
    kind="replayed",
    number=53,
    en="the same bytes come once more, delay_s after they were first sent",
    vi="đúng các byte đã gửi tới thêm một lần nữa, sau lần đầu delay_s giây",
    effect=_effect,
    settings=("delay_s",),
    defaults={"delay_s": 3600},
)
