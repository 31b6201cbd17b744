"""Sending what was written to payers: a text message or an e-mail, through the gateway that the settings name.

Rule: a message is written in the transaction that books the money, and sent afterwards, until the gateway has taken
it. Killed in between, the portal sends it once more under the same number, by which the gateway knows it.
"""

import asyncio

from conformance.targets.portal.bank_line import BankSilent
from conformance.targets.portal.entries import Notification
from conformance.targets.portal.portal import Portal

_AT_ONCE = 100
SENDER = "DICHVUCONG"


async def send_waiting(portal: Portal) -> int:
    """How many were sent. It ends with the first that the gateway does not take, which the others overtake then."""
    if not portal.settings.inbox_url:
        return 0
    sent = 0
    async with portal.sending:
        for number, notification in await asyncio.to_thread(_waiting, portal):
            url = f"{portal.settings.inbox_url}/{notification.channel}"
            try:
                await portal.line.deliver(url, _message(number, notification))
            except BankSilent:
                await asyncio.to_thread(_mark, portal, number, taken=False)
                break
            await asyncio.to_thread(_mark, portal, number, taken=True)
            sent += 1
    return sent


def _message(number: int, notification: Notification) -> dict[str, object]:
    reference = f"{notification.dossier_code}/{number}"
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
