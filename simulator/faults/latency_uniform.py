"""The answer is late by anything from `delay_s` to `delay_max_s`, all alike likely."""

from random import Random

from simulator.faults.kind import AnswerFault, Sent
from simulator.faults.rule import Fault
from simulator.faults.waiting import waits


def _effect(sent: Sent, fault: Fault, chance: Random) -> Sent:
    return waits(sent, chance.uniform(fault.delay_s, max(fault.delay_s, fault.delay_max_s)), fault)


FAULT = AnswerFault(
    kind="latency_uniform",
    number=5,
    en="the answer is late by delay_s to delay_max_s, drawn evenly by the seed",
    vi="câu trả lời chậm từ delay_s đến delay_max_s giây, phân phối đều theo seed",
    effect=_effect,
    commits=True,
    settings=("delay_s", "delay_max_s"),
    defaults={"delay_s": 1, "delay_max_s": 5},
)
