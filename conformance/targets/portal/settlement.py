"""Settling: the one place where a bank's word changes the books, each money once.

Rule: what is looked at and what is written stand in one transaction, so that of twenty callbacks at once one
settles and nineteen find it done.
"""

import time
from dataclasses import replace
from datetime import datetime

from conformance.targets.portal.banks import counterparts
from conformance.targets.portal.books import Books
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import (
    RECORDED,
    Attempt,
    AttemptState,
    BankWord,
    Dossier,
    Effect,
    Outcome,
    decide,
)
from conformance.targets.portal.entries import Credit, Entries, Notification
from conformance.targets.portal.moments import VIETNAM, bank_time
from conformance.targets.portal.references import request_number
from conformance.targets.portal.wording import in_dong

# tt-91-2026-btc#annex: EBL01 is a receipt without a printed face value; its symbol is the year, T and two letters.
RECEIPT_TEMPLATE = "EBL01"
_SERIES = "AB"

_POISONED = "poisoned"
_SLOW_RECEIPT_S = 0.2


class IssuerDown(Exception):
    """What the defect raises that books nothing without a receipt."""


def settle(
    books: Books,
    word: BankWord,
    now: datetime,
    flaws: frozenset[Flaw],
    handled: set[str],
    keeps_overpayments: bool = False,
    issuer_is_down: bool = False,
) -> Effect:
    """What `word` did. `handled` is only for the defect that keeps in memory what belongs into the books.

    `issuer_is_down` = the receipt is not issued now, but owed.
    """
    looked_before = _look_before(books, word) if Flaw.CONCURRENT_DUPLICATE_RACE in flaws else None
    with books.writing() as entries:
        kept = entries.attempt(word.bank, word.order_ref)
        if Flaw.TRANSFER_MATCHED_BY_AMOUNT in flaws:
            kept = kept or entries.pending_of_amount(word.bank, word.amount_vnd)
        attempt = kept or counterparts()[word.bank].unannounced(entries, word, now)
        if attempt is None:
            return Effect.UNKNOWN_ORDER
        dossier = _dossier_of(entries, attempt)
        awaits_money, known = looked_before or _look(entries, attempt, word)
        if known and Flaw.DUPLICATE_KNOWN_IN_MEMORY in flaws:
            known = _money(word) in handled
            awaits_money = not known
        if Flaw.REFUNDED_AWAITS_MONEY in flaws and entries.standing(dossier).refunded_vnd:
            awaits_money, known = True, False
        if dossier.locked_at is not None and Flaw.LOCKED_MONEY_DROPPED in flaws:
            return Effect.REPEATED
        if attempt.code == _POISONED:
            return Effect.REPEATED
        if Flaw.CLEARED_SUSPICION_IGNORED in flaws and attempt.code.startswith("07/"):
            return Effect.REPEATED
        effect = decide(awaits_money, attempt, known, word, flaws, keeps_overpayments=keeps_overpayments)
        if kept is None and effect in RECORDED:
            entries.add_attempt(attempt)
        _carry_out(entries, effect, attempt, dossier, word, now, flaws, issuer_is_down)
        if keeps_overpayments and effect is Effect.SETTLED and word.amount_vnd > attempt.amount_vnd:
            entries.add_credit(_surplus(attempt, word, now, flaws))
    if effect is Effect.SETTLED and Flaw.RECEIPT_IN_ITS_OWN_TRANSACTION in flaws:
        time.sleep(_SLOW_RECEIPT_S)
        with books.writing() as entries:
            _issue_or_owe(entries, attempt, now, flaws, issuer_is_down)
            _tell_payer(entries, attempt, dossier, now, flaws, receipt_is_owed=issuer_is_down)
    if effect in (Effect.SETTLED, Effect.REFUND_DUE):
        handled.add(_money(word))
    return effect


def preview(
    books: Books, word: BankWord, now: datetime, flaws: frozenset[Flaw], keeps_overpayments: bool = False
) -> Effect:
    """What `settle` would do now; nothing is written."""
    with books.reading() as entries:
        kept = entries.attempt(word.bank, word.order_ref)
        attempt = kept or counterparts()[word.bank].unannounced(entries, word, now)
        if attempt is None:
            return Effect.UNKNOWN_ORDER
        awaits_money, known = _look(entries, attempt, word)
        return decide(awaits_money, attempt, known, word, flaws, keeps_overpayments=keeps_overpayments)


def settle_queued(
    books: Books,
    now: datetime,
    flaws: frozenset[Flaw],
    handled: set[str],
    keeps_overpayments: bool = False,
    issuer_is_down: bool = False,
) -> int:
    """Works off the callbacks that were acknowledged first, oldest first; how many there were."""
    with books.reading() as entries:
        queued = entries.queued()
    for number, word in queued:
        # Settled first, taken out second: killed in between, it is found again, and is a repetition by then.
        settle(books, word, now, flaws, handled, keeps_overpayments, issuer_is_down)
        with books.writing() as entries:
            entries.unqueue(number)
    return len(queued)


def issue_owed(books: Books, now: datetime, flaws: frozenset[Flaw]) -> int:
    """Issues the receipts that are owed since nobody issued any, each with what it ends in one transaction.

    How many there were.
    """
    with books.reading() as entries:
        owed = entries.receipts_owed()
    for once, dossier_code, amount_vnd in owed:
        with books.writing() as entries:
            if not entries.owes_receipt(once):
                continue
            again = Flaw.OWED_RECEIPT_KEPT in flaws
            _issue_receipt(entries, f"{once}#{request_number()}" if again else once, dossier_code, amount_vnd, now)
            if not again:
                entries.owe_receipt_no_more(once)
    return len(owed)


def poison(books: Books, bank: str, order_ref: str) -> None:
    """What the defect does that lets a forged message close an order."""
    with books.writing() as entries:
        attempt = entries.attempt(bank, order_ref)
        if attempt is not None and attempt.state is AttemptState.PENDING:
            entries.set_state(attempt, AttemptState.FAILED, _POISONED)


def _look(entries: Entries, attempt: Attempt, word: BankWord) -> tuple[bool, bool]:
    """Whether the dossier still wants money, and whether this money is known."""
    standing = entries.standing(_dossier_of(entries, attempt))
    return standing.awaits_money, entries.is_credited(word.bank, word.money_ref)


def _look_before(books: Books, word: BankWord) -> tuple[bool, bool] | None:
    """What the defect does that looks in a transaction of its own: by the time it writes, others have written."""
    with books.reading() as entries:
        attempt = entries.attempt(word.bank, word.order_ref)
        found = _look(entries, attempt, word) if attempt else None
    time.sleep(_SLOW_RECEIPT_S)
    return found


def _dossier_of(entries: Entries, attempt: Attempt) -> Dossier:
    dossier = entries.dossier(attempt.dossier_code)
    assert dossier is not None, "an attempt is of a dossier in the same books"
    return dossier


def _money(word: BankWord) -> str:
    return f"{word.bank}:{word.money_ref}"


def _carry_out(
    entries: Entries,
    effect: Effect,
    attempt: Attempt,
    dossier: Dossier,
    word: BankWord,
    now: datetime,
    flaws: frozenset[Flaw],
    issuer_is_down: bool,
) -> None:
    if effect in (Effect.SETTLED, Effect.REFUND_DUE):
        if word.amount_vnd == attempt.amount_vnd or effect is Effect.SETTLED:
            entries.set_state(attempt, AttemptState.PAID, word.code)
        if effect is Effect.SETTLED or not _dropped(entries, dossier, word, flaws):
            entries.add_credit(_credit(effect, attempt, word, now, flaws))
    if effect is Effect.SETTLED:
        if Flaw.RECEIPT_IN_ITS_OWN_TRANSACTION not in flaws:
            _issue_or_owe(entries, attempt, now, flaws, issuer_is_down)
            _tell_payer(entries, attempt, dossier, now, flaws, receipt_is_owed=issuer_is_down)
    elif effect is Effect.FAILED:
        if Flaw.FAILURE_TOLD_AS_SUCCESS in flaws:
            _tell_payer(entries, attempt, dossier, now, flaws, of=attempt.order_ref)
        entries.set_state(attempt, AttemptState.FAILED, word.code)
        if attempt.state is AttemptState.PAID:
            entries.forget_credit(attempt)
        if flaws & {Flaw.UNKNOWN_CODE_IS_FAILURE, Flaw.QUERY_PENDING_IS_FAILURE}:
            entries.close(attempt)
    elif effect is Effect.NOTED:
        entries.set_state(attempt, attempt.state, word.code)
    else:
        _note_contradiction(entries, effect, attempt, word, now)


def _dropped(entries: Entries, dossier: Dossier, word: BankWord, flaws: frozenset[Flaw]) -> bool:
    if dossier.cancelled_at is not None:
        return Flaw.LATE_MONEY_DROPPED in flaws
    if Flaw.OTHER_BANKS_MONEY_DROPPED in flaws:
        return any(each.bank != word.bank for each in entries.credits(dossier.dossier_code))
    return Flaw.SECOND_PAYMENT_NOT_FLAGGED in flaws


def _credit(effect: Effect, attempt: Attempt, word: BankWord, now: datetime, flaws: frozenset[Flaw]) -> Credit:
    return Credit(
        once=_once(_money(word), flaws),
        bank=word.bank,
        money_ref=word.money_ref,
        order_ref=word.order_ref,
        dossier_code=attempt.dossier_code,
        amount_vnd=attempt.amount_vnd if effect is Effect.SETTLED else word.amount_vnd,
        bank_ref=word.bank_ref,
        settles=effect is Effect.SETTLED,
        credited_at=now,
        paid_at=bank_time(word.paid_at) or now,
    )


def _surplus(attempt: Attempt, word: BankWord, now: datetime, flaws: frozenset[Flaw]) -> Credit:
    """What came beyond the order, of the same money: due back."""
    settled = _credit(Effect.SETTLED, attempt, word, now, flaws)
    surplus_vnd = word.amount_vnd - attempt.amount_vnd
    return replace(settled, once=f"{settled.once}+", amount_vnd=surplus_vnd, settles=False)


def _issue_or_owe(
    entries: Entries, attempt: Attempt, now: datetime, flaws: frozenset[Flaw], issuer_is_down: bool
) -> None:
    """The receipt, or in the same transaction what is owed instead of it."""
    once = _once(attempt.dossier_code, flaws)
    if not issuer_is_down:
        _issue_receipt(entries, once, attempt.dossier_code, attempt.amount_vnd, now)
    elif Flaw.ISSUER_DOWN_FAILS_CALLBACK in flaws:
        raise IssuerDown
    elif Flaw.RECEIPT_LOST_IN_OUTAGE not in flaws:
        entries.owe_receipt(once, attempt.dossier_code, attempt.amount_vnd)


def _issue_receipt(entries: Entries, once: str, dossier_code: str, amount_vnd: int, now: datetime) -> None:
    # nd-254-2026#dieu-24: numbers begin anew with the year, which the symbol names.
    symbol = f"{now.astimezone(VIETNAM):%y}T{_SERIES}"
    entries.add_receipt(once, dossier_code, RECEIPT_TEMPLATE, symbol, amount_vnd, now.isoformat())


def _tell_payer(
    entries: Entries,
    attempt: Attempt,
    dossier: Dossier,
    now: datetime,
    flaws: frozenset[Flaw],
    of: str = "",
    *,
    receipt_is_owed: bool = False,
) -> None:
    """Once for each dossier; `of` is what it is once for with a defect."""
    told = Flaw.NOTICE_WITHOUT_AMOUNT not in flaws
    amount = f" {in_dong(attempt.amount_vnd)}" if told else ""
    receipt = "sẽ được lập sau" if receipt_is_owed else "đã được lập"
    notification = Notification(
        dossier_code=dossier.dossier_code,
        channel="sms" if dossier.phone or not dossier.email else "email",
        address=dossier.phone or dossier.email,
        text=f"Đã nhận{amount} lệ phí hồ sơ {dossier.dossier_code}. Biên lai điện tử {receipt}.",
        amount_vnd=attempt.amount_vnd if told else None,
        written_at=now,
    )
    entries.add_notification(_once(of or dossier.dossier_code, flaws), notification)


def _note_contradiction(entries: Entries, effect: Effect, attempt: Attempt, word: BankWord, now: datetime) -> None:
    """What the bank says does not fit the books, which stay as they are: for a person to look into."""
    if effect is Effect.WRONG_AMOUNT:
        says = f"{word.bank} {word.order_ref}: {word.amount_vnd} instead of {attempt.amount_vnd} ({word.outcome})"
    elif attempt.state is AttemptState.PAID and word.outcome is not Outcome.PAID:
        says = f"{word.bank} {word.order_ref}: paid, and now {word.outcome} ({word.code})"
    else:
        return
    entries.note_discrepancy(f"{_money(word)}: {says}", attempt.dossier_code, says, now)


def _once(key: str, flaws: frozenset[Flaw]) -> str:
    """A key that the books take one time. Defects make a fresh one, and with it every repetition is new."""
    repeatable = flaws & {
        Flaw.DUPLICATE_SETTLES_TWICE,
        Flaw.DUPLICATE_KNOWN_IN_MEMORY,
        Flaw.CONCURRENT_DUPLICATE_RACE,
        Flaw.REFUNDED_AWAITS_MONEY,
    }
    return f"{key}#{request_number()}" if repeatable else key
