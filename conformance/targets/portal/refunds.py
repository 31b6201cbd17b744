"""Giving money back through the bank that took it.

Rule: never more than came in. A refund stands in the books, and counts, before the bank is asked; one whose answer
was lost counts on, for it may have been done.
"""

import asyncio
from dataclasses import replace

from conformance.targets.portal.bank_line import BankSilent
from conformance.targets.portal.banks import counterparts
from conformance.targets.portal.checkout import NotPossible, Unacceptable, known_dossier
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Attempt, Rejected
from conformance.targets.portal.entries import Credit, Entries, Refund
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.references import request_number

ASKED, DONE, REFUSED = "asked", "done", "refused"


async def refund(portal: Portal, dossier_code: str, amount_vnd: int | None, key: str) -> Refund:
    """Gives back `amount_vnd`, or all that is left when None; money that is due back goes first.

    The same `key` once more gives the first one's result and asks nobody. Raises UnknownDossier, NotPossible
    and Unacceptable.
    """
    planned, attempt, whole = await asyncio.to_thread(_plan, portal, dossier_code, amount_vnd, key)
    if attempt is None:
        return planned
    give_back = counterparts()[attempt.bank].give_back
    assert give_back is not None, "a refund is planned only where there is one by message"
    try:
        given_back = await give_back(portal, attempt, planned, whole)
    except (BankSilent, Rejected):
        return planned
    if given_back is None:
        return planned
    return await asyncio.to_thread(_conclude, portal, planned, DONE if given_back else REFUSED)


def _plan(portal: Portal, dossier_code: str, amount_vnd: int | None, key: str) -> tuple[Refund, Attempt | None, bool]:
    """The refund as it is asked for; no attempt when it was asked for before."""
    if amount_vnd is not None and amount_vnd <= 0:
        raise Unacceptable("a refund is of 1 VND or more")
    once = f"{dossier_code}:{key or request_number()}"
    with portal.books.writing() as entries:
        known_dossier(entries, dossier_code)
        known = entries.refund(once)
        if known is not None:
            return known, None, False
        credit, left_vnd = _credit_to_return(entries, dossier_code, amount_vnd, portal.flaws)
        attempt = entries.attempt(credit.bank, credit.order_ref)
        if counterparts()[credit.bank].give_back is None or attempt is None:
            raise NotPossible(f"{credit.bank} has no refund by message: the money goes back by hand")
        planned = Refund(
            once=once,
            request_ref=request_number(),
            credit=credit.once,
            dossier_code=dossier_code,
            amount_vnd=left_vnd if amount_vnd is None else amount_vnd,
            state=ASKED,
            asked_at=portal.clock(),
        )
        entries.add_refund(planned)
    return planned, attempt, planned.amount_vnd == credit.amount_vnd


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
    with portal.books.writing() as entries:
        entries.set_refund_state(planned, state)
    return replace(planned, state=state)
