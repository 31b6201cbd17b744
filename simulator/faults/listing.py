"""All faults, found by listing this folder: every module but the machinery is one, with its value as FAULT."""

from importlib import import_module
from pkgutil import iter_modules

from simulator import faults
from simulator.faults.kind import AnswerFault, AnyFault, CallbackFault, PayerFault, RefundFault

MACHINERY = frozenset({"rule", "kind", "listing", "plan", "striking", "waiting", "gateway", "numbers", "telling"})
"""The modules of this folder that are no fault."""


def _listed() -> dict[str, AnyFault]:
    names = sorted(each.name for each in iter_modules(faults.__path__) if each.name not in MACHINERY)
    found = [import_module(f"{faults.__name__}.{name}").FAULT for name in names]
    return {each.kind: each for each in sorted(found, key=lambda each: (each.side, each.number, each.kind))}


FAULTS: dict[str, AnyFault] = _listed()
"""By kind, grouped by side."""

ANSWERS: dict[str, AnswerFault] = {kind: each for kind, each in FAULTS.items() if isinstance(each, AnswerFault)}
CALLBACKS: dict[str, CallbackFault] = {kind: each for kind, each in FAULTS.items() if isinstance(each, CallbackFault)}
PAYERS: dict[str, PayerFault] = {kind: each for kind, each in FAULTS.items() if isinstance(each, PayerFault)}
REFUNDS: dict[str, RefundFault] = {kind: each for kind, each in FAULTS.items() if isinstance(each, RefundFault)}

ANSWER_KINDS = frozenset(ANSWERS)
"""Faults of what the bank answers."""

CALLBACK_KINDS = frozenset(kind for kind, each in CALLBACKS.items() if each.effect)
"""Faults that shape the callback when it becomes due."""

FAILURE_KINDS = frozenset(kind for kind, each in CALLBACKS.items() if each.tells_failure)
"""Callback faults that tell of a failure: banks whose callbacks only ever say "paid" are spared them."""

FALSIFYING_KINDS = frozenset(kind for kind, each in CALLBACKS.items() if each.falsifies)
"""Callback faults that can also distort a bank's own answer, where the rule names its operation."""

EXCHANGE_KINDS = frozenset(kind for kind, each in FAULTS.items() if each.breaks)
"""Faults that break an exchange in which the bank calls the connector."""

PAYER_KINDS = frozenset(kind for kind, each in PAYERS.items() if each.effect)
"""Faults that alter what the payer does."""

TAMPER_KINDS = frozenset(kind for kind, each in PAYERS.items() if each.tampers)
"""Faults by which the payer changes what the browser brings back."""

RUSH_KINDS = frozenset(kind for kind, each in PAYERS.items() if each.rushes)
"""Faults by which the payer is faster than the bank's answer."""

REFUND_KINDS = frozenset(REFUNDS)
"""Faults that decide otherwise of a refund."""

MEANINGS: dict[str, str] = {kind: each.en for kind, each in FAULTS.items()}
"""What each does, in the words that the control API and the command line show."""
