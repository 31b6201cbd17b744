"""The answer is late by at least `delay_s`, now and then by a very long time: the heavy tail of a queue."""

from random import Random

from simulator.faults.kind import AnswerFault, Sent
from simulator.faults.rule import Fault
from simulator.faults.waiting import waits


def _effect(sent: Sent, fault: Fault, chance: Random) -> Sent:
    return waits(sent, fault.delay_s * chance.paretovariate(fault.spread), fault)


FAULT = AnswerFault(
    kind="latency_pareto",
    number=7,
    en="the answer is late by at least delay_s, with a heavy (Pareto) tail, drawn by the seed",
    vi="câu trả lời chậm ít nhất delay_s giây, với đuôi nặng (Pareto), theo seed",
    effect=_effect,
    commits=True,
    settings=("delay_s", "spread", "delay_max_s"),
    defaults={"delay_s": 1, "spread": 1.5},
)
