"""All is done and kept, and the answer comes `delay_s` later."""

from random import Random

from simulator.faults.kind import AnswerFault, Sent
from simulator.faults.rule import Fault
from simulator.faults.waiting import waits


def _effect(sent: Sent, fault: Fault, chance: Random) -> Sent:
    return waits(sent, fault.delay_s, fault)


FAULT = AnswerFault(
    kind="latency_fixed",
    number=4,
    en="the answer comes delay_s late",
    vi="câu trả lời tới chậm delay_s giây",
    effect=_effect,
    commits=True,
    settings=("delay_s",),
    defaults={"delay_s": 5},
)
