"""Sending what was written to payers: a text message or an e-mail, through the gateway that the settings name.

Rule: a message is written in the transaction that books the money, and sent afterwards, until the gateway has taken
it. Killed in between, the portal sends it once more under the same number, by which the gateway knows it.
"""

import asyncio

from conformance.targets.portal.bank_line import BankSilent
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.entries import Notification
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.references import request_number

_AT_ONCE = 100
_QUEUE_S = 0.5
SENDER = "DICHVUCONG"


async def send_waiting(portal: Portal) -> int:
    """How many were sent. It ends with the first that the gateway does not take, which the others overtake then."""
    if not portal.settings.inbox_url:
        return 0
    sent = 0
    async with portal.sending:
        for number, notification in await _to_send(portal):
            url = f"{portal.settings.inbox_url}/{notification.channel}"
            try:
                await portal.line.deliver(url, _message(number, notification, portal.flaws))
            except BankSilent:
                given_up = Flaw.NOTICE_TRIED_ONCE in portal.flaws
                await asyncio.to_thread(_mark, portal, number, taken=given_up)
                break
            await asyncio.to_thread(_mark, portal, number, taken=True)
            sent += 1
    return sent


async def gateway_is_up(portal: Portal) -> bool:
    """For the defect that settles nothing without it: a message to nobody, which a gateway that works refuses."""
    try:
        await portal.line.deliver(f"{portal.settings.inbox_url}/sms", {})
    except BankSilent as silent:
        return "HTTP 4" in str(silent)
    return True


async def _to_send(portal: Portal) -> list[tuple[int, Notification]]:
    """What waits, with its number. The defect takes it out of the books and has it in memory alone for a while."""
    waiting = await asyncio.to_thread(_waiting, portal)
    if Flaw.NOTICE_KEPT_IN_MEMORY in portal.flaws:
        for number, _ in waiting:
            await asyncio.to_thread(_mark, portal, number, taken=True)
        await asyncio.sleep(_QUEUE_S if waiting else 0)
    return waiting


def _message(number: int, notification: Notification, flaws: frozenset[Flaw]) -> dict[str, object]:
    reference = request_number() if Flaw.NOTICE_NUMBERED_ANEW in flaws else f"{notification.dossier_code}/{number}"
    message = {"from": SENDER, "to": notification.address, "text": notification.text, "request_id": reference}
    if notification.channel == "email":
        message["subject"] = f"Biên lai hồ sơ {notification.dossier_code}"
    return dict(message)


def _waiting(portal: Portal) -> list[tuple[int, Notification]]:
    with portal.books.reading() as entries:
        return entries.unsent(_AT_ONCE)


def _mark(portal: Portal, number: int, *, taken: bool) -> None:
    with portal.books.writing() as entries:
        if taken:
            entries.mark_sent(number)
        else:
            entries.count_try(number)
