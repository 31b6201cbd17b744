"""Faults asked for by an amount: one whose last three digits are 9NN asks for fault number NN. Pure."""

import msgspec

from simulator.faults.listing import FAULTS
from simulator.faults.rule import Fault

BY_NUMBER = {each.number: each for each in FAULTS.values() if each.number}


def asked_by_amount(amount_vnd: int) -> Fault | None:
    """(50_931) -> fault number 31, with the settings of its own file; None if the amount asks for none."""
    digits = amount_vnd % 1000
    fault = BY_NUMBER.get(digits - 900) if digits > 900 else None
    return msgspec.convert({"fault_id": "", "kind": fault.kind, **fault.defaults}, Fault) if fault else None
