"""The answer trickles: its head at once, its body in small pieces spread over `delay_s` seconds."""

from random import Random

import msgspec

from simulator.faults.kind import AnswerFault, Sent
from simulator.faults.rule import Fault
from simulator.faults.waiting import WAIT_MAX_S

PIECES = 20


def _effect(sent: Sent, fault: Fault, chance: Random) -> Sent:
    return msgspec.structs.replace(sent, pieces=PIECES, drip_s=min(fault.delay_s, WAIT_MAX_S))


FAULT = AnswerFault(
    kind="slow_drip",
    number=18,
    en="the answer drips in twenty pieces over delay_s, so that no single read times out; all is done and kept",
    vi="câu trả lời nhỏ giọt thành hai mươi mảnh trong delay_s giây; mọi việc đã được thực hiện và ghi nhận",
    effect=_effect,
    commits=True,
    settings=("delay_s",),
    defaults={"delay_s": 30},
)
