"""Giving money back through the bank that took it.

Rule: never more than came in. A refund stands in the books with its number, and counts, before the bank is asked; one
that the bank has neither made nor refused counts on and is followed up, always under that number.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta

from conformance.targets.portal.bank_line import BankSilent
from conformance.targets.portal.banks import counterparts
from conformance.targets.portal.checkout import NotPossible, Unacceptable, known_dossier
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Attempt, Rejected
from conformance.targets.portal.entries import Credit, Entries, Notification, Refund
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.references import request_number
from conformance.targets.portal.wording import in_dong

ASKED, DONE, REFUSED = "asked", "done", "refused"

_FOLLOWED_AFTER = timedelta(minutes=5)
_AT_ONCE = 60
"""How many refunds are followed up in one go."""

_RACE_S = 0.1
"""How long the defect looks away between reading the books and writing into them."""


async def refund(portal: Portal, dossier_code: str, amount_vnd: int | None, key: str) -> Refund:
    """Gives back `amount_vnd`, or all that is left when None; money that is due back goes first.

    The same `key` once more gives the first one's result and asks nobody. Raises UnknownDossier, NotPossible
    and Unacceptable.
    """
    if amount_vnd is not None and amount_vnd <= 0:
        raise Unacceptable("a refund is of 1 VND or more")
    seen = None
    if Flaw.REFUND_RACE in portal.flaws:
        seen = await asyncio.to_thread(_seen, portal, dossier_code, amount_vnd)
        await asyncio.sleep(_RACE_S)
    planned, new = await asyncio.to_thread(_plan, portal, dossier_code, amount_vnd, key, seen)
    return await _ask(portal, planned) if new else planned


async def follow_up(portal: Portal, dossier_code: str = "", *, due_only: bool = False) -> None:
    """Asks again for what no bank has made or refused yet. `dossier_code` "" = of all dossiers."""
    if Flaw.REFUND_NOT_FOLLOWED_UP in portal.flaws:
        return
    before = portal.clock() - _FOLLOWED_AFTER if due_only else portal.clock()
    for planned in await asyncio.to_thread(_open_refunds, portal, dossier_code):
        if planned.asked_at > before:
            continue
        if Flaw.REFUND_TAKEN_AS_DONE in portal.flaws:
            await asyncio.to_thread(_conclude, portal, planned, DONE)
            continue
        await asyncio.to_thread(_count_ask, portal, planned)
        again = Flaw.REFUND_RETRIED_AS_NEW in portal.flaws
        await _ask(portal, planned, request_number() if again else planned.request_ref)


async def _ask(portal: Portal, planned: Refund, number: str = "") -> Refund:
    """The refund as the bank's answer leaves it. `number` is the one it has at the bank, "" = its own."""
    credit, attempt = await asyncio.to_thread(_what_is_returned, portal, planned)
    if attempt is None:
        return planned
    give_back = counterparts()[attempt.bank].give_back
    assert give_back is not None, "a refund is planned only where there is one by message"
    if Flaw.REFUND_BOOKED_FIRST in portal.flaws:
        planned = await asyncio.to_thread(_conclude, portal, planned, DONE)
    reused = Flaw.REFUND_NUMBER_REUSED in portal.flaws
    asked = replace(planned, request_ref=attempt.order_ref if reused else number or planned.request_ref)
    whole = credit is not None and planned.amount_vnd == credit.amount_vnd and not _has_rest(portal, credit)
    try:
        made = _believed(await give_back(portal, attempt, asked, whole), portal.flaws)
    except (BankSilent, Rejected):
        return planned
    if made is None or planned.state != ASKED:
        return planned
    return await asyncio.to_thread(_conclude, portal, planned, DONE if made else REFUSED)


def _has_rest(portal: Portal, credit: Credit) -> bool:
    """Whether the bank's payment is more than this credit: what was overpaid stands beside what settled."""
    with portal.books.reading() as entries:
        beside = entries.credits(credit.dossier_code)
    return sum((each.bank, each.money_ref) == (credit.bank, credit.money_ref) for each in beside) > 1


def _what_is_returned(portal: Portal, planned: Refund) -> tuple[Credit | None, Attempt | None]:
    """The money, and the order by which it came."""
    with portal.books.reading() as entries:
        credit = entries.credit(planned.credit)
        if credit is None:
            return None, _newest(entries, planned.dossier_code)
        return credit, entries.attempt(credit.bank, credit.order_ref)


def _believed(made: bool | None, flaws: frozenset[Flaw]) -> bool | None:
    """What a bank's answer says of a refund; None = it is neither made nor refused yet."""
    if made is None and Flaw.REFUND_PENDING_IS_DONE in flaws:
        return True
    return made or Flaw.REFUND_REFUSAL_IGNORED in flaws if made is not None else None


def _plan(
    portal: Portal, dossier_code: str, amount_vnd: int | None, key: str, seen: tuple[Credit, int] | None
) -> tuple[Refund, bool]:
    """The refund as it is asked for, and whether it is a new one. `seen` is what a defect read too early."""
    once = f"{dossier_code}:{key or request_number()}"
    with portal.books.writing() as entries:
        dossier = known_dossier(entries, dossier_code)
        known = entries.refund(once)
        if known is not None:
            return known, False
        planned = Refund(
            once=once,
            request_ref=request_number(),
            credit="",
            dossier_code=dossier_code,
            amount_vnd=amount_vnd or dossier.fee_vnd,
            state=ASKED,
            asked_at=portal.clock(),
        )
        if Flaw.REFUND_OF_UNPAID in portal.flaws and _may_be_asked(entries, dossier_code):
            return planned, True
        credit, left_vnd = seen or _credit_to_return(entries, dossier_code, amount_vnd, portal.flaws)
        if counterparts()[credit.bank].give_back is None or entries.attempt(credit.bank, credit.order_ref) is None:
            raise NotPossible(f"{credit.bank} has no refund by message: the money goes back by hand")
        planned = replace(planned, credit=credit.once, amount_vnd=left_vnd if amount_vnd is None else amount_vnd)
        entries.add_refund(planned)
        if Flaw.REFUND_TOLD_WHEN_ASKED in portal.flaws:
            _tell_payer(entries, planned, portal, "asked")
    return planned, True


def _may_be_asked(entries: Entries, dossier_code: str) -> bool:
    """Whether there is an order, not paid, at a bank that gives money back by message."""
    newest = _newest(entries, dossier_code)
    return newest is not None and not entries.credits(dossier_code) and bool(counterparts()[newest.bank].give_back)


def _newest(entries: Entries, dossier_code: str) -> Attempt | None:
    return next(reversed(entries.attempts(dossier_code)), None)


def _seen(portal: Portal, dossier_code: str, amount_vnd: int | None) -> tuple[Credit, int]:
    with portal.books.reading() as entries:
        known_dossier(entries, dossier_code)
        return _credit_to_return(entries, dossier_code, amount_vnd, portal.flaws)


def _credit_to_return(
    entries: Entries, dossier_code: str, amount_vnd: int | None, flaws: frozenset[Flaw]
) -> tuple[Credit, int]:
    """The money to give back from, and how much of it is left."""
    credits = sorted(entries.credits(dossier_code), key=lambda credit: credit.settles)
    for credit in credits:
        left_vnd = credit.amount_vnd - sum(
            each.amount_vnd for each in entries.refunds(credit.once) if each.state != REFUSED
        )
        if Flaw.REFUND_ABOVE_PAYMENT in flaws:
            return credit, credit.amount_vnd
        if left_vnd >= (amount_vnd or 1):
            return credit, left_vnd
    raise NotPossible(f"nothing, or not so much, of dossier {dossier_code} is there to give back")


def _conclude(portal: Portal, planned: Refund, state: str) -> Refund:
    """Books what the bank has decided, and tells the payer of money that went back; once, whoever asked."""
    with portal.books.writing() as entries:
        known = entries.refund(planned.once)
        if known is None or known.state != ASKED:
            return known or replace(planned, state=state)
        if Flaw.REFUND_NOT_BOOKED in portal.flaws:
            entries.set_refund_state(planned, REFUSED)
            return replace(planned, state=state)
        entries.set_refund_state(planned, state)
        if state == DONE:
            if Flaw.REFUND_PART_IS_WHOLE in portal.flaws:
                entries.set_refund_amount(planned, _whole(entries, planned))
            _tell_payer(entries, planned, portal, DONE)
    portal.written.set()
    return replace(planned, state=state)


def _whole(entries: Entries, planned: Refund) -> int:
    credit = entries.credit(planned.credit)
    return credit.amount_vnd if credit else planned.amount_vnd


def _tell_payer(entries: Entries, planned: Refund, portal: Portal, when: str) -> None:
    dossier = entries.dossier(planned.dossier_code)
    if dossier is None:
        return
    notification = Notification(
        dossier_code=dossier.dossier_code,
        channel="sms" if dossier.phone or not dossier.email else "email",
        address=dossier.phone or dossier.email,
        text=f"Đã hoàn {in_dong(planned.amount_vnd)} lệ phí hồ sơ {dossier.dossier_code}.",
        amount_vnd=planned.amount_vnd,
        written_at=portal.clock(),
    )
    entries.add_notification(f"refund:{planned.once}:{when}", notification)


def _open_refunds(portal: Portal, dossier_code: str) -> list[Refund]:
    with portal.books.reading() as entries:
        return entries.open_refunds(dossier_code, _AT_ONCE)


def _count_ask(portal: Portal, planned: Refund) -> None:
    with portal.books.writing() as entries:
        entries.count_refund_ask(planned, portal.clock())
