"""The answer is late as servers mostly are: half of the answers by less than `delay_s`, a few by far more."""

import math
from random import Random

from simulator.faults.kind import AnswerFault, Sent
from simulator.faults.rule import Fault
from simulator.faults.waiting import waits


def _effect(sent: Sent, fault: Fault, chance: Random) -> Sent:
    return waits(sent, chance.lognormvariate(math.log(max(fault.delay_s, 0.001)), fault.spread), fault)


FAULT = AnswerFault(
    kind="latency_lognormal",
    number=6,
    en="the answer is late by a lognormal time with the median delay_s, drawn by the seed",
    vi="câu trả lời chậm theo phân phối lognormal, trung vị delay_s giây, theo seed",
    effect=_effect,
    commits=True,
    settings=("delay_s", "spread", "delay_max_s"),
    defaults={"delay_s": 2},
)
