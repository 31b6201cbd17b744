"""What the portal does on its own: settling what was acknowledged first, asking about what nobody told, and issuing
receipts that are owed."""

import asyncio
import logging
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from conformance.targets.portal import asking, messenger, refunds, settlement
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import RECORDED, Attempt, AttemptState
from conformance.targets.portal.portal import Portal

_log = logging.getLogger(__name__)

_ASK_FOR = timedelta(days=3)
"""How long after its creation an order is asked about."""

_NEWEST = 60
"""How many orders are asked about when someone wants it now."""

_AT_ONCE = 8
_SEND_AGAIN_S = 30.0
_ISSUE_AGAIN_S = 30.0
# vnpay-querydr-refund#codes: 94 for the same question within five minutes.
_FIRST_WAIT_S = 300
_LONGEST_WAIT_S = 6 * 3600


@dataclass(frozen=True, slots=True)
class Done:
    """How many callbacks were settled, how many orders asked about, and how many answers told something new."""

    settled: int
    asked: int
    told: int


async def run_now(portal: Portal, dossier_code: str = "") -> Done:
    """Everything that waits, and what is due by timetable; besides it, due or not, the newest open orders.

    Only one dossier's orders if it is named.
    """
    settled = await _settle_queued(portal)
    attempts = await asyncio.to_thread(_open_attempts, portal, dossier_code)
    due = _due(portal, attempts[_NEWEST:])
    done = await _ask_all(portal, attempts[:_NEWEST] + due, settled)
    await refunds.follow_up(portal, dossier_code)
    await _issue_owed(portal)
    await messenger.send_waiting(portal)
    return done


async def keep_settling(portal: Portal) -> None:
    """Settles what is queued, a little after it came; what a killed portal left behind comes first."""
    while True:
        try:
            await _settle_queued(portal)
        except sqlite3.Error:
            # What is queued stays queued; it is tried again with the next callback, job or start.
            _log.exception("settling the queue failed")
        await portal.queued.wait()
        portal.queued.clear()
        await asyncio.sleep(portal.settings.settle_after_s)


async def keep_sending(portal: Portal) -> None:
    """Sends what was written to payers, at once and again while it could not be sent."""
    while True:
        portal.written.clear()
        try:
            await messenger.send_waiting(portal)
        except sqlite3.Error:
            _log.exception("sending messages failed")
        with suppress(TimeoutError):
            await asyncio.wait_for(portal.written.wait(), _SEND_AGAIN_S)


async def keep_issuing(portal: Portal) -> None:
    """Issues the receipts that are owed, until there are none."""
    while True:
        try:
            await _issue_owed(portal)
        except sqlite3.Error:
            _log.exception("issuing receipts failed")
        await asyncio.sleep(_ISSUE_AGAIN_S)


async def keep_asking(portal: Portal) -> None:
    """Asks about orders by timetable: first when a callback should long have come, then ever more rarely."""
    while True:
        await asyncio.sleep(portal.settings.poll_every_s)
        try:
            await _ask_due(portal)
        except sqlite3.Error:
            _log.exception("asking the banks failed")


async def _ask_due(portal: Portal) -> None:
    attempts = await asyncio.to_thread(_open_attempts, portal, "")
    await _ask_all(portal, _due(portal, attempts))
    await refunds.follow_up(portal, due_only=True)


def _open_attempts(portal: Portal, dossier_code: str) -> list[Attempt]:
    if Flaw.LOST_CALLBACK_NEVER_POLLED in portal.flaws:
        return []
    with portal.books.reading() as entries:
        found = entries.attempts_to_ask(asking.asked_banks(), portal.clock() - _ASK_FOR, dossier_code)
    if Flaw.FAILED_NEVER_ASKED in portal.flaws:
        return [attempt for attempt in found if attempt.state is AttemptState.PENDING]
    if Flaw.PENDING_POLLED_ONCE in portal.flaws:
        return [attempt for attempt in found if attempt.asks == 0]
    return found


def _due(portal: Portal, attempts: list[Attempt]) -> list[Attempt]:
    now = portal.clock()
    return [each for each in attempts if _is_due(each, now, portal.settings.poll_after_s)]


def _is_due(attempt: Attempt, now: datetime, poll_after_s: int) -> bool:
    if attempt.asked_at is None:
        return now >= attempt.ordered_at + timedelta(seconds=poll_after_s)
    doublings = min(attempt.asks - 1, 20)
    wait_s = min(_FIRST_WAIT_S * 2**doublings, _LONGEST_WAIT_S)
    return now >= attempt.asked_at + timedelta(seconds=wait_s)


async def _ask_all(portal: Portal, attempts: list[Attempt], settled: int = 0) -> Done:
    places = asyncio.Semaphore(_AT_ONCE)

    async def one(attempt: Attempt) -> bool:
        async with places:
            return await asking.ask(portal, attempt) in RECORDED

    await asyncio.to_thread(asking.count, portal, attempts)
    told = sum(await asyncio.gather(*(one(attempt) for attempt in attempts)))
    return Done(settled, len(attempts), told)


async def _issue_owed(portal: Portal) -> None:
    if not portal.issuer_is_down:
        await asyncio.to_thread(settlement.issue_owed, portal.books, portal.clock(), portal.flaws)


async def _settle_queued(portal: Portal) -> int:
    settled = await asyncio.to_thread(
        settlement.settle_queued,
        portal.books,
        portal.clock(),
        portal.flaws,
        portal.handled,
        portal.settings.keeps_overpayments,
        portal.issuer_is_down,
    )
    portal.written.set()
    return settled
