"""Faults are values asked for by a test; taking one spends it. Each is one small file of this folder.

Rule: pure, and no bank file knows of faults.
"""

from enum import StrEnum

from simulator.faults.kind import (
    AnswerFault,
    AnyFault,
    Break,
    CallbackFault,
    Deed,
    Ending,
    PayerFault,
    RefundFault,
    Sent,
    Side,
    Where,
)
from simulator.faults.listing import (
    ANSWER_KINDS,
    ANSWERS,
    CALLBACK_KINDS,
    EXCHANGE_KINDS,
    FAILURE_KINDS,
    FALSIFYING_KINDS,
    FAULTS,
    MEANINGS,
    PAYER_KINDS,
    PAYERS,
    REFUND_KINDS,
    RUSH_KINDS,
    TAMPER_KINDS,
)
from simulator.faults.numbers import BY_NUMBER, asked_by_amount
from simulator.faults.plan import matches, take
from simulator.faults.rule import CALLBACK, PAY, REFUND, RETURN, SETTINGS, Fault, Occasion
from simulator.faults.striking import answering, arriving, deeds, falsified, refunded, sent, shaped

__all__ = [
    "ANSWERS",
    "ANSWER_KINDS",
    "BY_NUMBER",
    "CALLBACK",
    "CALLBACK_KINDS",
    "EXCHANGE_KINDS",
    "FAILURE_KINDS",
    "FALSIFYING_KINDS",
    "FAULTS",
    "MEANINGS",
    "PAY",
    "PAYERS",
    "PAYER_KINDS",
    "REFUND",
    "REFUND_KINDS",
    "RETURN",
    "RUSH_KINDS",
    "SETTINGS",
    "TAMPER_KINDS",
    "AnswerFault",
    "AnyFault",
    "Break",
    "CallbackFault",
    "Deed",
    "Ending",
    "Fault",
    "FaultKind",
    "Occasion",
    "PayerFault",
    "RefundFault",
    "Sent",
    "Side",
    "Where",
    "answering",
    "arriving",
    "asked_by_amount",
    "deeds",
    "falsified",
    "matches",
    "refunded",
    "sent",
    "shaped",
    "take",
]

FaultKind = StrEnum("FaultKind", {kind.upper(): kind for kind in FAULTS})  # type: ignore[misc]  # Listed, not written.
"""The words of all faults: FaultKind.LOST is "lost"."""
