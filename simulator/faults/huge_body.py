"""The answer goes on after its end, with `size_bytes` of spaces, streamed: parsers allow them, memory does not."""

from random import Random

import msgspec

from simulator.faults.kind import AnswerFault, Sent
from simulator.faults.rule import Fault


def _effect(sent: Sent, fault: Fault, chance: Random) -> Sent:
    return msgspec.structs.replace(sent, filler_bytes=fault.size_bytes)


FAULT = AnswerFault(
    kind="huge_body",
    number=19,
    en="the answer is followed by size_bytes of spaces (16 MiB unless told otherwise); all is done and kept",
    vi="sau câu trả lời là size_bytes khoảng trắng (16 MiB nếu không nói khác); mọi việc đã được thực hiện",
    effect=_effect,
    commits=True,
    settings=("size_bytes",),
)
