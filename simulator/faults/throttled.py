"""Too many requests: `limit` pass in each window of `window_s`, the rest gets the bank's own limit refusal.

Where a bank's document knows no such refusal it is HTTP 429, an assumption of this project.
"""

from random import Random

import msgspec

from simulator.faults.kind import AnswerFault, Sent
from simulator.faults.rule import Fault
from simulator.payment import Reason
from simulator.wire import text_response


def _effect(sent: Sent, fault: Fault, chance: Random) -> Sent:
    if sent.response != sent.other:
        return sent
    plain = text_response("Too Many Requests", 429)
    told = msgspec.structs.replace(plain, headers=(*plain.headers, ("retry-after", str(fault.window_s))))
    return msgspec.structs.replace(sent, response=told)


FAULT = AnswerFault(
    kind="throttled",
    number=21,
    en="only limit requests pass in window_s, the rest is refused: by the bank's own code, or HTTP 429",
    vi="chỉ limit yêu cầu được qua trong window_s giây, còn lại bị từ chối: mã riêng của ngân hàng, hoặc HTTP 429",
    effect=_effect,
    commits=True,
    settings=("limit", "window_s"),
    defaults={"limit": 5, "times": 0},
    refuses=Reason.TOO_SOON,
    compares=True,
)
