"""A counter or a terminal: somebody else takes the payer's money, and keeps a slip of it."""

from datetime import datetime

import msgspec

from simulator.cards import masked
from simulator.clock import VIETNAM
from simulator.payer.means import Card, accounts
from simulator.payer.stages import Change, Stage, decided, stage
from simulator.payment import Channel, Event, Outcome, Payment, State, Step, apply
from simulator.slip import PaidWith, TellerSlip, TerminalSlip
from simulator.terminal import APPROVED, CODES, NO_ORIGINAL, OUTCOMES, Host, code_in_time, of_terminal

REVERSALS_AT_ONCE = 3
"""Assumption: a terminal sends 0400, then 0401 twice, and goes on with the next sale."""

HOSTS = {Outcome.TIMED_OUT: Host.SILENT, Outcome.REVERSED: Host.LATE, Outcome.UNKNOWN: Host.LOST}
"""What becomes of the answer for a card that ends so."""


# --- at a terminal ---------------------------------------------------------------------------------------------------


def begin_sale(slip: TerminalSlip) -> Change:
    """The terminal takes the payment up under that slip; one that it has already stays, unless nothing was sent."""

    def change(payment: Payment, now: datetime) -> Payment:
        ready = stage(payment, now) is Stage.CONFIRM or (not slip.by_card and stage(payment, now) is Stage.QR)
        if not ready:
            return payment
        step = payment.step if slip.by_card else Step.QR
        return msgspec.structs.replace(payment, slip=slip, step=step)

    return change


def insert_card(card: Card, approval_code: str, host: Host | str = "") -> Change:
    """The terminal reads the card and asks the host, which answers as the card says, with that DE39, or as `host`."""

    def change(payment: Payment, now: datetime) -> Payment:
        if stage(payment, now) is not Stage.CONFIRM or not isinstance(payment.slip, TerminalSlip):
            return payment
        carded = msgspec.structs.replace(payment, payer_account=masked(card.number))
        wanted = host or HOSTS.get(card.outcome, "")
        if isinstance(wanted, Host):
            return _UNANSWERED[wanted](carded, now)
        outcome = OUTCOMES[wanted] if wanted else card.outcome
        code = wanted or CODES[card.outcome]
        approval = approval_code if code == APPROVED else ""
        return decided(_noted(carded, response_code=code, approval_code=approval), now, outcome)

    return change


def answer_late() -> Change:
    """The host's approval comes after the terminal gave up. The terminal drops it; whether the host keeps the sale
    depends on whether a reversal has reached it. Raises IllegalEvent where the host cannot have approved."""

    def change(payment: Payment, now: datetime) -> Payment:
        slip = of_terminal(payment)
        if not slip.reversals:
            return payment
        dropped = _noted(payment, late_code=APPROVED)
        if slip.reversal_code or slip.late_code:
            return dropped
        late = payment.state in (State.EXPIRED, State.FAILED, State.CANCELLED)
        return apply(dropped, Event.APPROVE_LATE if late else Event.APPROVE, now)

    return change


def repeat_reversal() -> Change:
    """The terminal sends 0401, and now the host answers: what it had booked it takes back."""

    def change(payment: Payment, now: datetime) -> Payment:
        slip = of_terminal(payment)
        if not slip.reversals or slip.reversal_code:
            return payment
        kept = payment.state is State.PAID
        told = _noted(payment, reversals=slip.reversals + 1, reversal_code=APPROVED if kept else NO_ORIGINAL)
        if kept:
            return apply(told, Event.REVERSE, now)
        return apply(told, Event.DECLINE, now, Outcome.TIMED_OUT) if payment.state is State.PENDING else told

    return change


def may_void(payment: Payment, now: datetime) -> bool:
    """An approved sale, on its own day, before its batch is closed."""
    slip = payment.slip
    if not isinstance(slip, TerminalSlip) or slip.closed_at or payment.state is not State.PAID:
        return False
    return code_in_time(payment) == APPROVED and _same_day(slip.sent_at, now)


def void_sale(void_stan: int) -> Change:
    """The terminal takes an approved sale back."""

    def change(payment: Payment, now: datetime) -> Payment:
        if not may_void(payment, now):
            return payment
        return apply(_noted(payment, void_stan=void_stan, voided_at=now), Event.REVERSE, now)

    return change


def close_batch() -> Change:
    def change(payment: Payment, now: datetime) -> Payment:
        return payment if of_terminal(payment).closed_at else _noted(payment, closed_at=now)

    return change


def _silent(payment: Payment, now: datetime) -> Payment:
    return apply(_noted(payment, reversals=2, reversal_code=NO_ORIGINAL), Event.DECLINE, now, Outcome.TIMED_OUT)


def _late(payment: Payment, now: datetime) -> Payment:
    return apply(_noted(payment, reversals=1, reversal_code=APPROVED, late_code=APPROVED), Event.REVERSE, now)


def _lost(payment: Payment, now: datetime) -> Payment:
    return decided(_noted(payment, reversals=REVERSALS_AT_ONCE), now, Outcome.UNKNOWN)


_UNANSWERED = {Host.SILENT: _silent, Host.LATE: _late, Host.LOST: _lost}


def _noted(payment: Payment, **changes: object) -> Payment:
    return msgspec.structs.replace(payment, slip=msgspec.structs.replace(of_terminal(payment), **changes))


# --- at a counter ----------------------------------------------------------------------------------------------------


def take_money(slip: TellerSlip, username: str = "") -> Change:
    """The teller has counted the cash, or debits that test account as it lets itself be debited."""

    def change(payment: Payment, now: datetime) -> Payment:
        if stage(payment, now) is not Stage.CONFIRM or payment.channel is not Channel.COUNTER:
            return payment
        taken = msgspec.structs.replace(payment, slip=slip)
        if slip.paid_with is PaidWith.CASH:
            return decided(taken, now, Outcome.SUCCESS)
        account = accounts().get(username.strip().lower())
        if account is None:
            return payment
        return decided(msgspec.structs.replace(taken, payer_account=account.number), now, account.outcome)

    return change


def may_take_back(payment: Payment, now: datetime) -> bool:
    """A teller mends his own mistake on the day on which he made it."""
    slip = payment.slip
    return isinstance(slip, TellerSlip) and payment.state is State.PAID and _same_day(slip.taken_at, now)


def take_back(corrected_by: str = "") -> Change:
    """The teller reverses what he booked; `corrected_by` is the payment that takes its place, whatever the day."""

    def change(payment: Payment, now: datetime) -> Payment:
        slip = payment.slip
        allowed = may_take_back(payment, now) or (bool(corrected_by) and payment.state is State.PAID)
        if not isinstance(slip, TellerSlip) or not allowed:
            return payment
        noted = msgspec.structs.replace(slip, corrected_by=corrected_by)
        return apply(msgspec.structs.replace(payment, slip=noted), Event.REVERSE, now)

    return change


def _same_day(first: datetime, second: datetime) -> bool:
    return first.astimezone(VIETNAM).date() == second.astimezone(VIETNAM).date()
