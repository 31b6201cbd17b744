"""The answer cannot be parsed as what its content type says: JSON, XML or a form that breaks off in nonsense."""

from random import Random

import msgspec

from simulator.faults.kind import AnswerFault, Sent
from simulator.faults.rule import Fault


def _effect(sent: Sent, fault: Fault, chance: Random) -> Sent:
    response = sent.response
    broken = msgspec.structs.replace(response, body=_broken(response.body))
    return msgspec.structs.replace(sent, response=broken)


def _broken(body: bytes) -> bytes:
    """Whatever the language, told by how it begins."""
    start = body.lstrip()[:1]
    if start in (b"{", b"[", b'"'):
        return body.rstrip()[:-1] + b',"'
    if start == b"<":
        return body[: body.rfind(b"<")] + b"<&"
    return b"%=&%zz\x00=" + body


FAULT = AnswerFault(
    kind="malformed_body",
    number=14,
    en="the answer is broken JSON, XML or form text under its usual content type; all is done and kept",
    vi="câu trả lời là JSON, XML hoặc form bị hỏng với content-type như thường lệ; mọi việc đã được thực hiện",
    effect=_effect,
    commits=True,
)
