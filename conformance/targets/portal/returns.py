"""The payer's browser coming back from a bank: which order it speaks of, and nothing more.

Rule: a return settles nothing, genuine or not. At most it makes the portal ask the bank.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from conformance.targets.portal import asking, settlement
from conformance.targets.portal.defects import DVCQG, VNPAY, Flaw
from conformance.targets.portal.dossiers import Attempt, AttemptState, BankWord, Outcome, Rejected
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.protocols import dvcqg, vnpay


@dataclass(frozen=True, slots=True)
class Claim:
    """What a browser says: an order, and whether it was paid."""

    bank: str
    order_ref: str
    paid: bool


def from_vnpay(portal: Portal, query: bytes) -> Claim | None:
    """None unless VNPAY signed it."""
    if Flaw.RETURN_BREAKS in portal.flaws:
        _ = dict(parse_qsl(query.decode()))["vnp_PayDate"]
    trusting = Flaw.FORGED_RETURN_SETTLES in portal.flaws
    flaws = portal.flaws | {Flaw.SIGNATURE_NOT_CHECKED} if trusting else portal.flaws
    try:
        word = vnpay.read_callback(portal.settings.vnpay, query, flaws)
    except Rejected:
        return None
    return Claim(VNPAY, word.order_ref, word.outcome is Outcome.PAID)


def from_dvcqg(portal: Portal, parameters: Mapping[str, str]) -> Claim | None:
    """How the platform signs this is not known, so it is only a hint at an order."""
    if Flaw.RETURN_BREAKS in portal.flaws:
        _ = parameters["secureCode"]
    order_ref = dvcqg.returned_order(parameters)
    return Claim(DVCQG, order_ref, parameters.get("responseCode") == dvcqg.SUCCESS) if order_ref else None


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
