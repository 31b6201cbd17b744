"""The answer comes without its signature: without what an impostor, who has other keys, would have made otherwise."""

import re
from random import Random

import msgspec

from simulator import leaves
from simulator.faults.kind import AnswerFault, Sent
from simulator.faults.rule import Fault
from simulator.wire import Response

_TOKEN = re.compile(rb"[A-Za-z0-9+/=_.%-]*")


def _effect(sent: Sent, fault: Fault, chance: Random) -> Sent:
    other = sent.other
    stripped = _without_signature(sent.response, other) if other else sent.response
    note = "" if stripped != sent.response else "this answer has no signature"
    return msgspec.structs.replace(sent, response=stripped, note=f"{sent.note} {note}".strip())


def _without_signature(true: Response, false: Response) -> Response:
    """Without the last value that an impostor would have made otherwise: what is encrypted anew stands before it.

    A redirect's address is left whole: without it there is no answer.
    """
    tree, others = leaves.read(true), dict(leaves.of(leaves.read(false)))
    differ = [path for path, value in leaves.of(tree) if others.get(path) != value and path[-1] != "location"]
    in_body = [path for path in differ if path[0] == leaves.BODY]
    if in_body == [(leaves.BODY, "text")] or in_body == [(leaves.BODY,)]:
        return msgspec.structs.replace(true, body=_cut(true.body, false.body))
    places = in_body or differ
    return leaves.written(true, leaves.put(tree, places[-1], None)) if places else true


def _cut(true: bytes, false: bytes) -> bytes:
    """Text without the words that differ, such as what stands between <Signature> and </Signature>."""
    start = next((at for at in range(min(len(true), len(false))) if true[at] != false[at]), 0)
    back = next((at for at in range(1, min(len(true), len(false)) - start) if true[-at] != false[-at]), 1)
    end = len(true) - back + 1
    first = _TOKEN.match(true[:start][::-1])
    last = _TOKEN.match(true[end:])
    return true[: start - (first.end() if first else 0)] + true[end + (last.end() if last else 0) :]


FAULT = AnswerFault(
    kind="unsigned_answer",
    number=17,
    en="the answer comes without its signature, where it has one; all is done and kept",
    vi="câu trả lời thiếu chữ ký, nếu vốn có; mọi việc đã được thực hiện và ghi nhận",
    effect=_effect,
    commits=True,
    compares=True,
)
