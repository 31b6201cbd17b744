"""Asking a bank what became of an order, for callbacks get lost.

Rule: an answer is believed no sooner than a callback, and whatever is unclear is asked again later.
"""

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta

from conformance.targets.portal import settlement
from conformance.targets.portal.bank_line import BankSilent
from conformance.targets.portal.banks import counterparts
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Attempt, AttemptState, Effect, NoSuchOrder, Rejected
from conformance.targets.portal.portal import Portal

_GRACE = timedelta(minutes=5)
"""How long after its expiry an order that the bank never saw may still appear there."""


def asked_banks() -> tuple[str, ...]:
    """Those that answer questions."""
    return tuple(each.bank for each in counterparts().values() if each.ask is not None)


async def ask(portal: Portal, attempt: Attempt) -> Effect | None:
    """What the bank's answer did; None when there was none to be believed, or nothing in it."""
    question = counterparts()[attempt.bank].ask
    if question is None:
        return None
    try:
        async with portal.alone if Flaw.BANK_HOLDS_UP_CALLBACKS in portal.flaws else nullcontext():
            word = await question(portal, attempt)
    except (BankSilent, Rejected):
        if Flaw.QUERY_ERROR_IS_FAILURE in portal.flaws:
            await asyncio.to_thread(settlement.poison, portal.books, attempt.bank, attempt.order_ref)
        return None
    except NoSuchOrder:
        if Flaw.UNSEEN_ORDER_IS_FAILURE in portal.flaws:
            await asyncio.to_thread(settlement.poison, portal.books, attempt.bank, attempt.order_ref)
        await asyncio.to_thread(_give_up_unseen, portal, attempt)
        return None
    if Flaw.QUERY_SETTLES_APART in portal.flaws:
        word = replace(word, money_ref=f"query {word.money_ref}")
    effect = await asyncio.to_thread(
        settlement.settle,
        portal.books,
        word,
        portal.clock(),
        portal.flaws,
        portal.handled,
        portal.settings.keeps_overpayments,
        portal.issuer_is_down,
    )
    portal.written.set()
    return effect


def count(portal: Portal, attempts: Sequence[Attempt]) -> None:
    """Writes down, before they are asked, that the banks are asked about these."""
    with portal.books.writing() as entries:
        for attempt in attempts:
            entries.count_ask(attempt, portal.clock())


def _give_up_unseen(portal: Portal, attempt: Attempt) -> None:
    """An order that the bank does not know can still come there until it expires, and not any more then."""
    if portal.clock() < attempt.expires_at + _GRACE:
        return
    with portal.books.writing() as entries:
        entries.set_state(attempt, AttemptState.FAILED, "never seen by the bank")
        entries.close(attempt)
