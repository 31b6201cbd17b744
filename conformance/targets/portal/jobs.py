"""What the portal does on its own: settling what was acknowledged first, and asking about what nobody told."""

import asyncio
import logging
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from conformance.targets.portal import asking, settlement
from conformance.targets.portal.defects import ASKED_BANKS, Flaw
from conformance.targets.portal.dossiers import RECORDED, Attempt
from conformance.targets.portal.portal import Portal

_log = logging.getLogger(__name__)

_ASK_FOR = timedelta(days=3)
"""How long after its creation an order is asked about."""

_AT_ONCE = 8
_FIRST_WAIT_S = 300
# vnpay-querydr-refund#codes: 94 for the same question within five minutes.
_LONGEST_WAIT_S = 6 * 3600


@dataclass(frozen=True, slots=True)
class Done:
    """How many callbacks were settled, how many orders asked about, and how many answers told something new."""

    settled: int
    asked: int
    told: int


async def run_now(portal: Portal, dossier_code: str = "") -> Done:
    """Everything at once, without regard to timetables; only one dossier's orders if it is named."""
    settled = await _settle_queued(portal)
    attempts = await asyncio.to_thread(_open_attempts, portal, dossier_code)
    return Done(settled, len(attempts), await _ask_all(portal, attempts))


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
    now = portal.clock()
    await _ask_all(portal, [each for each in attempts if _is_due(each, now, portal.settings.poll_after_s)])


def _open_attempts(portal: Portal, dossier_code: str) -> list[Attempt]:
    if Flaw.LOST_CALLBACK_NEVER_POLLED in portal.flaws:
        return []
    with portal.books.reading() as entries:
        found = entries.attempts_to_ask(ASKED_BANKS, portal.clock() - _ASK_FOR, dossier_code)
    if Flaw.PENDING_POLLED_ONCE in portal.flaws:
        return [attempt for attempt in found if attempt.asks == 0]
    return found


def _is_due(attempt: Attempt, now: datetime, poll_after_s: int) -> bool:
    if attempt.asked_at is None:
        return now >= attempt.ordered_at + timedelta(seconds=poll_after_s)
    doublings = min(attempt.asks - 1, 20)
    wait_s = min(_FIRST_WAIT_S * 2**doublings, _LONGEST_WAIT_S)
    return now >= attempt.asked_at + timedelta(seconds=wait_s)


async def _ask_all(portal: Portal, attempts: list[Attempt]) -> int:
    places = asyncio.Semaphore(_AT_ONCE)

    async def one(attempt: Attempt) -> bool:
        async with places:
            return await asking.ask(portal, attempt) in RECORDED

    return sum(await asyncio.gather(*(one(attempt) for attempt in attempts)))


async def _settle_queued(portal: Portal) -> int:
    return await asyncio.to_thread(settlement.settle_queued, portal.books, portal.clock(), portal.flaws, portal.handled)
