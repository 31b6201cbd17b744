"""A fault is a value asked for by a test; taking it spends it. No bank file knows of faults."""

from collections.abc import Callable
from enum import StrEnum

import msgspec


class FaultKind(StrEnum):
    DELAY = "delay"
    """The callback comes `delay_s` later."""
    LOST = "lost"
    """The callback is never sent; the bank's own books keep the truth."""
    DUPLICATE = "duplicate"
    """The callback comes `copies` times, one after another or `at_once`, whatever is answered."""
    FORGED_SIGNATURE = "forged_signature"
    """A false callback, signed with another secret, comes before the true one."""
    WRONG_AMOUNT = "wrong_amount"
    """A callback with `amount_delta_vnd` added and a valid signature comes instead of the true one."""
    ANSWER_LOST = "answer_lost"
    """All is done and kept, then the connection is closed without an answer."""
    HTTP_500 = "http_500"
    """The request is answered with an internal error; nothing is done."""
    CONNECTION_RESET = "connection_reset"
    """The connection is reset before anything is done."""
    SUCCESS_THEN_FAILURE = "success_then_failure"
    """A true success callback, then a late and validly signed failure for the same order."""
    FAILURE_THEN_SUCCESS = "failure_then_success"
    """A validly signed failure first (the payer's first try), then the true success."""
    CALLBACK_BEFORE_ANSWER = "callback_before_answer"
    """The payer is served at once: the callback arrives before the create (or inquiry) was answered."""
    CALLBACK_AFTER_RETURN = "callback_after_return"
    """The callback waits until the payer's browser has gone back."""


MEANINGS: dict[FaultKind, str] = {
    FaultKind.DELAY: "the callback comes delay_s later",
    FaultKind.LOST: "the callback is never sent; only a query can tell the connector",
    FaultKind.DUPLICATE: "the callback comes copies times, a second apart or at_once",
    FaultKind.FORGED_SIGNATURE: "a forged callback comes first; with operation query: a forged answer",
    FaultKind.WRONG_AMOUNT: "the callback (or the answer to a query) is off by amount_delta_vnd, well signed",
    FaultKind.ANSWER_LOST: "all is done and kept, but the answer never arrives",
    FaultKind.HTTP_500: "the exchange ends in an internal error; nothing is done",
    FaultKind.CONNECTION_RESET: "the connection is reset before anything is done",
    FaultKind.SUCCESS_THEN_FAILURE: "after the true callback, delay_s later, one that says failed, well signed",
    FaultKind.FAILURE_THEN_SUCCESS: "first a callback that says failed, well signed; the true one delay_s later",
    FaultKind.CALLBACK_BEFORE_ANSWER: "the callback arrives before the create (or the inquiry) was answered",
    FaultKind.CALLBACK_AFTER_RETURN: "the callback waits until the payer's browser has gone back",
}
"""What each does, in the words that the control API and the command line show."""

CALLBACK_KINDS = frozenset(
    {
        FaultKind.DELAY,
        FaultKind.LOST,
        FaultKind.DUPLICATE,
        FaultKind.FORGED_SIGNATURE,
        FaultKind.WRONG_AMOUNT,
        FaultKind.SUCCESS_THEN_FAILURE,
        FaultKind.FAILURE_THEN_SUCCESS,
        FaultKind.CALLBACK_AFTER_RETURN,
    }
)
"""Faults that shape the callback when it becomes due."""

FAILURE_KINDS = frozenset({FaultKind.SUCCESS_THEN_FAILURE, FaultKind.FAILURE_THEN_SUCCESS})
"""Callback faults that tell of a failure: banks whose callbacks only ever say "paid" are spared them."""

ANSWER_KINDS = frozenset({FaultKind.FORGED_SIGNATURE, FaultKind.WRONG_AMOUNT})
"""Callback faults that can also distort a bank's own answer, where the rule names its operation."""

EXCHANGE_KINDS = frozenset({FaultKind.ANSWER_LOST, FaultKind.HTTP_500, FaultKind.CONNECTION_RESET})
"""Faults that break one exchange, in either direction."""

CALLBACK = "callback"
"""The operation of the bank's message to the connector. Others: "create", "query", "refund", "inquiry", "receipt"."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One rule. Empty `bank`, `operation`, `merchant_code`, `order_ref` match all.

    `skip` matching occasions pass unharmed first; then `times` are hit (0 = for ever), each with `probability`.
    `operation` says which exchange. Empty means the callback; for the exchange kinds it means what the bank's shape
    starts with ("create", or the "callback" for bill collection). FORGED_SIGNATURE and WRONG_AMOUNT with "query"
    distort the bank's answer to a status query.
    """

    fault_id: str
    kind: FaultKind
    bank: str = ""
    operation: str = ""
    merchant_code: str = ""
    order_ref: str = ""
    skip: int = 0
    times: int = 1
    probability: float = 1.0
    delay_s: int = 60
    copies: int = 2
    at_once: bool = False
    amount_delta_vnd: int = -1


class Occasion(msgspec.Struct, frozen=True, kw_only=True):
    """Where a fault might strike. `usual` = the exchange that a rule without an operation means at this bank."""

    bank: str
    operation: str
    merchant_code: str = ""
    order_ref: str = ""
    usual: bool = True


def matches(fault: Fault, occasion: Occasion) -> bool:
    return (
        (_usually_there(fault, occasion) if fault.operation == "" else fault.operation == occasion.operation)
        and fault.bank in ("", occasion.bank)
        and fault.merchant_code in ("", occasion.merchant_code)
        and fault.order_ref in ("", occasion.order_ref)
    )


def _usually_there(fault: Fault, occasion: Occasion) -> bool:
    """Whether a rule that names no operation means this one."""
    if fault.kind in EXCHANGE_KINDS:
        return occasion.usual
    return fault.kind not in CALLBACK_KINDS or occasion.operation == CALLBACK


def take(
    faults: tuple[Fault, ...],
    kinds: frozenset[FaultKind],
    occasion: Occasion,
    chance: Callable[[], float],
) -> tuple[tuple[Fault, ...], tuple[Fault, ...]]:
    """(those that strike now, the plan that remains). `chance` draws from [0, 1) and is asked only when needed."""
    struck: list[Fault] = []
    remaining: list[Fault] = []
    for fault in faults:
        if fault.kind not in kinds or not matches(fault, occasion):
            remaining.append(fault)
        elif fault.skip > 0:
            remaining.append(msgspec.structs.replace(fault, skip=fault.skip - 1))
        elif fault.probability < 1.0 and chance() >= fault.probability:
            remaining.append(fault)
        else:
            struck.append(fault)
            if fault.times != 1:
                remaining.append(msgspec.structs.replace(fault, times=max(fault.times - 1, 0)))
    return tuple(struck), tuple(remaining)
