"""Dossiers, the attempts to pay them and what a bank's word does to them.

Rule: pure. `decide` is the only place that says what a message changes:

    attempt   pending --paid--> paid      pending --failed--> failed --paid--> paid
              pending --unknown--> pending, asked again        paid --anything--> paid
    dossier   the first money that comes settles it; all other money, and any for a cancelled one, is due back
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from conformance.targets.portal.defects import Flaw


class AttemptState(StrEnum):
    PENDING = "pending"
    PAID = "paid"
    FAILED = "failed"


class Outcome(StrEnum):
    """What a bank says became of an order."""

    PAID = "paid"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """Neither is certain yet: held for a check, reversed, still running, or a code that nobody documented."""


class Effect(StrEnum):
    """What became of a bank's message. Each bank has its own code for each."""

    SETTLED = "settled"
    """The dossier is paid by this."""
    REFUND_DUE = "refund_due"
    """The money came, but the dossier does not want it: it is written down as owed to the payer."""
    FAILED = "failed"
    NOTED = "noted"
    """Nothing is decided; the bank will be asked again."""
    REPEATED = "repeated"
    """Known before, or overtaken by better news: nothing changed."""
    UNKNOWN_ORDER = "unknown_order"
    WRONG_AMOUNT = "wrong_amount"
    FOREIGN = "foreign"
    """Genuine, but for another merchant or in another currency."""
    BAD_SIGNATURE = "bad_signature"
    MALFORMED = "malformed"
    BROKEN = "broken"
    """The portal itself failed: the bank should try again."""


RECORDED = frozenset({Effect.SETTLED, Effect.REFUND_DUE, Effect.FAILED, Effect.NOTED})
"""The bank's message was received and kept."""


class DossierStatus(StrEnum):
    PENDING = "pending"
    PAID = "paid"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """`bill_code` is its short name at banks whose fields are short. `phone` and `email` may be empty.

    While it is locked, nobody is asked to pay it; money that comes all the same settles it.
    """

    dossier_code: str
    bill_code: str
    province: str
    service_code: str
    fee_vnd: int
    applicant: str
    phone: str
    email: str
    declared_at: datetime
    cancelled_at: datetime | None = None
    locked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One order at one bank. `amount_vnd` is what was signed. `closed` = no bank will hear of it any more.

    `code` is the bank's last word on it as it stood on the wire, `asks` how often the bank was asked.
    """

    bank: str
    order_ref: str
    dossier_code: str
    method: str
    amount_vnd: int
    state: AttemptState = AttemptState.PENDING
    ordered_at: datetime
    expires_at: datetime
    client_ip: str = ""
    url: str = ""
    code: str = ""
    asks: int = 0
    asked_at: datetime | None = None
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BankWord:
    """What a bank says of one order, its signature and addressee already checked.

    `money_ref` is the same for all messages about the same money: the order's number, or the bank's own
    where one bill may be paid several times. `arrived` = the money is on the account already, whatever was asked for.
    `paid_at` is when the money moved, in the bank's own digits (yyyyMMddHHmmss in GMT+7), "" if it does not tell.
    """

    bank: str
    order_ref: str
    money_ref: str
    amount_vnd: int
    outcome: Outcome
    bank_ref: str = ""
    code: str = ""
    arrived: bool = False
    paid_at: str = ""


class Rejected(Exception):
    """A bank's message that is not believed or not understood; `effect` says why.

    `order_ref` is what it claims to speak of. `hint` is empty but for the defect that tells too much.
    """

    def __init__(self, effect: Effect, why: str, order_ref: str = "", hint: str = "") -> None:
        super().__init__(f"{effect}: {why}")
        self.effect = effect
        self.order_ref = order_ref
        self.hint = hint


class NoSuchOrder(Exception):
    """The bank has never heard of it: the payer did not come that far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A dossier with all that decides its status: `attempts`, oldest first, and the money that settled it."""

    dossier: Dossier
    attempts: tuple[Attempt, ...] = ()
    paid_vnd: int = 0
    refunded_vnd: int = 0
    refund_due_vnd: int = 0
    receipts: int = 0
    notifications: int = 0

    @property
    def awaits_money(self) -> bool:
        return self.paid_vnd == 0 and self.dossier.cancelled_at is None

    @property
    def is_payable(self) -> bool:
        return self.awaits_money and self.dossier.locked_at is None

    @property
    def status(self) -> DossierStatus:
        if self.paid_vnd:
            return _after_refunds(self.paid_vnd, self.refunded_vnd)
        if self.dossier.cancelled_at is not None:
            return DossierStatus.CANCELLED
        failed = bool(self.attempts) and self.attempts[-1].state is AttemptState.FAILED
        return DossierStatus.FAILED if failed else DossierStatus.PENDING


def _after_refunds(paid_vnd: int, refunded_vnd: int) -> DossierStatus:
    if refunded_vnd >= paid_vnd:
        return DossierStatus.REFUNDED
    return DossierStatus.PARTLY_REFUNDED if refunded_vnd else DossierStatus.PAID


def decide(
    awaits_money: bool,
    attempt: Attempt,
    known: bool,
    word: BankWord,
    flaws: frozenset[Flaw] = frozenset(),
    *,
    keeps_overpayments: bool = False,
) -> Effect:
    """What `word` does to the attempt and its dossier. `known` = this very money was written down before."""
    if word.amount_vnd != attempt.amount_vnd and Flaw.AMOUNT_NOT_COMPARED not in flaws:
        kept = keeps_overpayments and word.amount_vnd > attempt.amount_vnd
        came = (word.arrived or kept) and word.outcome is Outcome.PAID and word.amount_vnd > 0
        if not came:
            return Effect.WRONG_AMOUNT
        if known:
            return Effect.REPEATED
        return Effect.SETTLED if kept and awaits_money else Effect.REFUND_DUE
    if word.outcome is Outcome.PAID:
        return _decide_paid(awaits_money, attempt, known, flaws)
    if attempt.state is AttemptState.PENDING:
        return Effect.FAILED if word.outcome is Outcome.FAILED else Effect.NOTED
    overwritten = attempt.state is AttemptState.PAID and word.outcome is Outcome.FAILED
    if overwritten and Flaw.LATE_FAILURE_OVERWRITES in flaws:
        return Effect.FAILED
    return Effect.REPEATED


def _decide_paid(awaits_money: bool, attempt: Attempt, known: bool, flaws: frozenset[Flaw]) -> Effect:
    if known and Flaw.DUPLICATE_SETTLES_TWICE in flaws:
        return Effect.SETTLED
    if known:
        return Effect.REPEATED
    if attempt.state is AttemptState.FAILED and Flaw.FAILURE_IS_FINAL in flaws:
        return Effect.REPEATED
    if not awaits_money and Flaw.REFUSED_MONEY_FORGOTTEN in flaws:
        return Effect.WRONG_AMOUNT
    return Effect.SETTLED if awaits_money else Effect.REFUND_DUE
