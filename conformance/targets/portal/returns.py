"""The payer's browser coming back from a bank: which order it speaks of, and nothing more.

Rule: a return settles nothing, genuine or not. At most it makes the portal ask the bank.
"""

import asyncio

from conformance.targets.portal import asking, settlement
from conformance.targets.portal.counterpart import Claim
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Attempt, AttemptState, BankWord, Outcome
from conformance.targets.portal.portal import Portal


async def look_up(portal: Portal, claim: Claim) -> str:
    """The code of the dossier whose order it is, "" if there is none."""
    attempt = await asyncio.to_thread(_attempt, portal, claim)
    if attempt is None:
        return ""
    if claim.paid and portal.flaws & {Flaw.RETURN_SETTLES, Flaw.FORGED_RETURN_SETTLES}:
        await asyncio.to_thread(_believe, portal, attempt)
    elif Flaw.RETURN_ENDS_ORDER in portal.flaws:
        await asyncio.to_thread(settlement.poison, portal.books, attempt.bank, attempt.order_ref)
    elif portal.settings.return_asks and attempt.state is AttemptState.PENDING:
        await asyncio.to_thread(asking.count, portal, [attempt])
        await asking.ask(portal, attempt)
    return attempt.dossier_code


def _attempt(portal: Portal, claim: Claim) -> Attempt | None:
    with portal.books.reading() as entries:
        return entries.attempt(claim.bank, claim.order_ref)


def _believe(portal: Portal, attempt: Attempt) -> None:
    """What the defects do that take a browser's word for the bank's."""
    word = BankWord(
        bank=attempt.bank,
        order_ref=attempt.order_ref,
        money_ref=attempt.order_ref,
        amount_vnd=attempt.amount_vnd,
        outcome=Outcome.PAID,
        code="return",
    )
    settlement.settle(portal.books, word, portal.clock(), portal.flaws, portal.handled)
