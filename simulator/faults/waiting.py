"""How long an answer is kept waiting: what a fault has drawn, within its bounds. Pure."""

import msgspec

from simulator.faults.kind import Sent
from simulator.faults.rule import Fault

WAIT_MAX_S = 600.0
"""No answer waits longer."""


def waits(sent: Sent, seconds: float, fault: Fault) -> Sent:
    """The answer, later by so many seconds."""
    bound_s = min(fault.delay_max_s or WAIT_MAX_S, WAIT_MAX_S)
    wait_s = min(seconds, bound_s)
    return msgspec.structs.replace(sent, wait_s=sent.wait_s + wait_s, note=f"{sent.note} waits {wait_s:.3f} s".strip())
