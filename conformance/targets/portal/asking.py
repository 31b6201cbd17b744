"""Asking a bank what became of an order, for callbacks get lost.

Rule: an answer is believed no sooner than a callback, and whatever is unclear is asked again later.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from conformance.targets.portal import settlement
from conformance.targets.portal.bank_line import BankSilent
from conformance.targets.portal.defects import VNPAY, Flaw
from conformance.targets.portal.dossiers import Attempt, AttemptState, BankWord, Effect, Rejected
from conformance.targets.portal.moments import compact
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.protocols import dvcqg, vnpay_api
from conformance.targets.portal.protocols.vnpay_api import NoSuchOrder
from conformance.targets.portal.references import request_number

_GRACE = timedelta(minutes=5)
"""How long after its expiry an order that the bank never saw may still appear there."""


async def ask(portal: Portal, attempt: Attempt) -> Effect | None:
    """What the bank's answer did; None when there was none to be believed, or nothing in it."""
    try:
        word = await _question(portal, attempt)
    except (BankSilent, Rejected):
        if Flaw.QUERY_ERROR_IS_FAILURE in portal.flaws:
            await asyncio.to_thread(settlement.poison, portal.books, attempt.bank, attempt.order_ref)
        return None
    except NoSuchOrder:
        await asyncio.to_thread(_give_up_unseen, portal, attempt)
        return None
    return await asyncio.to_thread(settlement.settle, portal.books, word, portal.clock(), portal.flaws, portal.handled)


def count(portal: Portal, attempts: Sequence[Attempt]) -> None:
    """Writes down, before they are asked, that the banks are asked about these."""
    with portal.books.writing() as entries:
        for attempt in attempts:
            entries.count_ask(attempt, portal.clock())


async def _question(portal: Portal, attempt: Attempt) -> BankWord:
    settings, flaws, now = portal.settings, portal.flaws, compact(portal.clock())
    if attempt.bank == VNPAY:
        message = vnpay_api.query_request(settings.vnpay, attempt, request_number(), now, flaws)
        answer = await portal.line.post(f"{settings.bank_url}{vnpay_api.API_PATH}", message)
        return vnpay_api.read_query(settings.vnpay, attempt, answer, flaws)
    message = dvcqg.query_request(settings.dvcqg, attempt, now, flaws)
    answer = await portal.line.post(f"{settings.bank_url}{dvcqg.QUERY_PATH}", message)
    return dvcqg.read_query(settings.dvcqg, attempt, answer, flaws)


def _give_up_unseen(portal: Portal, attempt: Attempt) -> None:
    """An order that the bank does not know can still come there until it expires, and not any more then."""
    if portal.clock() < attempt.expires_at + _GRACE:
        return
    with portal.books.writing() as entries:
        entries.set_state(attempt, AttemptState.FAILED, "never seen by the bank")
        entries.close(attempt)
